//! Stochastic gradient descent with momentum.
//!
//! Both the learning rate and the momentum are those of the iteration that is being performed, as in Caffe; Mocha takes the
//! previous iteration's momentum, which only matters where a policy changes it. The regularizer and the local learning rate
//! are folded into one pass over each parameter.

use crate::{Error, LrPolicy, Method, MomPolicy, Result, decay, gradient_of, zeros_like_params};
use core_tensor::{Tensor, ops::kernels};
use layers::Net;
use serde::Serialize;

/// Stochastic gradient descent: `V <- mu V - lr g; W <- W + V` (Caffe's `sgd_solver.cpp`, Mocha's `src/solvers/sgd.jl`).
///
/// ```
/// use solver::{LrPolicy, MomPolicy, Sgd};
/// let method = Sgd::new().lr_policy(LrPolicy::inv(0.01, 0.0001, 0.75)).mom_policy(MomPolicy::fixed(0.9));
/// ```
#[derive(Debug, Serialize)]
pub struct Sgd {
    lr_policy: LrPolicy,
    mom_policy: MomPolicy,
    #[serde(skip)]
    momentum: Vec<(String, Tensor)>,
}

impl Sgd {
    /// A fixed learning rate of 0.01 and no momentum, as in Mocha.
    pub fn new() -> Self {
        Sgd { lr_policy: LrPolicy::fixed(0.01), mom_policy: MomPolicy::fixed(0.0), momentum: Vec::new() }
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
        self.momentum = zeros_like_params(net, "momentum")?;
        Ok(())
    }

    fn learning_rate(&self, iteration: u64) -> f64 {
        self.lr_policy.at(iteration)
    }

    fn momentum(&self, iteration: u64) -> Option<f64> {
        Some(self.mom_policy.at(iteration))
    }

    fn update(&mut self, iteration: u64, net: &Net, regu_coef: f64) -> Result<()> {
        if self.momentum.len() != net.params().len() {
            return Err(Error::Value {
                what: "the history of SGD".into(),
                found: format!("made for {} parameters", self.momentum.len()),
                expected: format!("{}; call `setup` with this net first", net.params().len()),
            });
        }
        let (rate, momentum) = (self.lr_policy.at(iteration), self.mom_policy.at(iteration));
        for (param, (_, v)) in net.params().iter().zip(&self.momentum) {
            let Some(gradient) = gradient_of(param) else { continue };
            let rate = rate * param.spec().learning_rate;
            let decay = decay(param.spec().regularizer, regu_coef);
            kernels::sgd_update(net.backend(), rate, momentum, decay, gradient, param.data(), v)?;
        }
        Ok(())
    }

    fn history(&self) -> Vec<(String, Tensor)> {
        self.momentum.clone()
    }

    fn state(&self) -> serde_json::Value {
        // Policies are numbers and lists of them: writing them as JSON cannot fail.
        serde_json::to_value(self).unwrap_or_default()
    }
}
