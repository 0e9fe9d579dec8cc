//! One step of a long short-term memory.

use super::{Operands, count};
use crate::{
    Cuda,
    driver::Address,
    launch::{Entry, Grid, Signature},
};
use core_tensor::{Launch, Result};

const FORWARD: Entry<Step> = Entry::new("lstm_forward");
const BACKWARD: Entry<Step> = Entry::new("lstm_backward");
pub(super) const SIGNATURES: &[Signature] = &[FORWARD.signature(), BACKWARD.signature()];

/// Six blobs; cells, cells of a sample.
type Step = (Address, Address, Address, Address, Address, Address, u32, u32);

pub(super) fn launch(cuda: &Cuda, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    match kernel {
        "forward" => Some(forward(Operands::new(cuda, call))),
        "backward" => Some(backward(Operands::new(cuda, call))),
        _ => None,
    }
}

fn forward(operands: Operands<'_>) -> Result<()> {
    let from_input = operands.read(0, "the input's share")?;
    let from_output = operands.read(1, "the last output's share")?;
    let (before, gates) = (operands.read(2, "the cell before")?, operands.write(0, "the gates")?);
    let (cell, y) = (operands.write(1, "the cell")?, operands.write(2, "the output")?);
    let (n, units) = sizes(&operands)?;
    let parameters = (from_input, from_output, before, gates, cell, y, n, units);
    FORWARD.launch(operands.cuda, operands.dtype, Grid::over(operands.cuda, n), parameters)
}

fn backward(operands: Operands<'_>) -> Result<()> {
    let (gates, cell) = (operands.read(0, "the gates")?, operands.read(1, "the cell")?);
    let (before, dy) = (operands.read(2, "the cell before")?, operands.read(3, "the gradient")?);
    let dgates = operands.write(0, "the gates' gradient")?;
    let dcell = operands.write(1, "the cell's gradient")?;
    let (n, units) = sizes(&operands)?;
    let parameters = (gates, cell, before, dy, dgates, dcell, n, units);
    BACKWARD.launch(operands.cuda, operands.dtype, Grid::over(operands.cuda, n), parameters)
}

/// Cells in all, and in a sample.
fn sizes(operands: &Operands<'_>) -> Result<(u32, u32)> {
    let cells = operands.call.writes[1].shape();
    Ok((count(cells.len())?, count(cells.sample_len())?))
}
