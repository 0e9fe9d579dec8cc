//! Adagrad.
//!
//! Each number of a parameter has a rate of its own, as Duchi et al. and Caffe have it; Mocha divides a whole blob by the root of
//! one sum.

use crate::{History, LrPolicy, Method, Result, Statistics, check};
use core_tensor::{
    Tensor,
    ops::kernels::{self, Rms},
};
use layers::Net;
use serde::{Deserialize, Serialize};

/// Adagrad (Duchi, Hazan, Singer, *Adaptive subgradient methods*, 2011; Caffe's `adagrad_solver.cpp`):
/// `h <- h + g²; W <- W - lr g / (sqrt(h) + epsilon)`.
///
/// ```
/// use solver::{Adagrad, LrPolicy};
/// let method = Adagrad::new().lr_policy(LrPolicy::fixed(0.05));
/// ```
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Adagrad {
    lr_policy: LrPolicy,
    epsilon: f64,
    #[serde(skip)]
    history: History<1>,
}

impl Adagrad {
    /// A fixed learning rate of 0.01, as in PyTorch, and Mocha's epsilon, 1e-8. Mocha's rate of 1 belongs to its other formula.
    pub fn new() -> Self {
        Adagrad { lr_policy: LrPolicy::fixed(0.01), epsilon: 1e-8, history: History::new(["sum_of_squares"]) }
    }

    /// Sets the learning rate.
    pub fn lr_policy(mut self, policy: LrPolicy) -> Self {
        self.lr_policy = policy;
        self
    }

    /// Sets what is added to the root of the sum.
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }
}

impl Default for Adagrad {
    fn default() -> Self {
        Adagrad::new()
    }
}

impl Method for Adagrad {
    fn name(&self) -> &str {
        "Adagrad"
    }

    fn setup(&mut self, net: &Net) -> Result<()> {
        self.lr_policy.check()?;
        check::positive("Adagrad's", "epsilon", self.epsilon)?;
        self.history.setup(net)
    }

    fn learning_rate(&self, iteration: u64) -> f64 {
        self.lr_policy.at(iteration)
    }

    fn observe(&mut self, statistics: &Statistics) -> Result<()> {
        self.lr_policy.observe(statistics)
    }

    fn update(&mut self, iteration: u64, net: &Net, regu_coef: f64) -> Result<()> {
        let rms = Rms { keep: 1.0, add: 1.0, epsilon: self.epsilon };
        self.history.update(net, self.lr_policy.at(iteration), regu_coef, |update, [h]| {
            kernels::rms_update(net.backend(), update, rms, h)
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
