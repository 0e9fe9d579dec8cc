//! The seam for update rules, and the rules: a file for each.
//!
//! A method keeps its history (momentum, moments) as tensors in the net's backend and hands out *handles* to them; reading,
//! writing and checking them for snapshots is done once for all methods in `resume.rs`. The alternative, a save and a restore
//! in each method, would repeat the checks, and a method could change half of its state before it finds a wrong shape.
//!
//! No method counts its updates: the iteration is their number, also after a resume.

mod adadelta;
mod adagrad;
mod adam;
mod adam_w;
mod history;
mod nesterov;
mod read;
mod rms_prop;
mod sgd;

pub use adadelta::Adadelta;
pub use adagrad::Adagrad;
pub use adam::Adam;
pub use adam_w::AdamW;
pub use history::History;
pub use nesterov::Nesterov;
pub use read::read_method;
pub use rms_prop::RmsProp;
pub use sgd::Sgd;

use crate::{Result, Statistics};
use core_tensor::Tensor;
use layers::Net;
use std::fmt;

/// An update rule: how gradients change the parameters.
///
/// A rule of one's own needs little when it keeps its state in a [`History`]:
///
/// ```
/// use core_tensor::{Tensor, ops::kernels};
/// use layers::Net;
/// use solver::{History, Method, Result};
///
/// /// Gradient descent with a momentum of one half.
/// #[derive(Debug)]
/// struct Half(History<1>);
///
/// impl Method for Half {
///     fn name(&self) -> &str {
///         "Half"
///     }
///     fn setup(&mut self, net: &Net) -> Result<()> {
///         self.0.setup(net)
///     }
///     fn learning_rate(&self, _: u64) -> f64 {
///         0.01
///     }
///     fn update(&mut self, iteration: u64, net: &Net, regu_coef: f64) -> Result<()> {
///         let rate = self.learning_rate(iteration);
///         self.0.update(net, rate, regu_coef, |update, [v]| kernels::sgd_update(net.backend(), update, 0.5, v))
///     }
///     fn history(&self) -> Vec<(String, Tensor)> {
///         self.0.tensors()
///     }
///     fn state(&self) -> serde_json::Value {
///         serde_json::json!({})
///     }
/// }
///
/// let solver = solver::Solver::new(Half(History::new(["momentum"])));
/// ```
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

    /// Looks at the statistics as they are now: when a run starts and after the coffee breaks of an iteration. For learning
    /// rates that depend on them ([`LrPolicy::observe`](crate::LrPolicy::observe)).
    ///
    /// # Errors
    /// What is watched is not there.
    fn observe(&mut self, statistics: &Statistics) -> Result<()> {
        let _ = statistics;
        Ok(())
    }

    /// Changes the parameters by their gradients; `iteration` counts from 1. Frozen parameters stay and the regularizer joins
    /// the gradient, as [`History::update`] has it. Must not allocate.
    ///
    /// # Errors
    /// The backend's.
    fn update(&mut self, iteration: u64, net: &Net, regu_coef: f64) -> Result<()>;

    /// The history's tensors under unique names, e.g. `momentum/conv1___filter`, as [`History::tensors`] gives them.
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

/// A method that is chosen while a program runs, e.g. by [`read_method`].
impl Method for Box<dyn Method> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn setup(&mut self, net: &Net) -> Result<()> {
        (**self).setup(net)
    }

    fn learning_rate(&self, iteration: u64) -> f64 {
        (**self).learning_rate(iteration)
    }

    fn momentum(&self, iteration: u64) -> Option<f64> {
        (**self).momentum(iteration)
    }

    fn observe(&mut self, statistics: &Statistics) -> Result<()> {
        (**self).observe(statistics)
    }

    fn update(&mut self, iteration: u64, net: &Net, regu_coef: f64) -> Result<()> {
        (**self).update(iteration, net, regu_coef)
    }

    fn history(&self) -> Vec<(String, Tensor)> {
        (**self).history()
    }

    fn state(&self) -> serde_json::Value {
        (**self).state()
    }

    fn restore(&mut self, state: &serde_json::Value) -> Result<()> {
        (**self).restore(state)
    }
}
