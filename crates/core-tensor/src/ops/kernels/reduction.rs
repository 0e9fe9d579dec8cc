//! Sums of whole samples, or of what follows an axis of them.

use crate::{Backend, Error, Launch, Result, Tensor, ops::ReductionOperation};

/// `y = factor sum(f(x))` over the elements of x that fall on each element of y: those that follow one another in logical order.
/// f is the identity, the absolute value or the square.
///
/// Kernel `reduction.forward`: reads x; writes y; sizes the operation's code; scalars factor.
pub fn reduction_forward(
    backend: &dyn Backend,
    operation: ReductionOperation,
    factor: f64,
    x: &Tensor,
    y: &Tensor,
) -> Result<()> {
    check(x, y)?;
    let (sizes, scalars) = ([operation.code()], [factor]);
    backend.launch(Launch { kernel: "reduction.forward", reads: &[x], writes: &[y], sizes: &sizes, scalars: &scalars })
}

/// `dx = factor f'(x) dy`. The derivative of the absolute value is 0 at 0.
///
/// Kernel `reduction.backward`: reads x, dy; writes dx; sizes the operation's code; scalars factor.
pub fn reduction_backward(
    backend: &dyn Backend,
    operation: ReductionOperation,
    factor: f64,
    x: &Tensor,
    dy: &Tensor,
    dx: &Tensor,
) -> Result<()> {
    check(x, dy)?;
    super::same_shape("reduction backward", "the result", dx, x)?;
    let (reads, sizes, scalars) = ([x, dy], [operation.code()], [factor]);
    let kernel = "reduction.backward";
    backend.launch(Launch { kernel, reads: &reads, writes: &[dx], sizes: &sizes, scalars: &scalars })
}

fn check(whole: &Tensor, reduced: &Tensor) -> Result<()> {
    let (whole, reduced) = (whole.shape(), reduced.shape());
    let fits = whole.batch() == reduced.batch()
        && !reduced.is_empty()
        && whole.sample_len().is_multiple_of(reduced.sample_len());
    if fits {
        return Ok(());
    }
    Err(Error::Value {
        what: "the shape of a reduced blob".into(),
        found: reduced.to_string(),
        expected: format!("the first axes of {whole}"),
    })
}
