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
const SCALE: Entry<(Address, Address, u32, f64)> = Entry::new("elementwise_scale");
const ADD: Entry<(Address, Address, Address, u32)> = Entry::new("elementwise_add");
const SUBTRACT: Entry<(Address, Address, Address, u32)> = Entry::new("elementwise_subtract");
const MULTIPLY: Entry<(Address, Address, Address, u32)> = Entry::new("elementwise_multiply");
const DIVIDE: Entry<(Address, Address, Address, u32)> = Entry::new("elementwise_divide");
const QUOTIENT_BACKWARD: Entry<(Address, Address, Address, Address, u32)> = Entry::new("elementwise_quotient_backward");
pub(super) const SIGNATURES: &[Signature] = &[
    COPY.signature(),
    AXPY.signature(),
    SCALE.signature(),
    ADD.signature(),
    SUBTRACT.signature(),
    MULTIPLY.signature(),
    DIVIDE.signature(),
    QUOTIENT_BACKWARD.signature(),
];

pub(super) fn launch(cuda: &Cuda, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    match kernel {
        "copy" => Some(copy(Operands::new(cuda, call))),
        "axpy" => Some(axpy(Operands::new(cuda, call))),
        "scale" => Some(scale(Operands::new(cuda, call))),
        "add" => Some(binary(&ADD, Operands::new(cuda, call))),
        "subtract" => Some(binary(&SUBTRACT, Operands::new(cuda, call))),
        "multiply" => Some(binary(&MULTIPLY, Operands::new(cuda, call))),
        "divide" => Some(binary(&DIVIDE, Operands::new(cuda, call))),
        "quotient_backward" => Some(quotient_backward(Operands::new(cuda, call))),
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

fn scale(operands: Operands<'_>) -> Result<()> {
    let (x, y, n) = (operands.read(0, "the source")?, operands.write(0, "the target")?, operands.len()?);
    let parameters = (x, y, n, operands.call.scalars[0]);
    SCALE.launch(operands.cuda, operands.dtype, Grid::over(operands.cuda, n), parameters)
}

fn binary(entry: &Entry<(Address, Address, Address, u32)>, operands: Operands<'_>) -> Result<()> {
    let (a, b) = (operands.read(0, "the first operand")?, operands.read(1, "the second operand")?);
    let (y, n) = (operands.write(0, "the result")?, operands.len()?);
    entry.launch(operands.cuda, operands.dtype, Grid::over(operands.cuda, n), (a, b, y, n))
}

fn quotient_backward(operands: Operands<'_>) -> Result<()> {
    let (divisor, quotient) = (operands.read(0, "the divisor")?, operands.read(1, "the quotient")?);
    let (dy, dx, n) = (operands.read(2, "the gradient")?, operands.write(0, "the result")?, operands.len()?);
    let parameters = (divisor, quotient, dy, dx, n);
    QUOTIENT_BACKWARD.launch(operands.cuda, operands.dtype, Grid::over(operands.cuda, n), parameters)
}
