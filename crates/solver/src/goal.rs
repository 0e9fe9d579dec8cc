//! A statistic that is watched, and which of its values are good: what ends training early, keeps the best snapshot, and lowers
//! the learning rate.

use crate::{Error, Statistics};
use serde::{Deserialize, Serialize};

/// A statistic in the coffee lounge of which higher, or lower, values are better.
///
/// ```
/// use solver::Goal;
/// let accuracy = Goal::highest("test-accuracy-accuracy"); // of a layer `Accuracy::new("test-accuracy")`
/// let loss = Goal::lowest("obj_val"); // of the TrainingSummary
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Goal {
    /// The statistic's name.
    pub key: String,
    /// Whether higher values are better.
    pub higher_better: bool,
}

impl Goal {
    /// The higher the better, such as an accuracy.
    pub fn highest(key: impl Into<String>) -> Self {
        Goal { key: key.into(), higher_better: true }
    }

    /// The lower the better, such as a loss or an error.
    pub fn lowest(key: impl Into<String>) -> Self {
        Goal { key: key.into(), higher_better: false }
    }

    /// Whether `value` is better than `other`; any number is better than NaN.
    pub(crate) fn is_better(&self, value: f64, other: f64) -> bool {
        let better = if self.higher_better { value > other } else { value < other };
        better || other.is_nan() && !value.is_nan()
    }

    /// The error of whoever watches a statistic that no one has recorded.
    pub(crate) fn missing(&self, watcher: &str, statistics: &Statistics) -> Error {
        let names: Vec<&str> = statistics.keys().map(String::as_str).collect();
        Error::Value {
            what: format!("the statistic `{}`, which {watcher} watches,", self.key),
            found: match names[..] {
                [] => "not recorded, nor is any other".into(),
                _ => format!("not among those recorded: {}", names.join(", ")),
            },
            expected: "one that a coffee break records, e.g. ValidationPerformance, added earlier and taken as often"
                .into(),
        }
    }

    /// The statistic's values in the order of their iterations.
    pub(crate) fn values<'a>(&self, statistics: &'a Statistics) -> impl Iterator<Item = (u64, f64)> + 'a {
        let values = statistics.get(&self.key).into_iter().flatten();
        values.map(|(&iteration, &value)| (iteration, value))
    }
}
