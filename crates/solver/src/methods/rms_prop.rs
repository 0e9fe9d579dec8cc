//! RMSProp, which Mocha lacks.

use crate::{History, LrPolicy, Method, Result, Statistics, check};
use core_tensor::{
    Tensor,
    ops::kernels::{self, Rms},
};
use layers::Net;
use serde::{Deserialize, Serialize};

/// RMSProp (Tieleman, Hinton, *Lecture 6.5*, Coursera 2012; Caffe's `rmsprop_solver.cpp`):
/// `h <- rms_decay h + (1 - rms_decay) g²; W <- W - lr g / (sqrt(h) + epsilon)`.
///
/// ```
/// use solver::{LrPolicy, RmsProp};
/// let method = RmsProp::new().lr_policy(LrPolicy::inv(0.01, 0.0001, 0.75)).rms_decay(0.98);
/// ```
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RmsProp {
    lr_policy: LrPolicy,
    rms_decay: f64,
    epsilon: f64,
    #[serde(skip)]
    history: History<1>,
}

impl RmsProp {
    /// A fixed learning rate of 0.01, as in PyTorch, and Caffe's defaults: rms_decay 0.99, epsilon 1e-8.
    pub fn new() -> Self {
        let history = History::new(["mean_square"]);
        RmsProp { lr_policy: LrPolicy::fixed(0.01), rms_decay: 0.99, epsilon: 1e-8, history }
    }

    /// Sets the learning rate.
    pub fn lr_policy(mut self, policy: LrPolicy) -> Self {
        self.lr_policy = policy;
        self
    }

    /// Sets how much of the mean squared gradient is kept at each iteration.
    pub fn rms_decay(mut self, rms_decay: f64) -> Self {
        self.rms_decay = rms_decay;
        self
    }

    /// Sets what is added to the root of the mean square.
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }
}

impl Default for RmsProp {
    fn default() -> Self {
        RmsProp::new()
    }
}

impl Method for RmsProp {
    fn name(&self) -> &str {
        "RMSProp"
    }

    fn setup(&mut self, net: &Net) -> Result<()> {
        self.lr_policy.check()?;
        check::fraction("RMSProp's", "rms_decay", self.rms_decay)?;
        check::positive("RMSProp's", "epsilon", self.epsilon)?;
        self.history.setup(net)
    }

    fn learning_rate(&self, iteration: u64) -> f64 {
        self.lr_policy.at(iteration)
    }

    fn observe(&mut self, statistics: &Statistics) -> Result<()> {
        self.lr_policy.observe(statistics)
    }

    fn update(&mut self, iteration: u64, net: &Net, regu_coef: f64) -> Result<()> {
        let rms = Rms { keep: self.rms_decay, add: 1.0 - self.rms_decay, epsilon: self.epsilon };
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
