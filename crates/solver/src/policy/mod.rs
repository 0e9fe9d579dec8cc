//! How the learning rate and the momentum change with the iterations.
//!
//! Policies are plain data with the names and formulas of Mocha's `src/solvers.jl` and Caffe's `GetLearningRate`, with iterations
//! counted from 1. They are functions of the iteration, and one of them of the statistics, so a resumed run needs nothing of
//! them: a snapshot has both. Two enums instead of one generic policy: their formulas and their limits differ, and an error
//! shall say which of the two is wrong.

mod learning_rate;
mod momentum;

pub use learning_rate::LrPolicy;
pub use momentum::MomPolicy;

use crate::{
    Result,
    check::{at_least_one, wrong},
};
use serde::{Deserialize, Serialize};

/// A policy that holds for some iterations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage<P> {
    /// For how many iterations.
    pub iterations: u64,
    /// The policy.
    pub policy: P,
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
        at_least_one(what, "number of iterations of a stage", stage.iterations)?;
        check(&stage.policy)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares values at iterations, and that the policy survives JSON.
    pub(super) fn check<P>(policy: P, at: fn(&P, u64) -> f64, expected: &[(u64, f64)])
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

    /// Checks that a setting is refused in these words.
    pub(super) fn refused(result: Result<()>, text: &str) {
        let message = result.expect_err(text).to_string();
        assert!(message.contains(text), "{message:?} does not contain {text:?}");
    }
}
