//! Nesterov's accelerated gradient.
//!
//! The parameters are kept where the gradient is taken, one momentum ahead, so that an update needs no second pass. Caffe's
//! form, with this iteration's momentum in both terms; Mocha's differs from it only where a policy changes the momentum, and has
//! not run since 2016.

use crate::{History, LrPolicy, Method, MomPolicy, Result, Statistics};
use core_tensor::{Tensor, ops::kernels};
use layers::Net;
use serde::{Deserialize, Serialize};

/// Nesterov's accelerated gradient: `V' = mu V - lr g; W <- W + (1 + mu) V' - mu V` (Caffe's `nesterov_solver.cpp`; Sutskever,
/// Martens, Dahl, Hinton, *On the importance of initialization and momentum in deep learning*, 2013).
///
/// ```
/// use solver::{MomPolicy, Nesterov};
/// let method = Nesterov::new().mom_policy(MomPolicy::linear(0.5, 0.0008, 600, 0.9));
/// ```
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Nesterov {
    lr_policy: LrPolicy,
    mom_policy: MomPolicy,
    #[serde(skip)]
    history: History<1>,
}

impl Nesterov {
    /// A fixed learning rate of 0.01, as in Mocha, and no momentum; without one it is plain gradient descent.
    pub fn new() -> Self {
        let history = History::new(["momentum"]);
        Nesterov { lr_policy: LrPolicy::fixed(0.01), mom_policy: MomPolicy::fixed(0.0), history }
    }

    /// Sets the learning rate.
    pub fn lr_policy(mut self, policy: LrPolicy) -> Self {
        self.lr_policy = policy;
        self
    }

    /// Sets the momentum.
    pub fn mom_policy(mut self, policy: MomPolicy) -> Self {
        self.mom_policy = policy;
        self
    }
}

impl Default for Nesterov {
    fn default() -> Self {
        Nesterov::new()
    }
}

impl Method for Nesterov {
    fn name(&self) -> &str {
        "Nesterov"
    }

    fn setup(&mut self, net: &Net) -> Result<()> {
        self.lr_policy.check()?;
        self.mom_policy.check()?;
        self.history.setup(net)
    }

    fn learning_rate(&self, iteration: u64) -> f64 {
        self.lr_policy.at(iteration)
    }

    fn momentum(&self, iteration: u64) -> Option<f64> {
        Some(self.mom_policy.at(iteration))
    }

    fn observe(&mut self, statistics: &Statistics) -> Result<()> {
        self.lr_policy.observe(statistics)
    }

    fn update(&mut self, iteration: u64, net: &Net, regu_coef: f64) -> Result<()> {
        let (rate, momentum) = (self.lr_policy.at(iteration), self.mom_policy.at(iteration));
        self.history
            .update(net, rate, regu_coef, |update, [v]| kernels::nesterov_update(net.backend(), update, momentum, v))
    }

    fn history(&self) -> Vec<(String, Tensor)> {
        self.history.tensors()
    }

    fn state(&self) -> serde_json::Value {
        // Policies are numbers and lists of them: writing them as JSON cannot fail.
        serde_json::to_value(self).unwrap_or_default()
    }
}
