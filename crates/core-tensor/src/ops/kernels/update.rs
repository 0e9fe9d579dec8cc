//! Update rules of the solvers, one pass over memory each. They do what their formulas say; policies and bias corrections are
//! numbers by the time they arrive here.

use super::same_shape;
use crate::{Backend, Launch, Result, Tensor};

/// How a parameter's gradient becomes `g = gradient + l2 w + l1 sign(w)` before an update.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Decay {
    /// The coefficient of `w`; Mocha's `L2Regu(c)` gives `2 c regu_coef`.
    pub l2: f64,
    /// The coefficient of `sign(w)`; Mocha's `L1Regu(c)` gives `c regu_coef`.
    pub l1: f64,
}

/// What every rule needs: a parameter `w`, its gradient, the learning rate and the decay.
#[derive(Debug, Clone, Copy)]
pub struct Update<'a> {
    /// The learning rate, the parameter's own factor included.
    pub rate: f64,
    /// What is added to the gradient.
    pub decay: Decay,
    /// The gradient.
    pub gradient: &'a Tensor,
    /// The parameter.
    pub w: &'a Tensor,
}

/// The coefficients of [`adam_update`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adam {
    /// How much of the mean gradient `m` is kept.
    pub beta1: f64,
    /// How much of the mean squared gradient `v` is kept.
    pub beta2: f64,
    /// The learning rate with the bias corrections in it.
    pub step: f64,
    /// What is added to the root of `v`.
    pub epsilon: f64,
    /// Whether the decay acts on the parameter instead of joining the gradient (AdamW).
    pub decoupled: bool,
}

/// The coefficients of [`rms_update`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rms {
    /// How much of the squares `h` is kept.
    pub keep: f64,
    /// How much of the new square is added.
    pub add: f64,
    /// What is added to the root of `h`.
    pub epsilon: f64,
}

/// `v = momentum v - rate g; w += v`, with `g` the decayed gradient.
///
/// Kernel `update.sgd`: reads gradient; writes w, v; scalars rate, l2, l1, momentum.
pub fn sgd_update(backend: &dyn Backend, update: Update<'_>, momentum: f64, v: &Tensor) -> Result<()> {
    launch(backend, "update.sgd", update, [v], &[momentum])
}

/// `v' = momentum v - rate g; w += (1 + momentum) v' - momentum v`, with `g` the decayed gradient.
///
/// Kernel `update.nesterov`: reads gradient; writes w, v; scalars rate, l2, l1, momentum.
pub fn nesterov_update(backend: &dyn Backend, update: Update<'_>, momentum: f64, v: &Tensor) -> Result<()> {
    launch(backend, "update.nesterov", update, [v], &[momentum])
}

/// `m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g²; w -= step m / (√v + epsilon)`. The decay joins the gradient `g`,
/// or, decoupled, is taken from the parameter first: `w -= rate (l2 w + l1 sign(w))`.
///
/// Kernel `update.adam`: reads gradient; writes w, m, v; scalars rate, l2, l1, beta1, beta2, step, epsilon, and l2 and l1 of the
/// decoupled decay.
pub fn adam_update(backend: &dyn Backend, update: Update<'_>, adam: Adam, m: &Tensor, v: &Tensor) -> Result<()> {
    let none = Decay::default();
    let (coupled, decoupled) = if adam.decoupled { (none, update.decay) } else { (update.decay, none) };
    let update = Update { decay: coupled, ..update };
    let scalars = [adam.beta1, adam.beta2, adam.step, adam.epsilon, decoupled.l2, decoupled.l1];
    launch(backend, "update.adam", update, [m, v], &scalars)
}

/// `h = keep h + add g²; w -= rate g / (√h + epsilon)`, with `g` the decayed gradient: Adagrad and RMSProp.
///
/// Kernel `update.rms`: reads gradient; writes w, h; scalars rate, l2, l1, keep, add, epsilon.
pub fn rms_update(backend: &dyn Backend, update: Update<'_>, rms: Rms, h: &Tensor) -> Result<()> {
    launch(backend, "update.rms", update, [h], &[rms.keep, rms.add, rms.epsilon])
}

/// `h = rho h + (1 - rho) g²; d = √(s + epsilon) / √(h + epsilon) g; s = rho s + (1 - rho) d²; w -= rate d`, with `g` the decayed
/// gradient.
///
/// Kernel `update.adadelta`: reads gradient; writes w, h, s; scalars rate, l2, l1, rho, epsilon.
pub fn adadelta_update(
    backend: &dyn Backend,
    update: Update<'_>,
    rho: f64,
    epsilon: f64,
    h: &Tensor,
    s: &Tensor,
) -> Result<()> {
    launch(backend, "update.adadelta", update, [h, s], &[rho, epsilon])
}

/// The most scalars that a rule has.
const MOST_SCALARS: usize = 9;

fn launch<const N: usize>(
    backend: &dyn Backend,
    kernel: &'static str,
    update: Update<'_>,
    history: [&Tensor; N],
    scalars: &[f64],
) -> Result<()> {
    let Update { rate, decay, gradient, w } = update;
    same_shape(kernel, "the gradient", gradient, w)?;
    let mut writes = [w; 3];
    for (place, history) in writes[1..].iter_mut().zip(history) {
        same_shape(kernel, "the history", history, w)?;
        *place = history;
    }
    let mut all = [0.0; MOST_SCALARS];
    all[..3].copy_from_slice(&[rate, decay.l2, decay.l1]);
    all[3..3 + scalars.len()].copy_from_slice(scalars);
    let (writes, scalars) = (&writes[..1 + N], &all[..3 + scalars.len()]);
    backend.launch(Launch { kernel, reads: &[gradient], writes, sizes: &[], scalars })
}
