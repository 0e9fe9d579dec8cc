//! Local response normalization.

use super::same_shape;
use crate::{
    Backend, Launch, Result, Tensor,
    ops::{Lrn, LrnMode},
};

/// `y = x inverse^power` with `inverse = 1 / (shift + scale mean(x^2))`, the mean over the window of each element; see
/// [`Lrn`]. `y` and `inverse`, which the backward pass needs, have the shape of `x`.
///
/// Kernels `lrn.across_forward` and `lrn.within_forward`: reads x; writes y, inverse; sizes kernel, axis; scalars scale,
/// shift, power.
pub fn lrn_forward(backend: &dyn Backend, lrn: &Lrn, x: &Tensor, y: &Tensor, inverse: &Tensor) -> Result<()> {
    same_shape("LRN forward", "the output", y, x)?;
    same_shape("LRN forward", "the inverse scale", inverse, x)?;
    lrn.check(x.shape())?;
    backend.launch(Launch {
        kernel: match lrn.mode {
            LrnMode::AcrossChannel => "lrn.across_forward",
            LrnMode::WithinChannel => "lrn.within_forward",
        },
        reads: &[x],
        writes: &[y, inverse],
        sizes: &[lrn.kernel, lrn.axis],
        scalars: &[lrn.scale, lrn.shift, lrn.power],
    })
}

/// `dx = dy inverse^power - 2 power scale / n x sum(dy y inverse)`, with n the elements of a window and the sum over the
/// elements in whose window this one is.
///
/// Kernels `lrn.across_backward` and `lrn.within_backward`: reads x, y, inverse, dy; writes dx; sizes and scalars as forward.
pub fn lrn_backward(
    backend: &dyn Backend,
    lrn: &Lrn,
    x: &Tensor,
    y: &Tensor,
    inverse: &Tensor,
    dy: &Tensor,
    dx: &Tensor,
) -> Result<()> {
    for (what, tensor) in [("the output", y), ("the inverse scale", inverse), ("the gradient", dy), ("the result", dx)]
    {
        same_shape("LRN backward", what, tensor, x)?;
    }
    lrn.check(x.shape())?;
    backend.launch(Launch {
        kernel: match lrn.mode {
            LrnMode::AcrossChannel => "lrn.across_backward",
            LrnMode::WithinChannel => "lrn.within_backward",
        },
        reads: &[x, y, inverse, dy],
        writes: &[dx],
        sizes: &[lrn.kernel, lrn.axis],
        scalars: &[lrn.scale, lrn.shift, lrn.power],
    })
}
