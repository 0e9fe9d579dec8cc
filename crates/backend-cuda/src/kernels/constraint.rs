//! Keeping the norm of each output unit's weights within a limit.

use super::{Operands, count};
use crate::{
    Cuda,
    driver::Address,
    launch::{Entry, Grid, Signature},
};
use core_tensor::{Launch, Result};

const ROW_NORMS: Entry<(Address, u32, u32, f64)> = Entry::new("constraint_row_norms");
pub(super) const SIGNATURES: &[Signature] = &[ROW_NORMS.signature()];

pub(super) fn launch(cuda: &Cuda, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    (kernel == "row_norms").then(|| row_norms(Operands::new(cuda, call)))
}

fn row_norms(operands: Operands<'_>) -> Result<()> {
    let (w, rows) = (operands.write(0, "the parameter")?, count(operands.call.sizes[0])?);
    let columns = operands.len()? / rows.max(1);
    let parameters = (w, rows, columns, operands.call.scalars[0]);
    ROW_NORMS.launch(operands.cuda, operands.dtype, Grid::block_each(rows), parameters)
}
