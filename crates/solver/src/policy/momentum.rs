//! The momentum's policies.

use super::{Stage, check_stages, current, steps, to_stages};
use crate::{
    Result,
    check::{at_least_one, fraction, not_negative},
};
use serde::{Deserialize, Serialize};

/// The momentum as a function of the iteration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", deny_unknown_fields)]
pub enum MomPolicy {
    /// Always `base_mom`.
    Fixed {
        /// The momentum.
        base_mom: f64,
    },
    /// `min(base_mom * gamma ^ floor(iter / stepsize), max_mom)`.
    Step {
        /// The first momentum.
        base_mom: f64,
        /// The factor at each step.
        gamma: f64,
        /// Iterations between steps.
        stepsize: u64,
        /// The largest momentum.
        max_mom: f64,
    },
    /// `min(base_mom + gamma * floor(iter / stepsize), max_mom)`.
    Linear {
        /// The first momentum.
        base_mom: f64,
        /// What each step adds.
        gamma: f64,
        /// Iterations between steps.
        stepsize: u64,
        /// The largest momentum.
        max_mom: f64,
    },
    /// One policy after another; each sees the iterations of the whole run, and the last one stays.
    Staged {
        /// The stages in order.
        stages: Vec<Stage<MomPolicy>>,
    },
}

impl MomPolicy {
    /// Always the same momentum.
    pub fn fixed(base_mom: f64) -> Self {
        MomPolicy::Fixed { base_mom }
    }

    /// Multiplied by `gamma` every `stepsize` iterations, up to `max_mom`.
    pub fn step(base_mom: f64, gamma: f64, stepsize: u64, max_mom: f64) -> Self {
        MomPolicy::Step { base_mom, gamma, stepsize, max_mom }
    }

    /// Raised by `gamma` every `stepsize` iterations, up to `max_mom`.
    pub fn linear(base_mom: f64, gamma: f64, stepsize: u64, max_mom: f64) -> Self {
        MomPolicy::Linear { base_mom, gamma, stepsize, max_mom }
    }

    /// Stages as pairs of a number of iterations and the policy that holds for them.
    pub fn staged(stages: impl IntoIterator<Item = (u64, MomPolicy)>) -> Self {
        MomPolicy::Staged { stages: to_stages(stages) }
    }

    /// The momentum at an iteration; the first is 1.
    pub fn at(&self, iteration: u64) -> f64 {
        match *self {
            MomPolicy::Fixed { base_mom } => base_mom,
            MomPolicy::Step { base_mom, gamma, stepsize, max_mom } => {
                (base_mom * gamma.powf(steps(iteration, stepsize))).min(max_mom)
            }
            MomPolicy::Linear { base_mom, gamma, stepsize, max_mom } => {
                (base_mom + gamma * steps(iteration, stepsize)).min(max_mom)
            }
            MomPolicy::Staged { ref stages } => current(stages, iteration).map_or(0.0, |policy| policy.at(iteration)),
        }
    }

    /// Checks that the policy makes sense.
    ///
    /// # Errors
    /// [`Error::Value`](crate::Error::Value) for a momentum outside of [0, 1), a negative or infinite factor, a stepsize of 0,
    /// no stages.
    pub fn check(&self) -> Result<()> {
        let what = "the momentum policy's";
        match *self {
            MomPolicy::Fixed { base_mom } => fraction(what, "base_mom", base_mom),
            MomPolicy::Step { base_mom, gamma, stepsize, max_mom }
            | MomPolicy::Linear { base_mom, gamma, stepsize, max_mom } => {
                fraction(what, "base_mom", base_mom)?;
                not_negative(what, "gamma", gamma)?;
                at_least_one(what, "stepsize", stepsize)?;
                fraction(what, "max_mom", max_mom)
            }
            MomPolicy::Staged { ref stages } => check_stages(what, stages, MomPolicy::check),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check, refused};
    use super::*;

    #[test]
    fn momenta() {
        let mom = MomPolicy::at;
        check(MomPolicy::fixed(0.9), mom, &[(1, 0.9), (10_000, 0.9)]);
        let step = [(1, 0.5), (299, 0.5), (300, 0.55), (999, 0.5 * 1.1 * 1.1 * 1.1), (3000, 0.9)];
        check(MomPolicy::step(0.5, 1.1, 300, 0.9), mom, &step);
        let linear = [(1, 0.5), (599, 0.5), (600, 0.5008), (1200, 0.5016), (600_000, 0.9)];
        check(MomPolicy::linear(0.5, 0.0008, 600, 0.9), mom, &linear);
        let staged = MomPolicy::staged([(10, MomPolicy::fixed(0.0)), (10, MomPolicy::fixed(0.9))]);
        check(staged, mom, &[(1, 0.0), (10, 0.0), (11, 0.9), (21, 0.9)]);
    }

    #[test]
    fn senseless_policies_are_refused() {
        refused(
            MomPolicy::fixed(1.0).check(),
            "the momentum policy's base_mom is 1; expected at least 0 and less than 1",
        );
        refused(MomPolicy::step(0.5, 1.1, 0, 0.9).check(), "stepsize is 0");
        refused(MomPolicy::linear(0.5, 0.1, 10, 1.5).check(), "max_mom is 1.5");
        assert!(MomPolicy::fixed(0.9).check().is_ok());
    }
}
