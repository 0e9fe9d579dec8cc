//! Rows of a table chosen by index.

use super::{Operands, count};
use crate::{
    Cuda,
    driver::Address,
    launch::{Entry, Grid, Signature},
};
use core_tensor::{Launch, Result};

const FORWARD: Entry<(Address, Address, Address, u32, u32, u32)> = Entry::new("embed_forward");
const COUNT: Entry<(Address, Address, u32, u32)> = Entry::new("embed_count");
const BACKWARD: Entry<(Address, Address, Address, u32, u32, u32, u32)> = Entry::new("embed_backward");
pub(super) const SIGNATURES: &[Signature] = &[FORWARD.signature(), COUNT.signature(), BACKWARD.signature()];

pub(super) fn launch(cuda: &Cuda, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    match kernel {
        "forward" => Some(forward(Operands::new(cuda, call))),
        "backward" => Some(backward(Operands::new(cuda, call))),
        _ => None,
    }
}

fn forward(operands: Operands<'_>) -> Result<()> {
    let (index, table) = (operands.read(0, "the indices")?, operands.read(1, "the table")?);
    let (y, bad) = (operands.write(0, "the output")?, operands.write(1, "the result")?);
    let (places, shape) = (count(operands.call.reads[0].shape().len())?, operands.call.reads[1].shape());
    let (n, rows, width) = (operands.len()?, count(shape.batch())?, count(shape.sample_len())?);
    FORWARD.launch(operands.cuda, operands.dtype, Grid::over(operands.cuda, n), (index, table, y, n, rows, width))?;
    COUNT.launch(operands.cuda, operands.dtype, Grid::block_each(1), (index, bad, places, rows))
}

fn backward(operands: Operands<'_>) -> Result<()> {
    let (index, dy) = (operands.read(0, "the indices")?, operands.read(1, "the gradient")?);
    let (gradient, shape) = (operands.write(0, "the result")?, operands.call.writes[0].shape());
    let places = count(operands.call.reads[0].shape().len())?;
    let (rows, width, add) = (count(shape.batch())?, count(shape.sample_len())?, count(operands.call.sizes[0])?);
    let parameters = (index, dy, gradient, places, rows, width, add);
    BACKWARD.launch(operands.cuda, operands.dtype, Grid::rows_of(rows, width), parameters)
}
