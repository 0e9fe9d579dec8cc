//! The multinomial logistic loss of probabilities, with weights and with a label that does not count.

use super::{AxisView, Operands, count};
use crate::{
    Cuda,
    driver::Address,
    launch::{Entry, Grid, Kind, Parameter, Signature},
};
use core_tensor::{Launch, Result};

const FORWARD: Entry<(Address, Address, Address, Address, Classes, f64)> = Entry::new("logistic_loss_forward");
const BACKWARD: Backward = Entry::new("logistic_loss_backward");
const SOFTMAX_BACKWARD: Backward = Entry::new("logistic_loss_softmax_backward");
pub(super) const SIGNATURES: &[Signature] = &[FORWARD.signature(), BACKWARD.signature(), SOFTMAX_BACKWARD.signature()];

type Backward = Entry<(Address, Address, Address, Address, Classes, f64, f64)>;

/// What the labels mean; `Classes` in `kernels/logistic_loss.cu`.
#[derive(Clone, Copy)]
#[repr(C)]
struct Classes {
    view: AxisView,
    counted: u32,
    features: u32,
    has_weights: u32,
    has_ignored: u32,
}

impl Parameter for Classes {
    const KIND: Kind = Kind::Structure(size_of::<Self>());
}

pub(super) fn launch(cuda: &Cuda, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    match kernel {
        "forward" => Some(forward(Operands::new(cuda, call))),
        "backward" => Some(backward(&BACKWARD, Operands::new(cuda, call))),
        "softmax_backward" => Some(backward(&SOFTMAX_BACKWARD, Operands::new(cuda, call))),
        _ => None,
    }
}

fn forward(operands: Operands<'_>) -> Result<()> {
    let [prob, label, weights] = read(&operands)?;
    let (result, classes) = (operands.write(0, "the result")?, classes(&operands)?);
    let parameters = (prob, label, weights, result, classes, operands.call.scalars[0]);
    FORWARD.launch(operands.cuda, operands.dtype, Grid::block_each(1), parameters)
}

fn backward(entry: &Backward, operands: Operands<'_>) -> Result<()> {
    let [prob, label, weights] = read(&operands)?;
    let (dx, n) = (operands.write(0, "the gradient")?, operands.len()?);
    let (ignored, scale) = (operands.call.scalars[0], operands.call.scalars[1]);
    let parameters = (prob, label, weights, dx, classes(&operands)?, ignored, scale);
    entry.launch(operands.cuda, operands.dtype, Grid::over(operands.cuda, n), parameters)
}

/// The probabilities, the labels and the weights. Where there are no weights the kernel does not look at their place.
fn read(operands: &Operands<'_>) -> Result<[Address; 3]> {
    let (prob, label) = (operands.read(0, "the probabilities")?, operands.read(1, "the label")?);
    let weights = if operands.call.reads.len() > 2 { operands.read(2, "the weights")? } else { Address::default() };
    Ok([prob, label, weights])
}

fn classes(operands: &Operands<'_>) -> Result<Classes> {
    let (shape, sizes) = (operands.call.reads[0].shape(), operands.call.sizes);
    let view = AxisView::new(shape, sizes[0])?;
    Ok(Classes {
        view,
        counted: view.counted(sizes[1], shape.batch())?,
        features: count(shape.sample_len())?,
        has_weights: u32::from(operands.call.reads.len() > 2),
        has_ignored: u32::from(sizes[2] != 0),
    })
}
