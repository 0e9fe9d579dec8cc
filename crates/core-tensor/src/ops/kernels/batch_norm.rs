//! Batch normalization, step by step: the moments of a batch, running moments, normalizing, and the gradient of that.
//!
//! Moments are parameters of one number for each element along `axis`.

use super::{channel::one_for_each, same_shape};
use crate::{Backend, Launch, Result, Tensor};

/// Mean and variance (the mean squared deviation) of each channel over the batch and all other axes.
#[derive(Debug, Clone)]
pub struct Moments {
    /// The mean.
    pub mean: Tensor,
    /// The variance, divided by the number of elements rather than one less.
    pub variance: Tensor,
}

/// Sums of moments over batches, older ones weighing less.
#[derive(Debug, Clone)]
pub struct RunningMoments {
    /// The weighted sum of means.
    pub mean: Tensor,
    /// The weighted sum of variances.
    pub variance: Tensor,
    /// The sum of the weights, one number; Caffe's "scale factor".
    pub weight: Tensor,
}

/// The moments of the batch `x`.
///
/// Kernel `batch_norm.moments`: reads x; writes mean, variance; sizes axis.
pub fn batch_moments(backend: &dyn Backend, axis: usize, x: &Tensor, moments: &Moments) -> Result<()> {
    check(axis, x, moments)?;
    let writes = [&moments.mean, &moments.variance];
    backend.launch(Launch { kernel: "batch_norm.moments", reads: &[x], writes: &writes, sizes: &[axis], scalars: &[] })
}

/// `running = fraction running + moments`, the variance multiplied by `correction` before, the weight growing by 1.
///
/// Kernel `batch_norm.gather`: reads mean, variance; changes running mean, running variance, weight; scalars fraction,
/// correction.
pub fn gather_moments(
    backend: &dyn Backend,
    fraction: f64,
    correction: f64,
    moments: &Moments,
    running: &RunningMoments,
) -> Result<()> {
    same_shape("running moments", "the running mean", &running.mean, &moments.mean)?;
    same_shape("running moments", "the running variance", &running.variance, &moments.variance)?;
    let reads = [&moments.mean, &moments.variance];
    let writes = [&running.mean, &running.variance, &running.weight];
    let scalars = [fraction, correction];
    backend.launch(Launch {
        kernel: "batch_norm.gather",
        reads: &reads,
        writes: &writes,
        sizes: &[],
        scalars: &scalars,
    })
}

/// The moments that the running sums stand for: divided by their weight. Mean 0 and variance 1 where there is none yet.
///
/// Kernel `batch_norm.expected`: reads running mean, running variance, weight; writes mean, variance.
pub fn expected_moments(backend: &dyn Backend, running: &RunningMoments, moments: &Moments) -> Result<()> {
    same_shape("expected moments", "the mean", &moments.mean, &running.mean)?;
    same_shape("expected moments", "the variance", &moments.variance, &running.variance)?;
    let reads = [&running.mean, &running.variance, &running.weight];
    let writes = [&moments.mean, &moments.variance];
    backend.launch(Launch { kernel: "batch_norm.expected", reads: &reads, writes: &writes, sizes: &[], scalars: &[] })
}

/// `y = (x - mean[c]) / sqrt(variance[c] + epsilon)`.
///
/// Kernel `batch_norm.normalize`: reads x, mean, variance; writes y; sizes axis; scalars epsilon.
pub fn normalize(
    backend: &dyn Backend,
    axis: usize,
    epsilon: f64,
    x: &Tensor,
    moments: &Moments,
    y: &Tensor,
) -> Result<()> {
    same_shape("batch normalization", "the output", y, x)?;
    check(axis, x, moments)?;
    let (reads, scalars) = ([x, &moments.mean, &moments.variance], [epsilon]);
    let (kernel, sizes) = ("batch_norm.normalize", [axis]);
    backend.launch(Launch { kernel, reads: &reads, writes: &[y], sizes: &sizes, scalars: &scalars })
}

/// `dx = (dy - sum[c] / m - y dot[c] / m) / sqrt(variance[c] + epsilon)` with m the elements of a channel, `sum` those of dy
/// and `dot` those of `dy y`: the gradient of [`normalize`] by the moments of the batch itself. With sums of zero it is the
/// gradient for moments that do not depend on x.
///
/// Kernel `batch_norm.backward`: reads y, dy, variance, sum, dot; writes dx; sizes axis; scalars epsilon.
pub fn normalize_backward(
    backend: &dyn Backend,
    axis: usize,
    epsilon: f64,
    (y, dy): (&Tensor, &Tensor),
    moments: &Moments,
    (sum, dot): (&Tensor, &Tensor),
    dx: &Tensor,
) -> Result<()> {
    const NAME: &str = "batch normalization backward";
    same_shape(NAME, "the gradient", dy, y)?;
    same_shape(NAME, "the result", dx, y)?;
    check(axis, y, moments)?;
    for (what, sums) in [("the sum of the gradient", sum), ("the sum of its product", dot)] {
        same_shape(NAME, what, sums, &moments.mean)?;
    }
    let (reads, scalars) = ([y, dy, &moments.variance, sum, dot], [epsilon]);
    let (kernel, sizes) = ("batch_norm.backward", [axis]);
    backend.launch(Launch { kernel, reads: &reads, writes: &[dx], sizes: &sizes, scalars: &scalars })
}

fn check(axis: usize, x: &Tensor, moments: &Moments) -> Result<()> {
    one_for_each("batch normalization", "the mean", axis, x, &moments.mean)?;
    same_shape("batch normalization", "the variance", &moments.variance, &moments.mean)
}
