//! Adam with decoupled weight decay.
//!
//! The decay is that of the parameters' regularizers, as for every other method, so that biases have none by default. A decay of
//! its own beside them, as PyTorch has it, was rejected: both would then act, or one would be ignored.

use crate::{Adam, LrPolicy, Method, Result, Statistics};
use core_tensor::Tensor;
use layers::Net;
use serde::Deserialize;

/// Adam whose regularizers act on the parameters instead of joining the gradient (Loshchilov, Hutter, *Decoupled weight decay
/// regularization*, 2019): `W <- W - lr 2 c regu_coef W` for `L2Regu(c)`, then Adam's step.
///
/// PyTorch's `weight_decay` of 0.01 is a [`regu_coef`](crate::Solver::regu_coef) of 0.005.
///
/// ```
/// use solver::{AdamW, LrPolicy, Solver};
/// let method = AdamW::new().lr_policy(LrPolicy::cosine(0.001, 1e-5, 10_000).warm_up(500));
/// let solver = Solver::new(method).regu_coef(0.005);
/// ```
#[derive(Debug, Deserialize)]
#[serde(from = "Settings")]
pub struct AdamW(Adam);

/// What may be read, with this method's defaults and not Adam's.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    lr_policy: LrPolicy,
    beta1: f64,
    beta2: f64,
    epsilon: f64,
}

impl AdamW {
    /// PyTorch's defaults: a fixed learning rate of 0.001, beta1 0.9, beta2 0.999, epsilon 1e-8.
    pub fn new() -> Self {
        Settings::default().into()
    }

    /// Sets the learning rate.
    pub fn lr_policy(self, policy: LrPolicy) -> Self {
        AdamW(self.0.lr_policy(policy))
    }

    /// Sets how much of the mean gradient is kept at each iteration.
    pub fn beta1(self, beta1: f64) -> Self {
        AdamW(self.0.beta1(beta1))
    }

    /// Sets how much of the mean squared gradient is kept at each iteration.
    pub fn beta2(self, beta2: f64) -> Self {
        AdamW(self.0.beta2(beta2))
    }

    /// Sets what is added to the root of the mean square.
    pub fn epsilon(self, epsilon: f64) -> Self {
        AdamW(self.0.epsilon(epsilon))
    }
}

impl Default for AdamW {
    fn default() -> Self {
        AdamW::new()
    }
}

impl Default for Settings {
    fn default() -> Self {
        Settings { lr_policy: LrPolicy::fixed(0.001), beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
    }
}

impl From<Settings> for AdamW {
    fn from(Settings { lr_policy, beta1, beta2, epsilon }: Settings) -> Self {
        AdamW(Adam::new().lr_policy(lr_policy).beta1(beta1).beta2(beta2).epsilon(epsilon))
    }
}

impl Method for AdamW {
    fn name(&self) -> &str {
        "AdamW"
    }

    fn setup(&mut self, net: &Net) -> Result<()> {
        self.0.setup(net)
    }

    fn learning_rate(&self, iteration: u64) -> f64 {
        self.0.learning_rate(iteration)
    }

    fn observe(&mut self, statistics: &Statistics) -> Result<()> {
        self.0.observe(statistics)
    }

    fn update(&mut self, iteration: u64, net: &Net, regu_coef: f64) -> Result<()> {
        self.0.step(iteration, net, regu_coef, true)
    }

    fn history(&self) -> Vec<(String, Tensor)> {
        self.0.history()
    }

    fn state(&self) -> serde_json::Value {
        self.0.state()
    }
}
