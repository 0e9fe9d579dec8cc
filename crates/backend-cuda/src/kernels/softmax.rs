//! Softmax along one axis.

use super::{AxisView, Operands};
use crate::{
    Cuda,
    driver::Address,
    launch::{Entry, Grid, Signature},
};
use core_tensor::{DType, Launch, Result};

const FORWARD: Entry<(Address, Address, AxisView)> = Entry::new("softmax_forward");
const BACKWARD: Entry<(Address, Address, Address, AxisView)> = Entry::new("softmax_backward");
pub(super) const SIGNATURES: &[Signature] = &[FORWARD.signature(), BACKWARD.signature()];

pub(super) fn launch(cuda: &Cuda, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    match kernel {
        "forward" => Some(forward(Operands::new(cuda, call))),
        "backward" => Some(backward(Operands::new(cuda, call))),
        _ => None,
    }
}

/// `y = softmax(x)`; also the first half of the softmax loss.
pub(super) fn softmax(cuda: &Cuda, dtype: DType, view: AxisView, x: Address, y: Address) -> Result<()> {
    FORWARD.launch(cuda, dtype, Grid::warp_each(view.positions()), (x, y, view))
}

fn forward(operands: Operands<'_>) -> Result<()> {
    let (x, y) = (operands.read(0, "the logits")?, operands.write(0, "the probabilities")?);
    let view = AxisView::new(operands.call.reads[0].shape(), operands.call.sizes[0])?;
    softmax(operands.cuda, operands.dtype, view, x, y)
}

fn backward(operands: Operands<'_>) -> Result<()> {
    let (y, dy) = (operands.read(0, "the probabilities")?, operands.read(1, "the gradient")?);
    let dx = operands.write(0, "the result")?;
    let view = AxisView::new(operands.call.reads[0].shape(), operands.call.sizes[0])?;
    BACKWARD.launch(operands.cuda, operands.dtype, Grid::warp_each(view.positions()), (y, dy, dx, view))
}
