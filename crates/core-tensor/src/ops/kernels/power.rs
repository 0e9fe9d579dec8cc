//! `(scale x + shift)^power`.

use super::same_shape;
use crate::{Backend, Launch, Result, Tensor};

/// The three coefficients of `(scale x + shift)^power`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Power {
    /// The factor.
    pub scale: f64,
    /// What is added.
    pub shift: f64,
    /// The exponent.
    pub power: f64,
}

/// `y = (scale x + shift)^power`; with power 0, y is 1 everywhere.
///
/// Kernel `power.forward`: reads x; writes y; scalars scale, shift, power.
pub fn power_forward(backend: &dyn Backend, power: &Power, x: &Tensor, y: &Tensor) -> Result<()> {
    same_shape("power forward", "the output", y, x)?;
    let scalars = [power.scale, power.shift, power.power];
    backend.launch(Launch { kernel: "power.forward", reads: &[x], writes: &[y], sizes: &[], scalars: &scalars })
}

/// `dx = dy power scale (scale x + shift)^(power - 1)`; with power 0, dx is 0 everywhere.
///
/// Kernel `power.backward`: reads x, dy; writes dx; scalars scale, shift, power.
pub fn power_backward(backend: &dyn Backend, power: &Power, x: &Tensor, dy: &Tensor, dx: &Tensor) -> Result<()> {
    same_shape("power backward", "the gradient", dy, x)?;
    same_shape("power backward", "the result", dx, x)?;
    let scalars = [power.scale, power.shift, power.power];
    backend.launch(Launch { kernel: "power.backward", reads: &[x, dy], writes: &[dx], sizes: &[], scalars: &scalars })
}
