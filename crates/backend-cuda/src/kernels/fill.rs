//! Setting every element to one value.

use super::Operands;
use crate::{
    Cuda,
    driver::Address,
    launch::{Entry, Grid, Signature},
};
use core_tensor::{Launch, Result};

const CONSTANT: Entry<(Address, u32, f64)> = Entry::new("fill_constant");
pub(super) const SIGNATURES: &[Signature] = &[CONSTANT.signature()];

pub(super) fn launch(cuda: &Cuda, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    (kernel == "constant").then(|| constant(Operands::new(cuda, call)))
}

fn constant(operands: Operands<'_>) -> Result<()> {
    let (y, n) = (operands.write(0, "the result")?, operands.len()?);
    CONSTANT.launch(operands.cuda, operands.dtype, Grid::over(operands.cuda, n), (y, n, operands.call.scalars[0]))
}
