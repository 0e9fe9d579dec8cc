//! Softmax followed by the cross entropy with a distribution over classes.

use super::{class_axis, only_blobs, same_shape};
use crate::{Backend, Launch, Result, Tensor};

/// `prob` gets the softmax of `x` along `axis` (not the batch); `result`, one number, the sum of `-q log softmax(x)` over the
/// first `samples` samples. The logarithm is taken without rounding a small probability to 0.
///
/// Kernel `softlabel_loss.forward`: reads x, q; writes prob, result; sizes axis, samples.
pub fn softlabel_loss_forward(
    backend: &dyn Backend,
    axis: usize,
    samples: usize,
    (x, q): (&Tensor, &Tensor),
    prob: &Tensor,
    result: &Tensor,
) -> Result<()> {
    only_blobs("softlabel loss forward", &[x, q, prob])?;
    class_axis("softlabel loss", axis, x)?;
    same_shape("softlabel loss forward", "the targets", q, x)?;
    same_shape("softlabel loss forward", "the probabilities", prob, x)?;
    backend.launch(Launch {
        kernel: "softlabel_loss.forward",
        reads: &[x, q],
        writes: &[prob, result],
        sizes: &[axis, samples],
        scalars: &[],
    })
}

/// `dx = scale (p sum(q) - q)` for the first `samples` samples, with the sum along `axis`; 0 for the others.
///
/// Kernel `softlabel_loss.backward`: reads prob, q; writes dx; sizes axis, samples; scalar scale.
pub fn softlabel_loss_backward(
    backend: &dyn Backend,
    axis: usize,
    samples: usize,
    scale: f64,
    (prob, q): (&Tensor, &Tensor),
    dx: &Tensor,
) -> Result<()> {
    only_blobs("softlabel loss backward", &[prob, q, dx])?;
    class_axis("softlabel loss", axis, prob)?;
    same_shape("softlabel loss backward", "the targets", q, prob)?;
    same_shape("softlabel loss backward", "the gradient", dx, prob)?;
    backend.launch(Launch {
        kernel: "softlabel_loss.backward",
        reads: &[prob, q],
        writes: &[dx],
        sizes: &[axis, samples],
        scalars: &[scale],
    })
}
