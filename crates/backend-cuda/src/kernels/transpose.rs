//! Transposing a matrix of parameters.

use super::{Operands, count};
use crate::{
    Cuda,
    driver::Address,
    launch::{Entry, Grid, Signature},
};
use core_tensor::{Launch, Result};

const MATRIX: Entry<(Address, Address, u32, u32)> = Entry::new("transpose_matrix");
pub(super) const SIGNATURES: &[Signature] = &[MATRIX.signature()];

pub(super) fn launch(cuda: &Cuda, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    (kernel == "matrix").then(|| matrix(Operands::new(cuda, call)))
}

fn matrix(operands: Operands<'_>) -> Result<()> {
    let (x, y) = (operands.read(0, "the matrix")?, operands.write(0, "the result")?);
    let shape = operands.call.reads[0].shape();
    let (rows, columns) = (count(shape.axis(0))?, count(shape.axis(1))?);
    MATRIX.launch(operands.cuda, operands.dtype, Grid::squares(rows, columns), (x, y, rows, columns))
}
