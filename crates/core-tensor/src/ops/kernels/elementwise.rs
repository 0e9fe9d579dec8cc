//! Two tensors, element by element.

use super::same_shape;
use crate::{Backend, Launch, Result, Tensor, ops::ElementWiseOperation};

/// `y = a op b`.
///
/// Kernels `elementwise.add`, `.subtract`, `.multiply`, `.divide`: reads a, b; writes y.
pub fn binary(
    backend: &dyn Backend,
    operation: ElementWiseOperation,
    a: &Tensor,
    b: &Tensor,
    y: &Tensor,
) -> Result<()> {
    same_shape(operation.kernel(), "the second operand", b, a)?;
    same_shape(operation.kernel(), "the result", y, a)?;
    backend.launch(Launch { kernel: operation.kernel(), reads: &[a, b], writes: &[y], sizes: &[], scalars: &[] })
}

/// `dx = -dy quotient / divisor`, the gradient of the divisor.
///
/// Kernel `elementwise.quotient_backward`: reads divisor, quotient, dy; writes dx.
pub fn quotient_backward(
    backend: &dyn Backend,
    divisor: &Tensor,
    quotient: &Tensor,
    dy: &Tensor,
    dx: &Tensor,
) -> Result<()> {
    for (what, tensor) in [("the quotient", quotient), ("the gradient", dy), ("the result", dx)] {
        same_shape("division backward", what, tensor, divisor)?;
    }
    let reads = [divisor, quotient, dy];
    backend.launch(Launch {
        kernel: "elementwise.quotient_backward",
        reads: &reads,
        writes: &[dx],
        sizes: &[],
        scalars: &[],
    })
}

/// `y = alpha x`.
///
/// Kernel `elementwise.scale`: reads x; writes y; scalar alpha.
pub fn scaled_copy(backend: &dyn Backend, alpha: f64, x: &Tensor, y: &Tensor) -> Result<()> {
    same_shape("scaled copy", "the target", y, x)?;
    backend.launch(Launch { kernel: "elementwise.scale", reads: &[x], writes: &[y], sizes: &[], scalars: &[alpha] })
}
