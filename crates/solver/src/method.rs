//! The seam for update rules, and what all of them need.
//!
//! A method keeps its history (momentum, moments) as tensors in the net's backend and hands out *handles* to them; reading,
//! writing and checking them for snapshots is done once for all methods in `resume.rs`. The alternative, a save and a restore
//! in each method, would repeat the checks, and a method could change half of its state before it finds a wrong shape.

use crate::Result;
use core_tensor::{Role, Tensor, ops::kernels::Decay};
use layers::{Net, Param, Regularizer};
use std::fmt;

/// An update rule: how gradients change the parameters.
pub trait Method: fmt::Debug + Send {
    /// The name in snapshots and messages, e.g. `SGD`; a snapshot of another name cannot be resumed.
    fn name(&self) -> &str;

    /// Checks the settings and makes the history, all zeros, for the net's parameters. Called when a run starts.
    ///
    /// # Errors
    /// A setting makes no sense, or the memory cannot be had.
    fn setup(&mut self, net: &Net) -> Result<()>;

    /// The learning rate of an iteration, before local factors.
    fn learning_rate(&self, iteration: u64) -> f64;

    /// The momentum of an iteration, for methods that have one.
    fn momentum(&self, iteration: u64) -> Option<f64> {
        let _ = iteration;
        None
    }

    /// Changes the parameters by their gradients; `iteration` counts from 1. Frozen parameters stay ([`gradient_of`]), the
    /// regularizer joins the gradient ([`decay`]). Must not allocate.
    ///
    /// # Errors
    /// The backend's.
    fn update(&mut self, iteration: u64, net: &Net, regu_coef: f64) -> Result<()>;

    /// The history's tensors under unique names, e.g. `momentum/conv1___filter`, as [`zeros_like_params`] made them.
    fn history(&self) -> Vec<(String, Tensor)>;

    /// Settings, and all state that is not in [`Method::history`], as JSON for snapshots.
    fn state(&self) -> serde_json::Value;

    /// Takes back state that [`Method::state`] gave, where there is any. *Settings* stay as the program has them: to go on
    /// with a smaller learning rate is no error.
    ///
    /// # Errors
    /// The state does not fit.
    fn restore(&mut self, state: &serde_json::Value) -> Result<()> {
        let _ = state;
        Ok(())
    }
}

/// One tensor of zeros for each of the net's parameters, in their order, named `group/layer___param`. Frozen parameters get
/// theirs too: a coffee break may unfreeze them.
///
/// # Errors
/// The memory cannot be had.
pub fn zeros_like_params(net: &Net, group: &str) -> Result<Vec<(String, Tensor)>> {
    let zeros = |param: &Param| {
        let tensor = net.backend().alloc(param.data().shape(), param.data().dtype(), Role::Param)?;
        Ok((format!("{group}/{}", param.key()), tensor))
    };
    net.params().iter().map(zeros).collect()
}

/// The gradient to update a parameter by; `None` for a frozen one.
pub fn gradient_of(param: &Param) -> Option<&Tensor> {
    param.diff().filter(|_| !param.is_frozen())
}

/// What a parameter's regularizer adds to its gradient, `regu_coef` included.
pub fn decay(regularizer: Regularizer, regu_coef: f64) -> Decay {
    match regularizer {
        Regularizer::None => Decay::default(),
        Regularizer::L2 { coefficient } => Decay { l2: 2.0 * coefficient * regu_coef, l1: 0.0 },
        Regularizer::L1 { coefficient } => Decay { l2: 0.0, l1: coefficient * regu_coef },
    }
}
