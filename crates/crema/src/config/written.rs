//! What the file may hold, as it is written there. A key that is not here is an error that names it and those that are.
//!
//! Settings that can be left out have the values of `lenet-example`, or those of the type that they belong to.

use crate::backend::BackendName;
use core_tensor::DType;
use images::Preparation;
use serde::Deserialize;
use serde_json::Value;
use solver::{Every, Goal, IfExists, Quantity};
use std::path::PathBuf;

/// The file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Written {
    /// The nets are called by it, with `-train` and `-test` behind.
    pub(crate) name: String,
    /// Of the first weights and of the order of samples.
    #[serde(default)]
    pub(crate) seed: u64,
    #[serde(default)]
    pub(crate) dtype: DType,
    #[serde(default)]
    pub(crate) backend: BackendName,
    /// The folder for snapshots and statistics.
    #[serde(default = "out")]
    pub(crate) out: PathBuf,
    /// Layers of all nets, as `layers::Registry` reads them.
    pub(crate) layers: Vec<Value>,
    /// Layers of the net that is trained.
    #[serde(default)]
    pub(crate) train: Vec<Value>,
    /// Layers of the net that validates.
    #[serde(default)]
    pub(crate) test: Vec<Value>,
    pub(crate) solver: Option<Solver>,
    #[serde(default)]
    pub(crate) coffee_breaks: CoffeeBreaks,
    pub(crate) predict: Option<Predict>,
}

/// How to train; see [`solver::Solver`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Solver {
    /// The update rule, as [`solver::read_method`] reads it.
    pub(crate) method: Value,
    pub(crate) max_iter: u64,
    #[serde(default = "regu_coef")]
    pub(crate) regu_coef: f64,
    #[serde(default = "one")]
    pub(crate) iter_size: u64,
    pub(crate) clip_gradients: Option<f64>,
}

/// What is done besides training.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CoffeeBreaks {
    pub(crate) summary: Summary,
    pub(crate) statistics: Statistics,
    pub(crate) snapshot: Snapshot,
    pub(crate) validation: Option<Validation>,
    pub(crate) early_stopping: Option<EarlyStopping>,
}

/// [`solver::TrainingSummary`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Summary {
    pub(crate) every: Every,
    pub(crate) quantities: Vec<Quantity>,
}

/// [`solver::CoffeeLounge`]: the statistics file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Statistics {
    pub(crate) every_n_iter: u64,
    pub(crate) if_exists: IfExists,
}

/// [`solver::Snapshot`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Snapshot {
    pub(crate) every: Every,
    /// All are kept if not set.
    pub(crate) keep: Option<Keep>,
}

/// Which snapshots are not removed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Keep {
    pub(crate) last: usize,
    pub(crate) best: Option<Goal>,
}

/// [`solver::ValidationPerformance`]; taken wherever there is a test net.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Validation {
    pub(crate) every: Every,
    /// What the log calls the data.
    pub(crate) title: String,
}

/// [`solver::EarlyStopping`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EarlyStopping {
    pub(crate) every: Every,
    pub(crate) goal: Goal,
    pub(crate) patience: u64,
    #[serde(default)]
    pub(crate) min_gain: f64,
}

/// How to ask a trained net about pictures; see [`images::Classifier`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Predict {
    /// The blob that pictures go into.
    pub(crate) input: String,
    /// The blob with a number for each class, before the softmax.
    pub(crate) logits: String,
    pub(crate) preparation: Preparation,
    /// A file with a class's name on each line; numbers from 0 if not set.
    pub(crate) classes: Option<PathBuf>,
}

impl Default for Summary {
    fn default() -> Self {
        Summary { every: Every::Iters(100), quantities: vec![Quantity::ObjVal, Quantity::LearningRate] }
    }
}

impl Default for Statistics {
    fn default() -> Self {
        Statistics { every_n_iter: 1000, if_exists: IfExists::default() }
    }
}

impl Default for Snapshot {
    fn default() -> Self {
        Snapshot { every: Every::Iters(5000), keep: None }
    }
}

impl Default for Validation {
    fn default() -> Self {
        Validation { every: Every::Iters(1000), title: "Validation Set".into() }
    }
}

fn out() -> PathBuf {
    "snapshots".into()
}

/// [`solver::Solver::new`]'s.
fn regu_coef() -> f64 {
    0.0005
}

fn one() -> u64 {
    1
}
