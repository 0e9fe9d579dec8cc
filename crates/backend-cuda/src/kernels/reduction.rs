//! Sums of what follows an axis.

use super::{Operands, count};
use crate::{
    Cuda,
    driver::Address,
    launch::{Entry, Grid, Signature},
};
use core_tensor::{Launch, Result};

const FORWARD: Entry<(Address, Address, u32, u32, u32, f64)> = Entry::new("reduction_forward");
const BACKWARD: Entry<(Address, Address, Address, u32, u32, u32, f64)> = Entry::new("reduction_backward");
pub(super) const SIGNATURES: &[Signature] = &[FORWARD.signature(), BACKWARD.signature()];

pub(super) fn launch(cuda: &Cuda, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    match kernel {
        "forward" => Some(forward(Operands::new(cuda, call))),
        "backward" => Some(backward(Operands::new(cuda, call))),
        _ => None,
    }
}

fn forward(operands: Operands<'_>) -> Result<()> {
    let (x, y, positions) = (operands.read(0, "the input")?, operands.write(0, "the output")?, operands.len()?);
    let elements = count(operands.call.reads[0].shape().len())? / positions.max(1);
    let (code, factor) = (count(operands.call.sizes[0])?, operands.call.scalars[0]);
    let parameters = (x, y, positions, elements, code, factor);
    FORWARD.launch(operands.cuda, operands.dtype, Grid::block_each(positions), parameters)
}

fn backward(operands: Operands<'_>) -> Result<()> {
    let (x, dy) = (operands.read(0, "the input")?, operands.read(1, "the gradient")?);
    let (dx, n) = (operands.write(0, "the result")?, operands.len()?);
    let elements = n / count(operands.call.reads[1].shape().len())?.max(1);
    let (code, factor) = (count(operands.call.sizes[0])?, operands.call.scalars[0]);
    let parameters = (x, dy, dx, n, elements, code, factor);
    BACKWARD.launch(operands.cuda, operands.dtype, Grid::over(operands.cuda, n), parameters)
}
