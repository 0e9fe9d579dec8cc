//! A rectified linear unit whose slope below zero is learnt.

use super::{AxisView, Operands, count};
use crate::{
    Cuda,
    driver::Address,
    launch::{Entry, Grid, Signature},
};
use core_tensor::{Launch, Result, Tensor};

const FORWARD: Entry<(Address, Address, Address, AxisView)> = Entry::new("prelu_forward");
const BACKWARD: Entry<(Address, Address, Address, Address, AxisView)> = Entry::new("prelu_backward");
const SLOPE_GRADIENT: Entry<(Address, Address, Address, AxisView, u32)> = Entry::new("prelu_slope_gradient");
pub(super) const SIGNATURES: &[Signature] = &[FORWARD.signature(), BACKWARD.signature(), SLOPE_GRADIENT.signature()];

pub(super) fn launch(cuda: &Cuda, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    let launcher = match kernel {
        "forward" => forward,
        "backward" => backward,
        "slope_gradient" => slope_gradient,
        _ => return None,
    };
    Some(launcher(Operands::new(cuda, call)))
}

fn forward(operands: Operands<'_>) -> Result<()> {
    let (x, slope) = (operands.read(0, "the input")?, operands.read(1, "the slope")?);
    let (y, view) = (operands.write(0, "the output")?, view(&operands, operands.call.reads[1])?);
    let grid = Grid::over(operands.cuda, operands.len()?);
    FORWARD.launch(operands.cuda, operands.dtype, grid, (x, slope, y, view))
}

fn backward(operands: Operands<'_>) -> Result<()> {
    let (x, slope) = (operands.read(0, "the input")?, operands.read(1, "the slope")?);
    let (dy, dx) = (operands.read(2, "the gradient")?, operands.write(0, "the result")?);
    let view = view(&operands, operands.call.reads[1])?;
    let grid = Grid::over(operands.cuda, operands.len()?);
    BACKWARD.launch(operands.cuda, operands.dtype, grid, (x, slope, dy, dx, view))
}

fn slope_gradient(operands: Operands<'_>) -> Result<()> {
    let (dy, x) = (operands.read(0, "the gradient")?, operands.read(1, "the input")?);
    let (result, add) = (operands.write(0, "the result")?, count(operands.call.sizes[1])?);
    let view = view(&operands, operands.call.writes[0])?;
    SLOPE_GRADIENT.launch(operands.cuda, operands.dtype, Grid::block_each(view.axis), (dy, x, result, view, add))
}

/// A single slope sees all features as one channel.
fn view(operands: &Operands<'_>, slope: &Tensor) -> Result<AxisView> {
    let shape = operands.call.reads[0].shape();
    if slope.shape().len() == 1 {
        return Ok(AxisView { outer: count(shape.batch())?, axis: 1, inner: count(shape.sample_len())? });
    }
    AxisView::new(shape, operands.call.sizes[0])
}
