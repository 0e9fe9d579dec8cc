//! One number for each channel: scaling and shifting by it, and the gradients of that.
//!
//! The channels are the elements along `axis`, which is not the batch.

use super::{class_axis, same_shape};
use crate::{Backend, Error, Launch, Result, Shape, Tensor, ops::Gradient};

/// `y = scale[c] x + shift[c]`; without a scale 1 stands for it, without a shift 0.
///
/// Kernel `channel.affine`: reads x, then scale and shift as far as there are any; writes y; sizes axis, whether there is a
/// scale, whether there is a shift.
pub fn channel_affine(
    backend: &dyn Backend,
    axis: usize,
    x: &Tensor,
    scale: Option<&Tensor>,
    shift: Option<&Tensor>,
    y: &Tensor,
) -> Result<()> {
    same_shape("channel affine", "the output", y, x)?;
    for (what, parameter) in [("the scale", scale), ("the shift", shift)] {
        parameter.map_or(Ok(()), |parameter| one_for_each("channel affine", what, axis, x, parameter))?;
    }
    let sizes = [axis, usize::from(scale.is_some()), usize::from(shift.is_some())];
    let reads = [Some(x), scale.or(shift), scale.and(shift)];
    let count = reads.iter().flatten().count();
    let reads = reads.map(|tensor| tensor.unwrap_or(x));
    let call = Launch { kernel: "channel.affine", reads: &reads[..count], writes: &[y], sizes: &sizes, scalars: &[] };
    backend.launch(call)
}

/// `y += shift[c]`, in place.
///
/// Kernel `channel.shift`: reads shift; changes y; sizes axis.
pub fn channel_shift(backend: &dyn Backend, axis: usize, shift: &Tensor, y: &Tensor) -> Result<()> {
    one_for_each("channel shift", "the shift", axis, y, shift)?;
    backend.launch(Launch { kernel: "channel.shift", reads: &[shift], writes: &[y], sizes: &[axis], scalars: &[] })
}

/// `gradient[c]` gets the sum of `dy` over all but the channels: the gradient of a shift.
///
/// Kernel `channel.sum`: reads dy; writes the gradient; sizes axis, whether to add to what is there.
pub fn channel_sum(backend: &dyn Backend, axis: usize, dy: &Tensor, gradient: Gradient<'_>) -> Result<()> {
    one_for_each("channel sum", "the result", axis, dy, gradient.target)?;
    let (writes, sizes) = ([gradient.target], [axis, usize::from(gradient.add)]);
    backend.launch(Launch { kernel: "channel.sum", reads: &[dy], writes: &writes, sizes: &sizes, scalars: &[] })
}

/// `gradient[c]` gets the sum of `dy x` over all but the channels: the gradient of a scale. `dy` is a gradient, whose padding
/// is zero.
///
/// Kernel `channel.dot`: reads dy, x; writes the gradient; sizes axis, whether to add to what is there.
pub fn channel_dot(backend: &dyn Backend, axis: usize, dy: &Tensor, x: &Tensor, gradient: Gradient<'_>) -> Result<()> {
    same_shape("channel dot", "the input", x, dy)?;
    one_for_each("channel dot", "the result", axis, dy, gradient.target)?;
    let (writes, sizes) = ([gradient.target], [axis, usize::from(gradient.add)]);
    backend.launch(Launch { kernel: "channel.dot", reads: &[dy, x], writes: &writes, sizes: &sizes, scalars: &[] })
}

/// A parameter has one number for each channel of the blob.
pub(super) fn one_for_each(
    operation: &'static str,
    what: &'static str,
    axis: usize,
    blob: &Tensor,
    parameter: &Tensor,
) -> Result<()> {
    class_axis(operation, axis, blob)?;
    let channels = blob.shape().axis(axis);
    if parameter.shape().len() == channels {
        return Ok(());
    }
    Err(Error::Shape { operation, what, found: parameter.shape(), expected: Shape::new(&[channels])? })
}
