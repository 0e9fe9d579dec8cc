//! The length of a tensor, and changing it.

use crate::{Backend, Error, Launch, Result, Tensor};

/// `result[slot] = √(Σ x²)` of a parameter or its gradient, summed up in f64: squares of f32 numbers may be too large for f32.
///
/// Kernel `norm.l2`: reads x; writes result; size slot.
///
/// # Errors
/// `result` has no element `slot`, or `x` is a blob where the backend pads blobs.
pub fn l2_norm(backend: &dyn Backend, x: &Tensor, slot: usize, result: &Tensor) -> Result<()> {
    if slot >= result.shape().len() {
        return Err(Error::Value {
            what: "the place of a norm".into(),
            found: slot.to_string(),
            expected: format!("less than {}, the elements of the result", result.shape().len()),
        });
    }
    backend.launch(Launch { kernel: "norm.l2", reads: &[x], writes: &[result], sizes: &[slot], scalars: &[] })
}

/// `y = alpha y`.
///
/// Kernel `norm.scale`: writes y; scalar alpha.
pub fn scale(backend: &dyn Backend, alpha: f64, y: &Tensor) -> Result<()> {
    backend.launch(Launch { kernel: "norm.scale", reads: &[], writes: &[y], sizes: &[], scalars: &[alpha] })
}
