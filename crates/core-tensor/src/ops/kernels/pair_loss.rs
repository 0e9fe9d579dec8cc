//! Losses that compare two blobs element by element.

use super::only_blobs;
use crate::{Backend, Error, Launch, Result, Tensor, ops::PairLoss};

/// `result`, two numbers, gets the sum of the loss over all elements of the first `samples` samples, and how many of these are
/// outside of the loss's domain. `a` and `b` have as many samples with as many elements each.
///
/// Kernel `pair_loss.forward`: reads a, b; writes result; sizes [`PairLoss::code`], samples.
pub fn pair_loss_forward(
    backend: &dyn Backend,
    loss: PairLoss,
    samples: usize,
    a: &Tensor,
    b: &Tensor,
    result: &Tensor,
) -> Result<()> {
    check("loss forward", "the second bottom", a, b)?;
    let (reads, sizes) = ([a, b], [loss.code(), samples]);
    backend.launch(Launch {
        kernel: "pair_loss.forward",
        reads: &reads,
        writes: &[result],
        sizes: &sizes,
        scalars: &[],
    })
}

/// `dx` gets `scale` times the loss's derivative by a (`second` false) or by b (`second` true) for the first `samples` samples,
/// 0 for the others.
///
/// Kernels `pair_loss.backward_first` and `.backward_second`: reads a, b; writes dx; sizes as forward; scalar scale.
pub fn pair_loss_backward(
    backend: &dyn Backend,
    loss: PairLoss,
    second: bool,
    samples: usize,
    scale: f64,
    (a, b): (&Tensor, &Tensor),
    dx: &Tensor,
) -> Result<()> {
    check("loss backward", "the second bottom", a, b)?;
    check("loss backward", "the gradient", a, dx)?;
    backend.launch(Launch {
        kernel: if second { "pair_loss.backward_second" } else { "pair_loss.backward_first" },
        reads: &[a, b],
        writes: &[dx],
        sizes: &[loss.code(), samples],
        scalars: &[scale],
    })
}

fn check(operation: &'static str, what: &'static str, a: &Tensor, b: &Tensor) -> Result<()> {
    only_blobs(operation, &[a, b])?;
    let (expected, found) = (a.shape(), b.shape());
    if found.batch() == expected.batch() && found.len() == expected.len() {
        return Ok(());
    }
    Err(Error::Shape { operation, what, found, expected })
}
