//! Adadelta.

use crate::{History, LrPolicy, Method, Result, Statistics, check};
use core_tensor::{Tensor, ops::kernels};
use layers::Net;
use serde::{Deserialize, Serialize};

/// Adadelta (Zeiler, *ADADELTA: an adaptive learning rate method*, 2012; Mocha's `src/solvers/adadelta.jl`):
/// `h <- rho h + (1 - rho) g²; d = sqrt(s + epsilon) / sqrt(h + epsilon) g; s <- rho s + (1 - rho) d²; W <- W - lr d`.
///
/// ```
/// let method = solver::Adadelta::new().rho(0.9);
/// ```
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Adadelta {
    lr_policy: LrPolicy,
    rho: f64,
    epsilon: f64,
    #[serde(skip)]
    history: History<2>,
}

impl Adadelta {
    /// Mocha's defaults: rho 0.95, epsilon 1e-6. The learning rate, which Mocha and the paper do without, is 1.
    pub fn new() -> Self {
        let history = History::new(["mean_square", "mean_square_step"]);
        Adadelta { lr_policy: LrPolicy::fixed(1.0), rho: 0.95, epsilon: 1e-6, history }
    }

    /// Sets the factor on all steps.
    pub fn lr_policy(mut self, policy: LrPolicy) -> Self {
        self.lr_policy = policy;
        self
    }

    /// Sets how much of the mean squares is kept at each iteration.
    pub fn rho(mut self, rho: f64) -> Self {
        self.rho = rho;
        self
    }

    /// Sets what is added to both mean squares under the roots; it makes the first step possible.
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }
}

impl Default for Adadelta {
    fn default() -> Self {
        Adadelta::new()
    }
}

impl Method for Adadelta {
    fn name(&self) -> &str {
        "Adadelta"
    }

    fn setup(&mut self, net: &Net) -> Result<()> {
        self.lr_policy.check()?;
        check::fraction("Adadelta's", "rho", self.rho)?;
        check::positive("Adadelta's", "epsilon", self.epsilon)?;
        self.history.setup(net)
    }

    fn learning_rate(&self, iteration: u64) -> f64 {
        self.lr_policy.at(iteration)
    }

    fn observe(&mut self, statistics: &Statistics) -> Result<()> {
        self.lr_policy.observe(statistics)
    }

    fn update(&mut self, iteration: u64, net: &Net, regu_coef: f64) -> Result<()> {
        let (rho, epsilon) = (self.rho, self.epsilon);
        self.history.update(net, self.lr_policy.at(iteration), regu_coef, |update, [h, s]| {
            kernels::adadelta_update(net.backend(), update, rho, epsilon, h, s)
        })
    }

    fn history(&self) -> Vec<(String, Tensor)> {
        self.history.tensors()
    }

    fn state(&self) -> serde_json::Value {
        // Numbers and lists of them: writing them as JSON cannot fail.
        serde_json::to_value(self).unwrap_or_default()
    }
}
