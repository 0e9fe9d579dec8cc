//! `(scale x + shift)^power`, element by element.

use super::Operands;
use crate::{
    Cuda,
    driver::Address,
    launch::{Entry, Grid, Signature},
};
use core_tensor::{Launch, Result};

const FORWARD: Entry<(Address, Address, u32, f64, f64, f64)> = Entry::new("power_forward");
const BACKWARD: Entry<(Address, Address, Address, u32, f64, f64, f64)> = Entry::new("power_backward");
pub(super) const SIGNATURES: &[Signature] = &[FORWARD.signature(), BACKWARD.signature()];

pub(super) fn launch(cuda: &Cuda, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    match kernel {
        "forward" => Some(forward(Operands::new(cuda, call))),
        "backward" => Some(backward(Operands::new(cuda, call))),
        _ => None,
    }
}

fn forward(operands: Operands<'_>) -> Result<()> {
    let (x, y, n) = (operands.read(0, "the input")?, operands.write(0, "the output")?, operands.len()?);
    let [scale, shift, power] = std::array::from_fn(|i| operands.call.scalars[i]);
    FORWARD.launch(operands.cuda, operands.dtype, Grid::over(operands.cuda, n), (x, y, n, scale, shift, power))
}

fn backward(operands: Operands<'_>) -> Result<()> {
    let (x, dy) = (operands.read(0, "the input")?, operands.read(1, "the gradient")?);
    let (dx, n) = (operands.write(0, "the result")?, operands.len()?);
    let [scale, shift, power] = std::array::from_fn(|i| operands.call.scalars[i]);
    BACKWARD.launch(operands.cuda, operands.dtype, Grid::over(operands.cuda, n), (x, dy, dx, n, scale, shift, power))
}
