//! Pooling along one axis.

use super::{AxisView, Operands, count};
use crate::{
    Cuda,
    driver::Address,
    launch::{Entry, Grid, Kind, Parameter, Signature},
};
use core_tensor::{Launch, Result, Shape};

const MAX_FORWARD: Entry<(Address, Address, AxisView, Windows)> = Entry::new("channel_pooling_max_forward");
const MEAN_FORWARD: Entry<(Address, Address, AxisView, Windows)> = Entry::new("channel_pooling_mean_forward");
const MAX_BACKWARD: Entry<(Address, Address, Address, AxisView, Windows)> = Entry::new("channel_pooling_max_backward");
const MEAN_BACKWARD: Entry<(Address, Address, AxisView, Windows)> = Entry::new("channel_pooling_mean_backward");
pub(super) const SIGNATURES: &[Signature] =
    &[MAX_FORWARD.signature(), MEAN_FORWARD.signature(), MAX_BACKWARD.signature(), MEAN_BACKWARD.signature()];

/// Where the windows lie; `Windows` in `kernels/channel_pooling.cu`.
#[derive(Clone, Copy)]
#[repr(C)]
struct Windows {
    count: u32,
    kernel: u32,
    stride: u32,
    pad: u32,
}

impl Parameter for Windows {
    const KIND: Kind = Kind::Structure(size_of::<Self>());
}

pub(super) fn launch(cuda: &Cuda, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    match kernel {
        "max_forward" => Some(forward(&MAX_FORWARD, Operands::new(cuda, call))),
        "mean_forward" => Some(forward(&MEAN_FORWARD, Operands::new(cuda, call))),
        "max_backward" => Some(max_backward(Operands::new(cuda, call))),
        "mean_backward" => Some(mean_backward(Operands::new(cuda, call))),
        _ => None,
    }
}

fn forward(entry: &Entry<(Address, Address, AxisView, Windows)>, operands: Operands<'_>) -> Result<()> {
    let (x, y, n) = (operands.read(0, "the input")?, operands.write(0, "the output")?, operands.len()?);
    let (view, windows) = windows(&operands, operands.call.writes[0].shape())?;
    entry.launch(operands.cuda, operands.dtype, Grid::over(operands.cuda, n), (x, y, view, windows))
}

fn max_backward(operands: Operands<'_>) -> Result<()> {
    let (x, dy) = (operands.read(0, "the input")?, operands.read(1, "the gradient")?);
    let (dx, n) = (operands.write(0, "the result")?, operands.len()?);
    let (view, windows) = windows(&operands, operands.call.reads[1].shape())?;
    MAX_BACKWARD.launch(operands.cuda, operands.dtype, Grid::over(operands.cuda, n), (x, dy, dx, view, windows))
}

fn mean_backward(operands: Operands<'_>) -> Result<()> {
    let (dy, dx, n) = (operands.read(1, "the gradient")?, operands.write(0, "the result")?, operands.len()?);
    let (view, windows) = windows(&operands, operands.call.reads[1].shape())?;
    MEAN_BACKWARD.launch(operands.cuda, operands.dtype, Grid::over(operands.cuda, n), (dy, dx, view, windows))
}

/// The input along the axis, and the windows on it.
fn windows(operands: &Operands<'_>, output: Shape) -> Result<(AxisView, Windows)> {
    let [axis, kernel, stride, pad] = std::array::from_fn(|i| operands.call.sizes[i]);
    let windows =
        Windows { count: count(output.axis(axis))?, kernel: count(kernel)?, stride: count(stride)?, pad: count(pad)? };
    Ok((AxisView::new(operands.call.reads[0].shape(), axis)?, windows))
}
