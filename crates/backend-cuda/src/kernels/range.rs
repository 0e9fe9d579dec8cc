//! Copying a range along one axis, the batch or any other.

use super::{AxisView, Operands, count};
use crate::{
    Cuda,
    driver::Address,
    launch::{Entry, Grid, Signature},
};
use core_tensor::{Launch, Result};

const COPY: Entry<(Address, Address, AxisView, AxisView, u32, u32, u32)> = Entry::new("range_copy");
pub(super) const SIGNATURES: &[Signature] = &[COPY.signature()];

pub(super) fn launch(cuda: &Cuda, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    (kernel == "copy").then(|| copy(Operands::new(cuda, call)))
}

fn copy(operands: Operands<'_>) -> Result<()> {
    let (x, y) = (operands.read(0, "the source")?, operands.write(0, "the target")?);
    let [axis, from, to, length] = std::array::from_fn(|i| operands.call.sizes[i]);
    let source = AxisView::new(operands.call.reads[0].shape(), axis)?;
    let target = AxisView::new(operands.call.writes[0].shape(), axis)?;
    let [from, to, length] = [count(from)?, count(to)?, count(length)?];
    let grid = Grid::over(operands.cuda, source.positions() * length);
    COPY.launch(operands.cuda, operands.dtype, grid, (x, y, source, target, from, to, length))
}
