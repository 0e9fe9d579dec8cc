//! From scores to class indices and back.

use super::{class_axis, only_blobs};
use crate::{Backend, Error, Launch, Result, Tensor};

/// `y` gets the index of the largest element along `axis` (not the batch), the first of equals; along that axis its size is 1.
///
/// Kernel `argmax.forward`: reads x; writes y; size axis.
pub fn argmax(backend: &dyn Backend, axis: usize, x: &Tensor, y: &Tensor) -> Result<()> {
    only_blobs("argmax", &[x, y])?;
    class_axis("argmax", axis, x)?;
    with_size("argmax", axis, 1, x, y)?;
    backend.launch(Launch { kernel: "argmax.forward", reads: &[x], writes: &[y], sizes: &[axis], scalars: &[] })
}

/// `y` gets 1 at the index that `x` holds along `axis` (not the batch), where `x` has size 1, and 0 elsewhere. `result`, one
/// number, gets how many elements of the first `samples` samples are no index into `y`; for such an element `y` is 0.
///
/// Kernel `argmax.onehot`: reads x; writes y, result; sizes axis, samples.
pub fn onehot(
    backend: &dyn Backend,
    axis: usize,
    samples: usize,
    x: &Tensor,
    y: &Tensor,
    result: &Tensor,
) -> Result<()> {
    only_blobs("one-hot", &[x, y])?;
    class_axis("one-hot", axis, y)?;
    with_size("one-hot", axis, 1, y, x)?;
    let sizes = [axis, samples];
    backend.launch(Launch { kernel: "argmax.onehot", reads: &[x], writes: &[y, result], sizes: &sizes, scalars: &[] })
}

/// `found` must have the shape of `like` with another size along an axis.
fn with_size(operation: &'static str, axis: usize, size: usize, like: &Tensor, found: &Tensor) -> Result<()> {
    let expected = like.shape().with_axis(axis, size)?;
    if found.shape() == expected {
        return Ok(());
    }
    Err(Error::Shape { operation, what: "the indices", found: found.shape(), expected })
}
