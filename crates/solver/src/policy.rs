//! How the learning rate and the momentum change with the iterations.
//!
//! Policies are plain data with the names and formulas of Mocha's `src/solvers.jl` (Caffe's `GetLearningRate`, with iterations
//! counted from 1). They are functions of the iteration alone, so a resumed run needs nothing of them. Two enums instead of
//! one generic policy: their formulas and their limits differ, and an error shall say which of the two is wrong.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// The learning rate as a function of the iteration.
///
/// ```
/// use solver::LrPolicy;
/// let lenet = LrPolicy::inv(0.01, 0.0001, 0.75);
/// assert!((lenet.at(10_000) - 0.00594604).abs() < 1e-8); // Caffe's log of the same run
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", deny_unknown_fields)]
pub enum LrPolicy {
    /// Always `base_lr`.
    Fixed {
        /// The rate.
        base_lr: f64,
    },
    /// `base_lr * gamma ^ floor(iter / stepsize)`.
    Step {
        /// The first rate.
        base_lr: f64,
        /// The factor at each step.
        gamma: f64,
        /// Iterations between steps.
        stepsize: u64,
    },
    /// `base_lr * gamma ^ iter`.
    Exp {
        /// The rate at iteration 0.
        base_lr: f64,
        /// The factor at each iteration.
        gamma: f64,
    },
    /// `base_lr * (1 + gamma * iter) ^ -power`.
    Inv {
        /// The rate at iteration 0.
        base_lr: f64,
        /// How quickly it falls.
        gamma: f64,
        /// How steeply it falls in the end.
        power: f64,
    },
    /// One policy after another; each sees the iterations of the whole run, and the last one stays.
    Staged {
        /// The stages in order.
        stages: Vec<Stage<LrPolicy>>,
    },
}

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

/// A policy that holds for some iterations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage<P> {
    /// For how many iterations.
    pub iterations: u64,
    /// The policy.
    pub policy: P,
}

impl LrPolicy {
    /// Always the same rate.
    pub fn fixed(base_lr: f64) -> Self {
        LrPolicy::Fixed { base_lr }
    }

    /// Multiplied by `gamma` every `stepsize` iterations.
    pub fn step(base_lr: f64, gamma: f64, stepsize: u64) -> Self {
        LrPolicy::Step { base_lr, gamma, stepsize }
    }

    /// Multiplied by `gamma` at each iteration.
    pub fn exp(base_lr: f64, gamma: f64) -> Self {
        LrPolicy::Exp { base_lr, gamma }
    }

    /// Falling as `(1 + gamma * iter) ^ -power`.
    pub fn inv(base_lr: f64, gamma: f64, power: f64) -> Self {
        LrPolicy::Inv { base_lr, gamma, power }
    }

    /// Stages as pairs of a number of iterations and the policy that holds for them.
    pub fn staged(stages: impl IntoIterator<Item = (u64, LrPolicy)>) -> Self {
        LrPolicy::Staged { stages: to_stages(stages) }
    }

    /// The rate at an iteration; the first is 1.
    pub fn at(&self, iteration: u64) -> f64 {
        match *self {
            LrPolicy::Fixed { base_lr } => base_lr,
            LrPolicy::Step { base_lr, gamma, stepsize } => base_lr * gamma.powf(steps(iteration, stepsize)),
            LrPolicy::Exp { base_lr, gamma } => base_lr * gamma.powf(iteration as f64),
            LrPolicy::Inv { base_lr, gamma, power } => base_lr * (1.0 + gamma * iteration as f64).powf(-power),
            LrPolicy::Staged { ref stages } => current(stages, iteration).map_or(0.0, |policy| policy.at(iteration)),
        }
    }

    /// Checks that the policy makes sense.
    ///
    /// # Errors
    /// [`Error::Value`] for a negative or infinite rate or factor, a stepsize of 0, no stages.
    pub fn check(&self) -> Result<()> {
        let what = "the learning rate policy's";
        match *self {
            LrPolicy::Fixed { base_lr } => not_negative(what, "base_lr", base_lr),
            LrPolicy::Step { base_lr, gamma, stepsize } => {
                not_negative(what, "base_lr", base_lr)?;
                not_negative(what, "gamma", gamma)?;
                positive(what, "stepsize", stepsize)
            }
            LrPolicy::Exp { base_lr, gamma } => {
                not_negative(what, "base_lr", base_lr)?;
                not_negative(what, "gamma", gamma)
            }
            LrPolicy::Inv { base_lr, gamma, power } => {
                not_negative(what, "base_lr", base_lr)?;
                not_negative(what, "gamma", gamma)?;
                not_negative(what, "power", power)
            }
            LrPolicy::Staged { ref stages } => check_stages(what, stages, LrPolicy::check),
        }
    }
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
    /// [`Error::Value`] for a momentum outside of [0, 1), a negative or infinite factor, a stepsize of 0, no stages.
    pub fn check(&self) -> Result<()> {
        let what = "the momentum policy's";
        match *self {
            MomPolicy::Fixed { base_mom } => momentum(what, "base_mom", base_mom),
            MomPolicy::Step { base_mom, gamma, stepsize, max_mom }
            | MomPolicy::Linear { base_mom, gamma, stepsize, max_mom } => {
                momentum(what, "base_mom", base_mom)?;
                not_negative(what, "gamma", gamma)?;
                positive(what, "stepsize", stepsize)?;
                momentum(what, "max_mom", max_mom)
            }
            MomPolicy::Staged { ref stages } => check_stages(what, stages, MomPolicy::check),
        }
    }
}

fn steps(iteration: u64, stepsize: u64) -> f64 {
    // A stepsize of 0 does not pass `check`; here it means that no step is ever reached.
    iteration.checked_div(stepsize).unwrap_or(0) as f64
}

fn to_stages<P>(stages: impl IntoIterator<Item = (u64, P)>) -> Vec<Stage<P>> {
    stages.into_iter().map(|(iterations, policy)| Stage { iterations, policy }).collect()
}

/// The policy of the stage that an iteration belongs to: with a first stage of 100 iterations, 100 is its last.
fn current<P>(stages: &[Stage<P>], iteration: u64) -> Option<&P> {
    let mut end = 0u64;
    let running = stages.iter().find(|stage| {
        end = end.saturating_add(stage.iterations);
        iteration <= end
    });
    running.or(stages.last()).map(|stage| &stage.policy)
}

fn check_stages<P>(what: &str, stages: &[Stage<P>], check: fn(&P) -> Result<()>) -> Result<()> {
    if stages.is_empty() {
        return Err(wrong(what, "stages", "empty", "at least one stage"));
    }
    for stage in stages {
        positive(what, "number of iterations of a stage", stage.iterations)?;
        check(&stage.policy)?;
    }
    Ok(())
}

fn not_negative(what: &str, name: &str, value: f64) -> Result<()> {
    if value.is_finite() && value >= 0.0 { Ok(()) } else { Err(wrong(what, name, value, "a finite number, 0 or more")) }
}

fn momentum(what: &str, name: &str, value: f64) -> Result<()> {
    if (0.0..1.0).contains(&value) { Ok(()) } else { Err(wrong(what, name, value, "at least 0 and less than 1")) }
}

fn positive(what: &str, name: &str, value: u64) -> Result<()> {
    if value > 0 { Ok(()) } else { Err(wrong(what, name, value, "at least 1")) }
}

fn wrong(what: &str, name: &str, found: impl ToString, expected: &str) -> Error {
    Error::Value { what: format!("{what} {name}"), found: found.to_string(), expected: expected.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares values at iterations, and that the policy survives JSON.
    fn check<P>(policy: P, at: fn(&P, u64) -> f64, expected: &[(u64, f64)])
    where
        P: PartialEq + std::fmt::Debug + Serialize + for<'de> Deserialize<'de>,
    {
        for &(iteration, value) in expected {
            let found = at(&policy, iteration);
            assert!((found - value).abs() <= 1e-12 * value.abs(), "{policy:?} at {iteration}: {found}, not {value}");
        }
        let json = serde_json::to_string(&policy).unwrap();
        assert_eq!(serde_json::from_str::<P>(&json).unwrap(), policy);
    }

    #[test]
    fn learning_rates() {
        let lr = LrPolicy::at;
        check(LrPolicy::fixed(0.01), lr, &[(1, 0.01), (10_000, 0.01)]);
        check(LrPolicy::step(0.1, 0.5, 100), lr, &[(1, 0.1), (99, 0.1), (100, 0.05), (101, 0.05), (500, 0.003125)]);
        check(LrPolicy::exp(0.1, 0.999), lr, &[(1, 0.0999), (2, 0.0998001), (100, 0.0904792147113709)]);
        let inv = [(1, 0.009999250065618985), (100, 0.009925650290240803), (1000, 0.009310124446222227)];
        check(LrPolicy::inv(0.01, 0.0001, 0.75), lr, &inv);
        let staged = LrPolicy::staged([
            (60, LrPolicy::fixed(0.001)),
            (5, LrPolicy::step(1.0, 0.5, 60)), // sees the whole run's iterations
            (5, LrPolicy::fixed(1e-5)),
        ]);
        let values = [(1, 0.001), (60, 0.001), (61, 0.5), (65, 0.5), (66, 1e-5), (70, 1e-5), (71, 1e-5), (9999, 1e-5)];
        check(staged, lr, &values);
    }

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
    fn json_is_what_other_tools_read() {
        let policy: LrPolicy =
            serde_json::from_str(r#"{"type":"Inv","base_lr":0.01,"gamma":0.0001,"power":0.75}"#).unwrap();
        assert_eq!(policy, LrPolicy::inv(0.01, 0.0001, 0.75));
        assert!(serde_json::from_str::<LrPolicy>(r#"{"type":"Fixed","base_lr":1,"gama":2}"#).is_err());
    }

    #[test]
    fn senseless_policies_are_refused() {
        let refused = |result: Result<()>, text: &str| {
            let message = result.expect_err(text).to_string();
            assert!(message.contains(text), "{message:?} does not contain {text:?}");
        };
        refused(LrPolicy::fixed(-0.1).check(), "the learning rate policy's base_lr is -0.1; expected a finite number");
        refused(LrPolicy::fixed(f64::NAN).check(), "base_lr is NaN");
        refused(LrPolicy::step(0.1, 0.5, 0).check(), "stepsize is 0; expected at least 1");
        refused(LrPolicy::exp(0.1, -1.0).check(), "gamma is -1");
        refused(LrPolicy::inv(0.1, -1e-4, 0.75).check(), "gamma is -0.0001");
        refused(LrPolicy::staged([]).check(), "stages is empty");
        refused(LrPolicy::staged([(0, LrPolicy::fixed(0.1))]).check(), "iterations of a stage is 0");
        refused(LrPolicy::staged([(9, LrPolicy::fixed(-0.1))]).check(), "base_lr is -0.1");
        refused(
            MomPolicy::fixed(1.0).check(),
            "the momentum policy's base_mom is 1; expected at least 0 and less than 1",
        );
        refused(MomPolicy::step(0.5, 1.1, 0, 0.9).check(), "stepsize is 0");
        refused(MomPolicy::linear(0.5, 0.1, 10, 1.5).check(), "max_mom is 1.5");
        assert!(LrPolicy::inv(0.01, 0.0001, 0.75).check().is_ok() && MomPolicy::fixed(0.9).check().is_ok());
    }
}
