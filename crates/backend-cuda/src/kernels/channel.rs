//! One number for each channel: scaling and shifting by it, and sums over everything else.

use super::{AxisView, Operands, count};
use crate::{
    Cuda,
    driver::Address,
    launch::{Entry, Grid, Signature},
};
use core_tensor::{Launch, Result};

const AFFINE: Entry<(Address, Address, Address, Address, AxisView)> = Entry::new("channel_affine");
const SHIFT: Entry<(Address, Address, AxisView)> = Entry::new("channel_shift");
const SUM: Entry<(Address, Address, AxisView, u32)> = Entry::new("channel_sum");
const DOT: Entry<(Address, Address, Address, AxisView, u32)> = Entry::new("channel_dot");
pub(super) const SIGNATURES: &[Signature] = &[AFFINE.signature(), SHIFT.signature(), SUM.signature(), DOT.signature()];

pub(super) fn launch(cuda: &Cuda, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    let launcher = match kernel {
        "affine" => affine,
        "shift" => shift,
        "sum" => sum,
        "dot" => dot,
        _ => return None,
    };
    Some(launcher(Operands::new(cuda, call)))
}

fn affine(operands: Operands<'_>) -> Result<()> {
    let [axis, has_scale, has_shift] = std::array::from_fn(|i| operands.call.sizes[i]);
    let (x, y) = (operands.read(0, "the input")?, operands.write(0, "the output")?);
    let scale = if has_scale == 1 { operands.read(1, "the scale")? } else { Address::default() };
    let shift = if has_shift == 1 { operands.read(1 + has_scale, "the shift")? } else { Address::default() };
    let view = AxisView::new(operands.call.reads[0].shape(), axis)?;
    let grid = Grid::over(operands.cuda, operands.len()?);
    AFFINE.launch(operands.cuda, operands.dtype, grid, (x, scale, shift, y, view))
}

fn shift(operands: Operands<'_>) -> Result<()> {
    let (shift, y) = (operands.read(0, "the shift")?, operands.write(0, "the blob")?);
    let view = AxisView::new(operands.call.writes[0].shape(), operands.call.sizes[0])?;
    let grid = Grid::over(operands.cuda, operands.len()?);
    SHIFT.launch(operands.cuda, operands.dtype, grid, (shift, y, view))
}

fn sum(operands: Operands<'_>) -> Result<()> {
    let (dy, result) = (operands.read(0, "the gradient")?, operands.write(0, "the result")?);
    let (view, add) = (view_of_sum(&operands)?, count(operands.call.sizes[1])?);
    SUM.launch(operands.cuda, operands.dtype, Grid::block_each(view.axis), (dy, result, view, add))
}

fn dot(operands: Operands<'_>) -> Result<()> {
    let (dy, x) = (operands.read(0, "the gradient")?, operands.read(1, "the input")?);
    let result = operands.write(0, "the result")?;
    let (view, add) = (view_of_sum(&operands)?, count(operands.call.sizes[1])?);
    DOT.launch(operands.cuda, operands.dtype, Grid::block_each(view.axis), (dy, x, result, view, add))
}

fn view_of_sum(operands: &Operands<'_>) -> Result<AxisView> {
    AxisView::new(operands.call.reads[0].shape(), operands.call.sizes[0])
}
