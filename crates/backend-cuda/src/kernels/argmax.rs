//! From scores to class indices and back.

use super::{AxisView, Operands};
use crate::{
    Cuda,
    driver::Address,
    launch::{Entry, Grid, Signature},
};
use core_tensor::{Launch, Result};

const FORWARD: Entry<(Address, Address, AxisView)> = Entry::new("argmax_forward");
const ONEHOT: Entry<(Address, Address, AxisView)> = Entry::new("argmax_onehot");
const BAD: Entry<(Address, Address, u32, u32)> = Entry::new("argmax_bad");
pub(super) const SIGNATURES: &[Signature] = &[FORWARD.signature(), ONEHOT.signature(), BAD.signature()];

pub(super) fn launch(cuda: &Cuda, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    match kernel {
        "forward" => Some(forward(Operands::new(cuda, call))),
        "onehot" => Some(onehot(Operands::new(cuda, call))),
        _ => None,
    }
}

fn forward(operands: Operands<'_>) -> Result<()> {
    let (x, y, n) = (operands.read(0, "the scores")?, operands.write(0, "the indices")?, operands.len()?);
    let view = AxisView::new(operands.call.reads[0].shape(), operands.call.sizes[0])?;
    FORWARD.launch(operands.cuda, operands.dtype, Grid::over(operands.cuda, n), (x, y, view))
}

fn onehot(operands: Operands<'_>) -> Result<()> {
    let (x, y) = (operands.read(0, "the indices")?, operands.write(0, "the one-hot vectors")?);
    let (result, n) = (operands.write(1, "the result")?, operands.len()?);
    let (shape, sizes) = (operands.call.writes[0].shape(), operands.call.sizes);
    let view = AxisView::new(shape, sizes[0])?;
    let counted = view.counted(sizes[1], shape.batch())?;
    ONEHOT.launch(operands.cuda, operands.dtype, Grid::over(operands.cuda, n), (x, y, view))?;
    BAD.launch(operands.cuda, operands.dtype, Grid::block_each(1), (x, result, view.axis, counted))
}
