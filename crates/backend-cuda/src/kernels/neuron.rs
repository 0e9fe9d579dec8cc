//! Activation functions and their derivatives, in place.

use super::{Operands, count};
use crate::{
    Cuda,
    driver::Address,
    launch::{Entry, Grid, Signature},
};
use core_tensor::{Error, Launch, Result, ops::Neuron};

const FORWARD: Entry<(Address, u32, u32, f64)> = Entry::new("neuron_forward");
const BACKWARD: Entry<(Address, Address, u32, u32, f64)> = Entry::new("neuron_backward");
pub(super) const SIGNATURES: &[Signature] = &[FORWARD.signature(), BACKWARD.signature()];

pub(super) fn launch(cuda: &Cuda, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    match kernel {
        "forward" => Some(forward(Operands::new(cuda, call))),
        "backward" => Some(backward(Operands::new(cuda, call))),
        _ => None,
    }
}

/// A neuron as kernels take it: its code and its coefficient.
pub(super) fn encode(neuron: Neuron) -> Result<(u32, f64)> {
    Ok((count(neuron.code())?, neuron.coefficient()))
}

fn forward(operands: Operands<'_>) -> Result<()> {
    let (y, n) = (operands.write(0, "the blob")?, operands.len()?);
    let (code, coefficient) = coded(&operands)?;
    FORWARD.launch(operands.cuda, operands.dtype, Grid::over(operands.cuda, n), (y, n, code, coefficient))
}

fn backward(operands: Operands<'_>) -> Result<()> {
    let (y, dy, n) = (operands.read(0, "the output")?, operands.write(0, "the gradient")?, operands.len()?);
    let (code, coefficient) = coded(&operands)?;
    BACKWARD.launch(operands.cuda, operands.dtype, Grid::over(operands.cuda, n), (y, dy, n, code, coefficient))
}

/// The neuron of a call. Codes that `neuron.cuh` does not know would pass for the identity, so they are refused here.
fn coded(operands: &Operands<'_>) -> Result<(u32, f64)> {
    let (code, coefficient) = (operands.call.sizes[0], operands.call.scalars[0]);
    if Neuron::from_code(code, coefficient).is_none() {
        return Err(Error::Value {
            what: "the neuron's code".into(),
            found: code.to_string(),
            expected: "one of `Neuron::code`".into(),
        });
    }
    Ok((count(code)?, coefficient))
}
