//! What a run keeps, and the two traits of whoever keeps it.
//!
//! The solver decides *what* goes into a snapshot; how it becomes a file is `io-hdf5`'s business, so that nothing here knows
//! a file format. Arrays are in logical order, so a snapshot written by one backend is read by any other.

use crate::Result;
use core_tensor::{DType, Shape};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt, path::PathBuf};

/// The version of the snapshot format that this release writes, and the only one that it reads.
pub const FORMAT_VERSION: u32 = 1;

/// Everything that a run is, between two iterations.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// Updates done so far.
    pub iteration: u64,
    /// Parameters, under `layer___param`.
    pub parameters: Vec<NamedArray>,
    /// The solver's history, e.g. `momentum/layer___param`.
    pub history: Vec<NamedArray>,
    /// All that is not an array.
    pub meta: Meta,
}

/// The part of a checkpoint that is not arrays; stored as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    /// The format's version; a reader refuses versions it does not know.
    pub format_version: u32,
    /// The release of Crema that wrote it.
    pub crema_version: String,
    /// The update rule's name, e.g. `SGD`; resuming with another one is refused.
    pub method: String,
    /// The update rule's and the policies' own state and settings.
    pub solver: serde_json::Value,
    /// The network's description, as JSON.
    pub network: serde_json::Value,
    /// By layer name, what each layer's `save` gave: data positions, random streams.
    pub layers: BTreeMap<String, serde_json::Value>,
    /// All statistics gathered so far. JSON has no NaN and no infinity; they are written as `"NaN"`, `"inf"`, `"-inf"`.
    #[serde(with = "statistics_json")]
    pub statistics: Statistics,
}

/// An array with its name.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedArray {
    /// The name, unique in its group.
    pub name: String,
    /// The logical shape.
    pub shape: Shape,
    /// The numbers, row-major.
    pub values: Values,
}

/// Numbers of either element type.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// 32-bit numbers.
    F32(Vec<f32>),
    /// 64-bit numbers.
    F64(Vec<f64>),
}

impl Values {
    /// The element type.
    pub fn dtype(&self) -> DType {
        match self {
            Values::F32(_) => DType::F32,
            Values::F64(_) => DType::F64,
        }
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        match self {
            Values::F32(values) => values.len(),
            Values::F64(values) => values.len(),
        }
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether no element is NaN or infinite.
    pub fn is_finite(&self) -> bool {
        match self {
            Values::F32(values) => values.iter().all(|value| value.is_finite()),
            Values::F64(values) => values.iter().all(|value| value.is_finite()),
        }
    }
}

/// The coffee lounge's contents: name of a statistic, iteration, value.
pub type Statistics = BTreeMap<String, BTreeMap<u64, f64>>;

/// Keeps checkpoints, e.g. as `snapshot-005000.hdf5` in a directory.
pub trait CheckpointStore: Send + Sync + fmt::Debug {
    /// Makes sure, before the first iteration, that saving will be possible: creates the directory, checks that it can be
    /// written.
    ///
    /// # Errors
    /// It cannot; the message names the directory.
    fn prepare(&self) -> Result<()>;

    /// Saves atomically: after a crash at any moment either the whole file is there or nothing. Returns where.
    ///
    /// # Errors
    /// Full disk, no permission; what was saved before stays intact.
    fn save(&self, checkpoint: &Checkpoint) -> Result<PathBuf>;

    /// Removes the checkpoint of this iteration, if it is there.
    ///
    /// # Errors
    /// It is there and cannot be removed.
    fn remove(&self, iteration: u64) -> Result<()>;

    /// Reads the newest intact checkpoint (by iteration number) whole, with a logged warning for each damaged one passed
    /// over. `None` if there are none at all.
    ///
    /// # Errors
    /// All that are there are damaged, the file named does not exist, or the directory cannot be read.
    fn load_newest(&self) -> Result<Option<(PathBuf, Checkpoint)>>;

    /// Reads the checkpoint of this iteration whole.
    ///
    /// # Errors
    /// There is none, or it is damaged; the message names the file.
    fn load(&self, iteration: u64) -> Result<(PathBuf, Checkpoint)>;

    /// Where, for messages.
    fn place(&self) -> String {
        format!("{self:?}")
    }
}

/// Keeps the coffee lounge's statistics where another process can read them at any moment.
pub trait StatisticsStore: Send + Sync + fmt::Debug {
    /// Creates the directory and checks that it can be written.
    ///
    /// # Errors
    /// It cannot.
    fn prepare(&self) -> Result<()>;

    /// Replaces the file atomically.
    ///
    /// # Errors
    /// Full disk, no permission.
    fn save(&self, statistics: &Statistics) -> Result<()>;

    /// What is there; `None` if nothing is.
    ///
    /// # Errors
    /// The file is damaged.
    fn load(&self) -> Result<Option<Statistics>>;

    /// Where, for messages.
    fn path(&self) -> PathBuf;
}

/// Statistics in JSON, with words for the numbers that JSON lacks: a user's statistic may be 0/0, and a snapshot that cannot
/// be read back would be worse.
mod statistics_json {
    use super::Statistics;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
    use std::collections::BTreeMap;

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Number {
        Finite(f64),
        Word(String),
    }

    type Numbers = BTreeMap<String, BTreeMap<u64, Number>>;

    pub(super) fn serialize<S: Serializer>(statistics: &Statistics, serializer: S) -> Result<S::Ok, S::Error> {
        let number = |&x: &f64| if x.is_finite() { Number::Finite(x) } else { Number::Word(x.to_string()) };
        let numbers: Numbers = statistics
            .iter()
            .map(|(name, values)| (name.clone(), values.iter().map(|(&n, x)| (n, number(x))).collect()))
            .collect();
        numbers.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Statistics, D::Error> {
        let mut statistics = Statistics::new();
        for (name, numbers) in Numbers::deserialize(deserializer)? {
            let mut values = BTreeMap::new();
            for (iteration, number) in numbers {
                let value = match number {
                    Number::Finite(value) => value,
                    Number::Word(word) => word.parse().map_err(D::Error::custom)?,
                };
                values.insert(iteration, value);
            }
            statistics.insert(name, values);
        }
        Ok(statistics)
    }
}
