//! Element by element over whole tensors.

use super::Operands;
use crate::{
    Cuda,
    driver::Address,
    launch::{Entry, Grid, Signature},
};
use core_tensor::{Launch, Result};

const COPY: Entry<(Address, Address, u32)> = Entry::new("elementwise_copy");
const AXPY: Entry<(Address, Address, u32, f64)> = Entry::new("elementwise_axpy");
pub(super) const SIGNATURES: &[Signature] = &[COPY.signature(), AXPY.signature()];

pub(super) fn launch(cuda: &Cuda, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    match kernel {
        "copy" => Some(copy(Operands::new(cuda, call))),
        "axpy" => Some(axpy(Operands::new(cuda, call))),
        _ => None,
    }
}

fn copy(operands: Operands<'_>) -> Result<()> {
    let (x, y, n) = (operands.read(0, "the source")?, operands.write(0, "the target")?, operands.len()?);
    COPY.launch(operands.cuda, operands.dtype, Grid::over(operands.cuda, n), (x, y, n))
}

fn axpy(operands: Operands<'_>) -> Result<()> {
    let (x, y, n) = (operands.read(0, "the summand")?, operands.write(0, "the sum")?, operands.len()?);
    let parameters = (x, y, n, operands.call.scalars[0]);
    AXPY.launch(operands.cuda, operands.dtype, Grid::over(operands.cuda, n), parameters)
}
