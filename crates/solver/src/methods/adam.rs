//! Adam.
//!
//! Mocha's second moment never decays, a bug; here it does, as Kingma and Ba have it. The bias corrections are folded into the
//! step, so the kernel knows nothing of iterations.

use crate::{History, LrPolicy, Method, Result, Statistics, check};
use core_tensor::{Tensor, ops::kernels};
use layers::Net;
use serde::{Deserialize, Serialize};

/// Adam (Kingma, Ba, *Adam: a method for stochastic optimization*, 2015; Caffe's `adam_solver.cpp`):
/// `m <- beta1 m + (1 - beta1) g; v <- beta2 v + (1 - beta2) g²; W <- W - lr sqrt(1 - beta2^t) / (1 - beta1^t) m / (sqrt(v) + epsilon)`.
///
/// t is the iteration. A layer that is unfrozen late starts with empty moments all the same, and so with steps of about three
/// times the learning rate.
///
/// ```
/// use solver::{Adam, LrPolicy};
/// let method = Adam::new().lr_policy(LrPolicy::fixed(0.001)).beta1(0.95);
/// ```
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Adam {
    lr_policy: LrPolicy,
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    #[serde(skip)]
    history: History<2>,
}

impl Adam {
    /// Mocha's defaults: a learning rate of `0.003 (1 + 0.0001 iter)^-0.5`, beta1 0.9, beta2 0.999, epsilon 1e-8.
    pub fn new() -> Self {
        let history = History::new(["mean", "mean_square"]);
        Adam { lr_policy: LrPolicy::inv(0.003, 0.0001, 0.5), beta1: 0.9, beta2: 0.999, epsilon: 1e-8, history }
    }

    /// Sets the learning rate.
    pub fn lr_policy(mut self, policy: LrPolicy) -> Self {
        self.lr_policy = policy;
        self
    }

    /// Sets how much of the mean gradient is kept at each iteration.
    pub fn beta1(mut self, beta1: f64) -> Self {
        self.beta1 = beta1;
        self
    }

    /// Sets how much of the mean squared gradient is kept at each iteration.
    pub fn beta2(mut self, beta2: f64) -> Self {
        self.beta2 = beta2;
        self
    }

    /// Sets what is added to the root of the mean square.
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }

    /// One update, with the decay in the gradient or, `decoupled`, taken from the parameters.
    pub(super) fn step(&self, iteration: u64, net: &Net, regu_coef: f64, decoupled: bool) -> Result<()> {
        let Adam { beta1, beta2, epsilon, .. } = *self;
        let rate = self.lr_policy.at(iteration);
        let bias = |beta: f64| 1.0 - beta.powf(iteration as f64);
        let correction = bias(beta2).sqrt() / bias(beta1);
        self.history.update(net, rate, regu_coef, |update, [m, v]| {
            let step = update.rate * correction;
            kernels::adam_update(net.backend(), update, kernels::Adam { beta1, beta2, step, epsilon, decoupled }, m, v)
        })
    }
}

impl Default for Adam {
    fn default() -> Self {
        Adam::new()
    }
}

impl Method for Adam {
    fn name(&self) -> &str {
        "Adam"
    }

    fn setup(&mut self, net: &Net) -> Result<()> {
        self.lr_policy.check()?;
        check::fraction("Adam's", "beta1", self.beta1)?;
        check::fraction("Adam's", "beta2", self.beta2)?;
        check::positive("Adam's", "epsilon", self.epsilon)?;
        self.history.setup(net)
    }

    fn learning_rate(&self, iteration: u64) -> f64 {
        self.lr_policy.at(iteration)
    }

    fn observe(&mut self, statistics: &Statistics) -> Result<()> {
        self.lr_policy.observe(statistics)
    }

    fn update(&mut self, iteration: u64, net: &Net, regu_coef: f64) -> Result<()> {
        self.step(iteration, net, regu_coef, false)
    }

    fn history(&self) -> Vec<(String, Tensor)> {
        self.history.tensors()
    }

    fn state(&self) -> serde_json::Value {
        // Numbers and lists of them: writing them as JSON cannot fail.
        serde_json::to_value(self).unwrap_or_default()
    }
}
