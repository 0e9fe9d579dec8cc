//! A rectified linear unit whose slope below zero is learnt: one number for each element along `axis`, or one for all.

use super::{channel::one_for_each, same_shape};
use crate::{Backend, Launch, Result, Tensor, ops::Gradient};

/// `y = x` where x is positive, else `slope[c] x`.
///
/// Kernel `prelu.forward`: reads x, slope; writes y; sizes axis.
pub fn prelu_forward(backend: &dyn Backend, axis: usize, x: &Tensor, slope: &Tensor, y: &Tensor) -> Result<()> {
    same_shape("PReLU forward", "the output", y, x)?;
    one_for_each_or_all("PReLU forward", "the slope", axis, x, slope)?;
    backend.launch(Launch { kernel: "prelu.forward", reads: &[x, slope], writes: &[y], sizes: &[axis], scalars: &[] })
}

/// `dx = dy` where x is positive, else `slope[c] dy`.
///
/// Kernel `prelu.backward`: reads x, slope, dy; writes dx; sizes axis.
pub fn prelu_backward(
    backend: &dyn Backend,
    axis: usize,
    x: &Tensor,
    slope: &Tensor,
    dy: &Tensor,
    dx: &Tensor,
) -> Result<()> {
    same_shape("PReLU backward", "the gradient", dy, x)?;
    same_shape("PReLU backward", "the result", dx, x)?;
    one_for_each_or_all("PReLU backward", "the slope", axis, x, slope)?;
    let reads = [x, slope, dy];
    backend.launch(Launch { kernel: "prelu.backward", reads: &reads, writes: &[dx], sizes: &[axis], scalars: &[] })
}

/// `gradient[c]` gets the sum of `dy x` over the elements where x is not positive.
///
/// Kernel `prelu.slope_gradient`: reads dy, x; writes the gradient; sizes axis, whether to add to what is there.
pub fn prelu_slope_gradient(
    backend: &dyn Backend,
    axis: usize,
    dy: &Tensor,
    x: &Tensor,
    gradient: Gradient<'_>,
) -> Result<()> {
    same_shape("PReLU backward", "the input", x, dy)?;
    one_for_each_or_all("PReLU backward", "the slope's gradient", axis, dy, gradient.target)?;
    let (reads, writes, sizes) = ([dy, x], [gradient.target], [axis, usize::from(gradient.add)]);
    backend.launch(Launch {
        kernel: "prelu.slope_gradient",
        reads: &reads,
        writes: &writes,
        sizes: &sizes,
        scalars: &[],
    })
}

fn one_for_each_or_all(
    operation: &'static str,
    what: &'static str,
    axis: usize,
    blob: &Tensor,
    slope: &Tensor,
) -> Result<()> {
    if slope.shape().len() == 1 { Ok(()) } else { one_for_each(operation, what, axis, blob, slope) }
}
