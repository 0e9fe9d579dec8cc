//! Cutting a window out of images.

use super::{Operands, count};
use crate::{
    Cuda,
    driver::Address,
    launch::{Entry, Grid, Kind, Parameter, Signature},
};
use core_tensor::{Launch, Result, Shape};

const FORWARD: Entry<(Address, Address, u32, CropView)> = Entry::new("crop_forward");
const BACKWARD: Entry<(Address, Address, u32, CropView)> = Entry::new("crop_backward");
pub(super) const SIGNATURES: &[Signature] = &[FORWARD.signature(), BACKWARD.signature()];

/// Where the window lies; `CropView` in `kernels/crop.cu`.
#[derive(Clone, Copy)]
#[repr(C)]
struct CropView {
    outer_height: u32,
    outer_width: u32,
    height: u32,
    width: u32,
    top: u32,
    left: u32,
    mirror: u32,
}

impl Parameter for CropView {
    const KIND: Kind = Kind::Structure(size_of::<Self>());
}

pub(super) fn launch(cuda: &Cuda, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    match kernel {
        "forward" => Some(forward(Operands::new(cuda, call))),
        "backward" => Some(backward(Operands::new(cuda, call))),
        _ => None,
    }
}

fn forward(operands: Operands<'_>) -> Result<()> {
    let (x, y, n) = (operands.read(0, "the images")?, operands.write(0, "the window")?, operands.len()?);
    let (planes, view) = view(&operands, operands.call.reads[0].shape(), operands.call.writes[0].shape())?;
    FORWARD.launch(operands.cuda, operands.dtype, Grid::over(operands.cuda, n), (x, y, planes, view))
}

fn backward(operands: Operands<'_>) -> Result<()> {
    let (dy, dx, n) = (operands.read(0, "the gradient")?, operands.write(0, "the result")?, operands.len()?);
    let (planes, view) = view(&operands, operands.call.writes[0].shape(), operands.call.reads[0].shape())?;
    BACKWARD.launch(operands.cuda, operands.dtype, Grid::over(operands.cuda, n), (dy, dx, planes, view))
}

/// The number of planes, and where the window `inner` lies in each of `outer`.
fn view(operands: &Operands<'_>, outer: Shape, inner: Shape) -> Result<(u32, CropView)> {
    let [top, left, mirror] = std::array::from_fn(|i| operands.call.sizes[i]);
    let view = CropView {
        outer_height: count(outer.axis(2))?,
        outer_width: count(outer.axis(3))?,
        height: count(inner.axis(2))?,
        width: count(inner.axis(3))?,
        top: count(top)?,
        left: count(left)?,
        mirror: count(mirror)?,
    };
    Ok((count(outer.axis(0) * outer.axis(1))?, view))
}
