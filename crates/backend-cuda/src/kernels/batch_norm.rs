//! Batch normalization.

use super::{AxisView, Operands};
use crate::{
    Cuda,
    driver::Address,
    launch::{Entry, Grid, Signature},
};
use core_tensor::{Launch, Result};

const MOMENTS: Entry<(Address, Address, Address, AxisView)> = Entry::new("batch_norm_moments");
const GATHER: Entry<Gather> = Entry::new("batch_norm_gather");
const EXPECTED: Entry<(Address, Address, Address, Address, Address, u32)> = Entry::new("batch_norm_expected");
const NORMALIZE: Entry<(Address, Address, Address, Address, AxisView, f64)> = Entry::new("batch_norm_normalize");
const BACKWARD: Entry<Backward> = Entry::new("batch_norm_backward");
pub(super) const SIGNATURES: &[Signature] =
    &[MOMENTS.signature(), GATHER.signature(), EXPECTED.signature(), NORMALIZE.signature(), BACKWARD.signature()];

/// Mean, variance, running mean, running variance, weight; channels; fraction, correction.
type Gather = (Address, Address, Address, Address, Address, u32, f64, f64);
/// y, dy, variance, sum, dot, dx; the view; epsilon.
type Backward = (Address, Address, Address, Address, Address, Address, AxisView, f64);

pub(super) fn launch(cuda: &Cuda, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    let launcher = match kernel {
        "moments" => moments,
        "gather" => gather,
        "expected" => expected,
        "normalize" => normalize,
        "backward" => backward,
        _ => return None,
    };
    Some(launcher(Operands::new(cuda, call)))
}

fn moments(operands: Operands<'_>) -> Result<()> {
    let (x, view) = (operands.read(0, "the input")?, view(&operands)?);
    let (mean, variance) = (operands.write(0, "the mean")?, operands.write(1, "the variance")?);
    MOMENTS.launch(operands.cuda, operands.dtype, Grid::block_each(view.axis), (x, mean, variance, view))
}

fn gather(operands: Operands<'_>) -> Result<()> {
    let (mean, variance) = (operands.read(0, "the mean")?, operands.read(1, "the variance")?);
    let running_mean = operands.write(0, "the running mean")?;
    let running_variance = operands.write(1, "the running variance")?;
    let (weight, n) = (operands.write(2, "the weight")?, operands.len()?);
    let [fraction, correction] = std::array::from_fn(|i| operands.call.scalars[i]);
    let parameters = (mean, variance, running_mean, running_variance, weight, n, fraction, correction);
    GATHER.launch(operands.cuda, operands.dtype, Grid::over(operands.cuda, n), parameters)
}

fn expected(operands: Operands<'_>) -> Result<()> {
    let running_mean = operands.read(0, "the running mean")?;
    let running_variance = operands.read(1, "the running variance")?;
    let (weight, n) = (operands.read(2, "the weight")?, operands.len()?);
    let (mean, variance) = (operands.write(0, "the mean")?, operands.write(1, "the variance")?);
    let parameters = (running_mean, running_variance, weight, mean, variance, n);
    EXPECTED.launch(operands.cuda, operands.dtype, Grid::over(operands.cuda, n), parameters)
}

fn normalize(operands: Operands<'_>) -> Result<()> {
    let (x, mean) = (operands.read(0, "the input")?, operands.read(1, "the mean")?);
    let (variance, y) = (operands.read(2, "the variance")?, operands.write(0, "the output")?);
    let parameters = (x, mean, variance, y, view(&operands)?, operands.call.scalars[0]);
    NORMALIZE.launch(operands.cuda, operands.dtype, Grid::over(operands.cuda, operands.len()?), parameters)
}

fn backward(operands: Operands<'_>) -> Result<()> {
    let (y, dy) = (operands.read(0, "the output")?, operands.read(1, "the gradient")?);
    let variance = operands.read(2, "the variance")?;
    let (sum, dot) = (operands.read(3, "the gradient's sum")?, operands.read(4, "the sum of its product")?);
    let dx = operands.write(0, "the result")?;
    let parameters = (y, dy, variance, sum, dot, dx, view(&operands)?, operands.call.scalars[0]);
    BACKWARD.launch(operands.cuda, operands.dtype, Grid::over(operands.cuda, operands.len()?), parameters)
}

fn view(operands: &Operands<'_>) -> Result<AxisView> {
    AxisView::new(operands.call.reads[0].shape(), operands.call.sizes[0])
}
