//! Stochastic gradient descent with momentum.
//!
//! Both the learning rate and the momentum are those of the iteration that is being performed, as in Caffe; Mocha takes the
//! previous iteration's momentum, which only matters where a policy changes it.

use crate::{History, LrPolicy, Method, MomPolicy, Result, Statistics};
use core_tensor::{Tensor, ops::kernels};
use layers::Net;
use serde::{Deserialize, Serialize};

/// Stochastic gradient descent: `V <- mu V - lr g; W <- W + V` (Caffe's `sgd_solver.cpp`, Mocha's `src/solvers/sgd.jl`).
///
/// ```
/// use solver::{LrPolicy, MomPolicy, Sgd};
/// let method = Sgd::new().lr_policy(LrPolicy::inv(0.01, 0.0001, 0.75)).mom_policy(MomPolicy::fixed(0.9));
/// ```
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sgd {
    lr_policy: LrPolicy,
    mom_policy: MomPolicy,
    #[serde(skip)]
    history: History<1>,
}

impl Sgd {
    /// A fixed learning rate of 0.01 and no momentum, as in Mocha.
    pub fn new() -> Self {
        let history = History::new(["momentum"]);
        Sgd { lr_policy: LrPolicy::fixed(0.01), mom_policy: MomPolicy::fixed(0.0), history }
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

impl Default for Sgd {
    fn default() -> Self {
        Sgd::new()
    }
}

impl Method for Sgd {
    fn name(&self) -> &str {
        "SGD"
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
        self.history.update(net, rate, regu_coef, |update, [v]| kernels::sgd_update(net.backend(), update, momentum, v))
    }

    fn history(&self) -> Vec<(String, Tensor)> {
        self.history.tensors()
    }

    fn state(&self) -> serde_json::Value {
        // Policies are numbers and lists of them: writing them as JSON cannot fail.
        serde_json::to_value(self).unwrap_or_default()
    }
}
