//! Counting predictions that have the value at the label's index among their largest.

use super::{AxisView, Operands};
use crate::{
    Cuda,
    driver::Address,
    launch::{Entry, Grid, Signature},
};
use core_tensor::{Launch, Result};

const COUNT: Entry<(Address, Address, Address, AxisView, u32, u32)> = Entry::new("accuracy_count");
pub(super) const SIGNATURES: &[Signature] = &[COUNT.signature()];

pub(super) fn launch(cuda: &Cuda, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    (kernel == "count").then(|| count(Operands::new(cuda, call)))
}

fn count(operands: Operands<'_>) -> Result<()> {
    let (x, label) = (operands.read(0, "the prediction")?, operands.read(1, "the label")?);
    let result = operands.write(0, "the result")?;
    let (shape, sizes) = (operands.call.reads[0].shape(), operands.call.sizes);
    let view = AxisView::new(shape, sizes[0])?;
    let (counted, top_k) = (view.counted(sizes[1], shape.batch())?, super::count(sizes[2])?);
    COUNT.launch(operands.cuda, operands.dtype, Grid::block_each(1), (x, label, result, view, counted, top_k))
}
