//! Pooling along one axis.

use super::{only_blobs, same_shape};
use crate::{
    Backend, Error, Launch, Result, Tensor,
    ops::{ChannelPooling, PoolMethod},
};

/// `y` gets the largest or the mean element of each window of `x` along the axis; a window begins at `stride i - pad before`
/// and is clipped. The mean divides by the full window.
///
/// Kernels `channel_pooling.max_forward` and `.mean_forward`: reads x; writes y; sizes axis, kernel, stride, pad before.
pub fn channel_pooling_forward(backend: &dyn Backend, pooling: &ChannelPooling, x: &Tensor, y: &Tensor) -> Result<()> {
    check("channel pooling forward", pooling, x, y)?;
    backend.launch(Launch {
        kernel: match pooling.method {
            PoolMethod::Max => "channel_pooling.max_forward",
            PoolMethod::Mean => "channel_pooling.mean_forward",
        },
        reads: &[x],
        writes: &[y],
        sizes: &[pooling.axis, pooling.kernel, pooling.stride, pooling.pad[0]],
        scalars: &[],
    })
}

/// `dx` gets the gradient: of a maximum to the first largest element of its window, found again in `x`; of a mean in equal
/// shares to the elements of the clipped window.
///
/// Kernels `channel_pooling.max_backward` and `.mean_backward`: reads x, dy; writes dx; sizes as forward.
pub fn channel_pooling_backward(
    backend: &dyn Backend,
    pooling: &ChannelPooling,
    x: &Tensor,
    dy: &Tensor,
    dx: &Tensor,
) -> Result<()> {
    check("channel pooling backward", pooling, x, dy)?;
    same_shape("channel pooling backward", "the result", dx, x)?;
    backend.launch(Launch {
        kernel: match pooling.method {
            PoolMethod::Max => "channel_pooling.max_backward",
            PoolMethod::Mean => "channel_pooling.mean_backward",
        },
        reads: &[x, dy],
        writes: &[dx],
        sizes: &[pooling.axis, pooling.kernel, pooling.stride, pooling.pad[0]],
        scalars: &[],
    })
}

fn check(operation: &'static str, pooling: &ChannelPooling, x: &Tensor, y: &Tensor) -> Result<()> {
    only_blobs(operation, &[x, y])?;
    let expected = pooling.output(x.shape())?;
    if y.shape() == expected {
        return Ok(());
    }
    Err(Error::Shape { operation, what: "the output", found: y.shape(), expected })
}
