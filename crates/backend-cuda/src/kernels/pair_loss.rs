//! Losses that compare two blobs element by element.

use super::{Operands, count};
use crate::{
    Cuda,
    driver::Address,
    launch::{Entry, Grid, Signature},
};
use core_tensor::{Error, Launch, Result, ops::PairLoss};

const FORWARD: Entry<(Address, Address, Address, u32, u32)> = Entry::new("pair_loss_forward");
const BACKWARD_FIRST: Backward = Entry::new("pair_loss_backward_first");
const BACKWARD_SECOND: Backward = Entry::new("pair_loss_backward_second");
pub(super) const SIGNATURES: &[Signature] =
    &[FORWARD.signature(), BACKWARD_FIRST.signature(), BACKWARD_SECOND.signature()];

type Backward = Entry<(Address, Address, Address, u32, u32, u32, f64)>;

pub(super) fn launch(cuda: &Cuda, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    match kernel {
        "forward" => Some(forward(Operands::new(cuda, call))),
        "backward_first" => Some(backward(&BACKWARD_FIRST, Operands::new(cuda, call))),
        "backward_second" => Some(backward(&BACKWARD_SECOND, Operands::new(cuda, call))),
        _ => None,
    }
}

fn forward(operands: Operands<'_>) -> Result<()> {
    let (a, b) = (operands.read(0, "the first bottom")?, operands.read(1, "the second bottom")?);
    let result = operands.write(0, "the result")?;
    let (code, counted) = coded(&operands)?;
    FORWARD.launch(operands.cuda, operands.dtype, Grid::block_each(1), (a, b, result, code, counted))
}

fn backward(entry: &Backward, operands: Operands<'_>) -> Result<()> {
    let (a, b) = (operands.read(0, "the first bottom")?, operands.read(1, "the second bottom")?);
    let (dx, n) = (operands.write(0, "the gradient")?, operands.len()?);
    let (code, counted) = coded(&operands)?;
    let parameters = (a, b, dx, n, code, counted, operands.call.scalars[0]);
    entry.launch(operands.cuda, operands.dtype, Grid::over(operands.cuda, n), parameters)
}

/// The loss's code, and the elements of the samples that count. Codes that the kernels do not know would pass for the last loss,
/// so they are refused here.
fn coded(operands: &Operands<'_>) -> Result<(u32, u32)> {
    let (shape, sizes) = (operands.call.reads[0].shape(), operands.call.sizes);
    if sizes[0] > PairLoss::GaussianKl.code() {
        return Err(Error::Value {
            what: "the loss's code".into(),
            found: sizes[0].to_string(),
            expected: "one of `PairLoss::code`".into(),
        });
    }
    Ok((count(sizes[0])?, count(shape.sample_len() * sizes[1].min(shape.batch()))?))
}
