//! The learning rate's policies.

use super::{Stage, check_stages, current, steps, to_stages};
use crate::{
    Goal, Result, Statistics,
    check::{at_least_one, not_negative, wrong},
};
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// The learning rate as a function of the iteration.
///
/// ```
/// use solver::LrPolicy;
/// let lenet = LrPolicy::inv(0.01, 0.0001, 0.75);
/// assert!((lenet.at(10_000) - 0.00594604).abs() < 1e-8); // Caffe's log of the same run
///
/// let transformer = LrPolicy::cosine(0.001, 0.0, 100_000).warm_up(2000);
/// assert_eq!(transformer.at(1000), 0.5 * LrPolicy::cosine(0.001, 0.0, 100_000).at(1000));
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
    /// `base_lr * gamma ^ (how many of the steps are at or before iter)`.
    MultiStep {
        /// The first rate.
        base_lr: f64,
        /// The factor at each step.
        gamma: f64,
        /// The iterations of the steps, ascending.
        stepvalue: Vec<u64>,
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
    /// `base_lr * (1 - iter / max_iter) ^ power`, and 0 after `max_iter`.
    Poly {
        /// The rate at iteration 0.
        base_lr: f64,
        /// How steeply it falls in the beginning; 1 is a straight line.
        power: f64,
        /// The iteration at which it reaches 0.
        max_iter: u64,
    },
    /// `base_lr / (1 + exp(-gamma * (iter - stepsize)))`: with a negative gamma it falls around `stepsize`.
    Sigmoid {
        /// The rate at its upper end.
        base_lr: f64,
        /// How quickly it rises, or falls where negative.
        gamma: f64,
        /// The iteration at which it is half of `base_lr`.
        stepsize: u64,
    },
    /// `min_lr + (base_lr - min_lr) * (1 + cos(pi * iter / max_iter)) / 2`, and `min_lr` after `max_iter` (Loshchilov, Hutter,
    /// *SGDR*, 2017, without restarts).
    Cosine {
        /// The rate at iteration 0.
        base_lr: f64,
        /// The rate at `max_iter`.
        min_lr: f64,
        /// Iterations from one to the other.
        max_iter: u64,
    },
    /// Another policy's rate times `iter / iterations`, until that is 1.
    WarmUp {
        /// For how many iterations the rate is lowered.
        iterations: u64,
        /// The policy.
        policy: Box<LrPolicy>,
    },
    /// One policy after another; each sees the iterations of the whole run, and the last one stays.
    Staged {
        /// The stages in order.
        stages: Vec<Stage<LrPolicy>>,
    },
    /// `base_lr`, multiplied by `gamma` each time that a statistic's newest value is worse than the one before it.
    DecayOnValidation {
        /// The first rate.
        base_lr: f64,
        /// The statistic, such as a validation net's accuracy.
        goal: Goal,
        /// The factor each time.
        gamma: f64,
        /// The rate is not lowered any more once it is below.
        min_lr: f64,
        /// How often the rate has been lowered: what [`LrPolicy::observe`] has counted.
        #[serde(skip)]
        decays: u64,
    },
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

    /// Multiplied by `gamma` at each of these iterations.
    pub fn multi_step(base_lr: f64, gamma: f64, stepvalue: impl IntoIterator<Item = u64>) -> Self {
        LrPolicy::MultiStep { base_lr, gamma, stepvalue: stepvalue.into_iter().collect() }
    }

    /// Multiplied by `gamma` at each iteration.
    pub fn exp(base_lr: f64, gamma: f64) -> Self {
        LrPolicy::Exp { base_lr, gamma }
    }

    /// Falling as `(1 + gamma * iter) ^ -power`.
    pub fn inv(base_lr: f64, gamma: f64, power: f64) -> Self {
        LrPolicy::Inv { base_lr, gamma, power }
    }

    /// Falling to 0 at `max_iter`, in a straight line where `power` is 1.
    pub fn poly(base_lr: f64, power: f64, max_iter: u64) -> Self {
        LrPolicy::Poly { base_lr, power, max_iter }
    }

    /// Rising around `stepsize`, or falling where `gamma` is negative.
    pub fn sigmoid(base_lr: f64, gamma: f64, stepsize: u64) -> Self {
        LrPolicy::Sigmoid { base_lr, gamma, stepsize }
    }

    /// Half a wave of a cosine from `base_lr` down to `min_lr` at `max_iter`.
    pub fn cosine(base_lr: f64, min_lr: f64, max_iter: u64) -> Self {
        LrPolicy::Cosine { base_lr, min_lr, max_iter }
    }

    /// This policy, but rising from 0 to its rate over the first iterations.
    pub fn warm_up(self, iterations: u64) -> Self {
        LrPolicy::WarmUp { iterations, policy: Box::new(self) }
    }

    /// Stages as pairs of a number of iterations and the policy that holds for them.
    pub fn staged(stages: impl IntoIterator<Item = (u64, LrPolicy)>) -> Self {
        LrPolicy::Staged { stages: to_stages(stages) }
    }

    /// Multiplied by `gamma` whenever the statistic has become worse, until it is below 1e-8. Training goes on
    /// from where it is; Mocha's policy of this name also goes back to a snapshot, which [`GoBack`](crate::GoBack) does here.
    ///
    /// ```
    /// use solver::{Goal, LrPolicy, Sgd};
    /// let policy = LrPolicy::decay_on_validation(0.01, Goal::highest("test-accuracy-accuracy"), 0.5);
    /// let method = Sgd::new().lr_policy(policy);
    /// ```
    pub fn decay_on_validation(base_lr: f64, goal: Goal, gamma: f64) -> Self {
        LrPolicy::DecayOnValidation { base_lr, goal, gamma, min_lr: 1e-8, decays: 0 }
    }

    /// The rate at an iteration; the first is 1.
    pub fn at(&self, iteration: u64) -> f64 {
        let n = iteration as f64;
        match *self {
            LrPolicy::Fixed { base_lr } => base_lr,
            LrPolicy::Step { base_lr, gamma, stepsize } => base_lr * gamma.powf(steps(iteration, stepsize)),
            LrPolicy::MultiStep { base_lr, gamma, ref stepvalue } => {
                base_lr * gamma.powf(stepvalue.partition_point(|&step| step <= iteration) as f64)
            }
            LrPolicy::Exp { base_lr, gamma } => base_lr * gamma.powf(n),
            LrPolicy::Inv { base_lr, gamma, power } => base_lr * (1.0 + gamma * n).powf(-power),
            LrPolicy::Poly { base_lr, power, max_iter } => base_lr * (1.0 - progress(iteration, max_iter)).powf(power),
            LrPolicy::Sigmoid { base_lr, gamma, stepsize } => base_lr / (1.0 + (-gamma * (n - stepsize as f64)).exp()),
            LrPolicy::Cosine { base_lr, min_lr, max_iter } => {
                min_lr + (base_lr - min_lr) * (1.0 + (PI * progress(iteration, max_iter)).cos()) / 2.0
            }
            LrPolicy::WarmUp { iterations, ref policy } => progress(iteration, iterations) * policy.at(iteration),
            LrPolicy::Staged { ref stages } => current(stages, iteration).map_or(0.0, |policy| policy.at(iteration)),
            LrPolicy::DecayOnValidation { base_lr, gamma, decays, .. } => base_lr * gamma.powf(decays as f64),
        }
    }

    /// Looks at the statistics as they are now. Only [`LrPolicy::DecayOnValidation`] cares; as it counts them from the first
    /// one each time, a resumed run comes to the same rate.
    ///
    /// # Errors
    /// [`Error::Value`](crate::Error::Value) if there are statistics of later iterations than 0, and not the one to watch.
    pub fn observe(&mut self, statistics: &Statistics) -> Result<()> {
        match self {
            LrPolicy::WarmUp { policy, .. } => policy.observe(statistics),
            LrPolicy::Staged { stages } => stages.iter_mut().try_for_each(|stage| stage.policy.observe(statistics)),
            LrPolicy::DecayOnValidation { base_lr, goal, gamma, min_lr, decays } => {
                let begun = statistics.values().filter_map(|values| values.last_key_value()).any(|(&last, _)| last > 0);
                if begun && !statistics.contains_key(&goal.key) {
                    return Err(goal.missing("the learning rate policy", statistics));
                }
                let (values, next) = (goal.values(statistics), goal.values(statistics).skip(1));
                let worse = values.zip(next).filter(|&((_, before), (_, now))| goal.is_better(before, now));
                let rate = |decays: u64| *base_lr * gamma.powf(decays as f64);
                *decays = worse.fold(0, |decays, _| if rate(decays) < *min_lr { decays } else { decays + 1 });
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Checks that the policy makes sense.
    ///
    /// # Errors
    /// [`Error::Value`](crate::Error::Value) for a negative or infinite rate or factor, a stepsize or number of iterations of 0,
    /// steps that do not ascend, no stages.
    pub fn check(&self) -> Result<()> {
        let what = "the learning rate policy's";
        match *self {
            LrPolicy::Fixed { base_lr } => not_negative(what, "base_lr", base_lr),
            LrPolicy::Step { base_lr, gamma, stepsize } => {
                not_negative(what, "base_lr", base_lr)?;
                not_negative(what, "gamma", gamma)?;
                at_least_one(what, "stepsize", stepsize)
            }
            LrPolicy::MultiStep { base_lr, gamma, ref stepvalue } => {
                not_negative(what, "base_lr", base_lr)?;
                not_negative(what, "gamma", gamma)?;
                if stepvalue.is_sorted() {
                    return Ok(());
                }
                Err(wrong(what, "stepvalue", format!("{stepvalue:?}"), "iterations in ascending order"))
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
            LrPolicy::Poly { base_lr, power, max_iter } => {
                not_negative(what, "base_lr", base_lr)?;
                not_negative(what, "power", power)?;
                at_least_one(what, "max_iter", max_iter)
            }
            LrPolicy::Sigmoid { base_lr, gamma, .. } => {
                not_negative(what, "base_lr", base_lr)?;
                if gamma.is_finite() { Ok(()) } else { Err(wrong(what, "gamma", gamma, "a finite number")) }
            }
            LrPolicy::Cosine { base_lr, min_lr, max_iter } => {
                not_negative(what, "base_lr", base_lr)?;
                not_negative(what, "min_lr", min_lr)?;
                at_least_one(what, "max_iter", max_iter)
            }
            LrPolicy::WarmUp { iterations, ref policy } => {
                at_least_one(what, "number of iterations to warm up", iterations)?;
                policy.check()
            }
            LrPolicy::Staged { ref stages } => check_stages(what, stages, LrPolicy::check),
            LrPolicy::DecayOnValidation { base_lr, gamma, min_lr, .. } => {
                not_negative(what, "base_lr", base_lr)?;
                not_negative(what, "gamma", gamma)?;
                not_negative(what, "min_lr", min_lr)
            }
        }
    }
}

/// How much of `whole` is over, from 0 to 1.
fn progress(iteration: u64, whole: u64) -> f64 {
    (iteration as f64 / whole.max(1) as f64).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check, refused};
    use super::*;

    #[test]
    fn learning_rates() {
        let lr = LrPolicy::at;
        check(LrPolicy::fixed(0.01), lr, &[(1, 0.01), (10_000, 0.01)]);
        check(LrPolicy::step(0.1, 0.5, 100), lr, &[(1, 0.1), (99, 0.1), (100, 0.05), (101, 0.05), (500, 0.003125)]);
        let multi_step = [(1, 0.8), (9, 0.8), (10, 0.4), (29, 0.4), (30, 0.1), (1000, 0.1)];
        check(LrPolicy::multi_step(0.8, 0.5, [10, 30, 30]), lr, &multi_step);
        check(LrPolicy::exp(0.1, 0.999), lr, &[(1, 0.0999), (2, 0.0998001), (100, 0.0904792147113709)]);
        let inv = [(1, 0.009999250065618985), (100, 0.009925650290240803), (1000, 0.010 * 1.1f64.powf(-0.75))];
        check(LrPolicy::inv(0.01, 0.0001, 0.75), lr, &inv);
        check(LrPolicy::poly(0.2, 1.0, 100), lr, &[(1, 0.198), (50, 0.1), (100, 0.0), (101, 0.0)]);
        check(LrPolicy::poly(0.2, 2.0, 100), lr, &[(50, 0.05), (90, 0.002)]);
        let e = 1f64.exp();
        check(LrPolicy::sigmoid(0.1, -0.1, 50), lr, &[(40, 0.1 * e / (1.0 + e)), (50, 0.05), (60, 0.1 / (1.0 + e))]);
        check(LrPolicy::sigmoid(0.1, 1.0, 50), lr, &[(49, 0.1 / (1.0 + e)), (50, 0.05)]);
        let cosine = [(25, 0.1 + 0.4 * (1.0 + 0.5f64.sqrt())), (50, 0.5), (75, 0.9 - 0.4 * (1.0 + 0.5f64.sqrt()))];
        check(LrPolicy::cosine(0.9, 0.1, 100), lr, &cosine);
        check(LrPolicy::cosine(0.9, 0.1, 100), lr, &[(100, 0.1), (12345, 0.1)]);
        check(LrPolicy::fixed(0.4).warm_up(10), lr, &[(1, 0.04), (5, 0.2), (10, 0.4), (11, 0.4), (99, 0.4)]);
        check(LrPolicy::step(0.4, 0.5, 4).warm_up(8), lr, &[(2, 0.1), (4, 0.1), (8, 0.1), (12, 0.05)]);
        let staged = LrPolicy::staged([
            (60, LrPolicy::fixed(0.001)),
            (5, LrPolicy::step(1.0, 0.5, 60)), // sees the whole run's iterations
            (5, LrPolicy::fixed(1e-5)),
        ]);
        let values = [(1, 0.001), (60, 0.001), (61, 0.5), (65, 0.5), (66, 1e-5), (70, 1e-5), (71, 1e-5), (9999, 1e-5)];
        check(staged, lr, &values);
    }

    #[test]
    fn the_rate_decays_when_a_statistic_becomes_worse() {
        let rate = |goal: Goal, min_lr: f64, values: &[f64]| {
            let mut policy = LrPolicy::DecayOnValidation { base_lr: 1.0, goal, gamma: 0.5, min_lr, decays: 0 };
            let values = values.iter().enumerate().map(|(i, &value)| (100 * i as u64, value)).collect();
            let statistics = Statistics::from([("accuracy".to_owned(), values), ("other".into(), [(0, 9.0)].into())]);
            policy.observe(&statistics).unwrap();
            policy.observe(&statistics).unwrap(); // counts anew
            policy.at(7)
        };
        let higher = |values: &[f64]| rate(Goal::highest("accuracy"), 1e-8, values);
        assert_eq!(higher(&[]), 1.0);
        assert_eq!(higher(&[0.1, 0.5, 0.5, 0.6]), 1.0);
        assert_eq!(higher(&[0.1, 0.5, 0.4, 0.6, 0.1]), 0.25);
        assert_eq!(higher(&[0.1, f64::NAN, f64::NAN, 0.2, 0.1]), 0.25, "NaN is worse than any number");
        assert_eq!(rate(Goal::lowest("accuracy"), 1e-8, &[0.1, 0.5, 0.4, 0.6]), 0.25);
        assert_eq!(rate(Goal::highest("accuracy"), 0.3, &[5.0, 4.0, 3.0, 2.0, 1.0]), 0.25);
        assert_eq!(rate(Goal::highest("missing"), 1e-8, &[5.0]), 1.0, "nothing but iteration 0 is there yet");
        let inner = LrPolicy::decay_on_validation(1.0, Goal::highest("accuracy"), 0.5);
        let mut nested = LrPolicy::staged([(10, LrPolicy::fixed(9.0)), (10, inner.warm_up(1))]);
        let statistics = |key: &str| Statistics::from([(key.to_owned(), [(0, 2.0), (1, 1.0)].into())]);
        nested.observe(&statistics("accuracy")).unwrap();
        assert_eq!((nested.at(10), nested.at(11)), (9.0, 0.5));
        refused(
            nested.observe(&statistics("acuracy")),
            "`accuracy`, which the learning rate policy watches, is not among",
        );
    }

    #[test]
    fn json_is_what_other_tools_read() {
        let policy: LrPolicy =
            serde_json::from_str(r#"{"type":"Inv","base_lr":0.01,"gamma":0.0001,"power":0.75}"#).unwrap();
        assert_eq!(policy, LrPolicy::inv(0.01, 0.0001, 0.75));
        assert!(serde_json::from_str::<LrPolicy>(r#"{"type":"Fixed","base_lr":1,"gama":2}"#).is_err());
        let policy = LrPolicy::decay_on_validation(0.1, Goal::lowest("error"), 0.5);
        let json = serde_json::to_string(&policy).unwrap();
        assert_eq!(serde_json::from_str::<LrPolicy>(&json).unwrap(), policy, "{json}");
    }

    #[test]
    fn senseless_policies_are_refused() {
        refused(LrPolicy::fixed(-0.1).check(), "the learning rate policy's base_lr is -0.1; expected a finite number");
        refused(LrPolicy::fixed(f64::NAN).check(), "base_lr is NaN");
        refused(LrPolicy::step(0.1, 0.5, 0).check(), "stepsize is 0; expected at least 1");
        refused(LrPolicy::multi_step(0.1, 0.5, [20, 10]).check(), "stepvalue is [20, 10]; expected iterations in asc");
        refused(LrPolicy::exp(0.1, -1.0).check(), "gamma is -1");
        refused(LrPolicy::inv(0.1, -1e-4, 0.75).check(), "gamma is -0.0001");
        refused(LrPolicy::poly(0.1, 1.0, 0).check(), "max_iter is 0");
        refused(LrPolicy::sigmoid(0.1, f64::INFINITY, 5).check(), "gamma is inf");
        refused(LrPolicy::cosine(0.1, -0.1, 5).check(), "min_lr is -0.1");
        refused(LrPolicy::fixed(0.1).warm_up(0).check(), "number of iterations to warm up is 0");
        refused(LrPolicy::fixed(-0.1).warm_up(5).check(), "base_lr is -0.1");
        refused(LrPolicy::staged([]).check(), "stages is empty");
        refused(LrPolicy::staged([(0, LrPolicy::fixed(0.1))]).check(), "iterations of a stage is 0");
        refused(LrPolicy::staged([(9, LrPolicy::fixed(-0.1))]).check(), "base_lr is -0.1");
        refused(LrPolicy::decay_on_validation(0.1, Goal::lowest("e"), -1.0).check(), "gamma is -1");
        assert!(LrPolicy::inv(0.01, 0.0001, 0.75).check().is_ok());
    }
}
