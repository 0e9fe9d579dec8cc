//! Local response normalization, across channels and within them.

use super::{AxisView, Operands, count};
use crate::{
    Cuda,
    driver::Address,
    launch::{Entry, Grid, Kind, Parameter, Signature},
};
use core_tensor::{Launch, Result};

const ACROSS_FORWARD: Entry<(Address, Address, Address, AxisView, Lrn)> = Entry::new("lrn_across_forward");
const ACROSS_BACKWARD: Entry<AcrossBackward> = Entry::new("lrn_across_backward");
const WITHIN_FORWARD: Entry<(Address, Address, Address, u32, u32, u32, Lrn)> = Entry::new("lrn_within_forward");
const WITHIN_BACKWARD: Entry<WithinBackward> = Entry::new("lrn_within_backward");
pub(super) const SIGNATURES: &[Signature] =
    &[ACROSS_FORWARD.signature(), ACROSS_BACKWARD.signature(), WITHIN_FORWARD.signature(), WITHIN_BACKWARD.signature()];

/// x, y, inverse, dy, dx; the view; the coefficients.
type AcrossBackward = (Address, Address, Address, Address, Address, AxisView, Lrn);
/// x, y, inverse, dy, dx; elements, height, width; the coefficients.
type WithinBackward = (Address, Address, Address, Address, Address, u32, u32, u32, Lrn);

/// Window and coefficients; `Lrn` in `kernels/lrn.cu`.
#[derive(Clone, Copy)]
#[repr(C)]
struct Lrn {
    before: u32,
    after: u32,
    scale: f64,
    shift: f64,
    power: f64,
    slope: f64,
}

impl Parameter for Lrn {
    const KIND: Kind = Kind::Structure(size_of::<Self>());
}

impl Lrn {
    /// Of a call, for windows along so many axes.
    fn new(call: &Launch<'_>, dimensions: i32) -> Result<Self> {
        let (kernel, [scale, shift, power]) = (call.sizes[0], std::array::from_fn(|i| call.scalars[i]));
        let scale = scale / (kernel as f64).powi(dimensions);
        let others = kernel.saturating_sub(1);
        let (before, after) = (count(others / 2)?, count(others - others / 2)?);
        Ok(Lrn { before, after, scale, shift, power, slope: -2.0 * power * scale })
    }
}

pub(super) fn launch(cuda: &Cuda, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    let launcher = match kernel {
        "across_forward" => across_forward,
        "across_backward" => across_backward,
        "within_forward" => within_forward,
        "within_backward" => within_backward,
        _ => return None,
    };
    Some(launcher(Operands::new(cuda, call)))
}

fn across_forward(operands: Operands<'_>) -> Result<()> {
    let (view, lrn) =
        (AxisView::new(operands.call.reads[0].shape(), operands.call.sizes[1])?, Lrn::new(&operands.call, 1)?);
    let [x, y, inverse] = forward_operands(&operands)?;
    let grid = Grid::over(operands.cuda, operands.len()?);
    ACROSS_FORWARD.launch(operands.cuda, operands.dtype, grid, (x, y, inverse, view, lrn))
}

fn across_backward(operands: Operands<'_>) -> Result<()> {
    let (view, lrn) =
        (AxisView::new(operands.call.reads[0].shape(), operands.call.sizes[1])?, Lrn::new(&operands.call, 1)?);
    let [x, y, inverse, dy, dx] = backward_operands(&operands)?;
    let grid = Grid::over(operands.cuda, operands.len()?);
    ACROSS_BACKWARD.launch(operands.cuda, operands.dtype, grid, (x, y, inverse, dy, dx, view, lrn))
}

fn within_forward(operands: Operands<'_>) -> Result<()> {
    let (n, [height, width], lrn) = (operands.len()?, image(&operands)?, Lrn::new(&operands.call, 2)?);
    let [x, y, inverse] = forward_operands(&operands)?;
    let grid = Grid::over(operands.cuda, n);
    WITHIN_FORWARD.launch(operands.cuda, operands.dtype, grid, (x, y, inverse, n, height, width, lrn))
}

fn within_backward(operands: Operands<'_>) -> Result<()> {
    let (n, [height, width], lrn) = (operands.len()?, image(&operands)?, Lrn::new(&operands.call, 2)?);
    let [x, y, inverse, dy, dx] = backward_operands(&operands)?;
    let grid = Grid::over(operands.cuda, n);
    WITHIN_BACKWARD.launch(operands.cuda, operands.dtype, grid, (x, y, inverse, dy, dx, n, height, width, lrn))
}

/// Height and width of an image blob.
fn image(operands: &Operands<'_>) -> Result<[u32; 2]> {
    let shape = operands.call.reads[0].shape();
    Ok([count(shape.axis(2))?, count(shape.axis(3))?])
}

fn forward_operands(operands: &Operands<'_>) -> Result<[Address; 3]> {
    Ok([operands.read(0, "the input")?, operands.write(0, "the output")?, operands.write(1, "the inverse scale")?])
}

fn backward_operands(operands: &Operands<'_>) -> Result<[Address; 5]> {
    Ok([
        operands.read(0, "the input")?,
        operands.read(1, "the output")?,
        operands.read(2, "the inverse scale")?,
        operands.read(3, "the gradient")?,
        operands.write(0, "the result")?,
    ])
}
