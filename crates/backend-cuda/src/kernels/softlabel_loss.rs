//! Softmax followed by the cross entropy with a distribution over classes.

use super::{AxisView, Operands, softmax::softmax};
use crate::{
    Cuda,
    driver::Address,
    launch::{Entry, Grid, Signature},
};
use core_tensor::{Launch, Result};

const SUM: Entry<(Address, Address, Address, Address, AxisView, u32)> = Entry::new("softlabel_loss_sum");
const BACKWARD: Entry<(Address, Address, Address, AxisView, u32, f64)> = Entry::new("softlabel_loss_backward");
pub(super) const SIGNATURES: &[Signature] = &[SUM.signature(), BACKWARD.signature()];

pub(super) fn launch(cuda: &Cuda, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    match kernel {
        "forward" => Some(forward(Operands::new(cuda, call))),
        "backward" => Some(backward(Operands::new(cuda, call))),
        _ => None,
    }
}

fn forward(operands: Operands<'_>) -> Result<()> {
    let (x, q) = (operands.read(0, "the logits")?, operands.read(1, "the targets")?);
    let (prob, result) = (operands.write(0, "the probabilities")?, operands.write(1, "the result")?);
    let (view, counted) = view(&operands)?;
    softmax(operands.cuda, operands.dtype, view, x, prob)?;
    SUM.launch(operands.cuda, operands.dtype, Grid::warp_each(1), (x, q, prob, result, view, counted))
}

fn backward(operands: Operands<'_>) -> Result<()> {
    let (prob, q) = (operands.read(0, "the probabilities")?, operands.read(1, "the targets")?);
    let dx = operands.write(0, "the gradient")?;
    let (view, counted) = view(&operands)?;
    let parameters = (prob, q, dx, view, counted, operands.call.scalars[0]);
    BACKWARD.launch(operands.cuda, operands.dtype, Grid::warp_each(view.positions()), parameters)
}

/// The blob along the class axis, and the positions that count.
fn view(operands: &Operands<'_>) -> Result<(AxisView, u32)> {
    let (shape, sizes) = (operands.call.reads[0].shape(), operands.call.sizes);
    let view = AxisView::new(shape, sizes[0])?;
    Ok((view, view.counted(sizes[1], shape.batch())?))
}
