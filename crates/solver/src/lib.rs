//! Training: update rules, policies, the solve loop, coffee breaks, and what a snapshot holds.
//!
//! A [`Solver`] has a [`Method`] (the update rule), visits the coffee breaks that it was given, and writes what they record
//! into the [`CoffeeLounge`]. What lies between two iterations is exactly what a [`Checkpoint`] holds, so a resumed run is
//! equal, bit for bit, to one that never stopped. How a checkpoint becomes a file is the business of whoever implements
//! [`CheckpointStore`] (`io-hdf5`).
//!
//! The crate reads the clock, for speeds and remaining times; it logs through `log`, prints nothing and handles no signals: a
//! program sets a [`StopFlag`] from its own handler.

mod check;
mod coffee;
mod constraint;
mod error;
mod goal;
mod gradients;
mod lounge;
mod methods;
mod policy;
mod predictor;
mod report;
mod resume;
mod run;
mod solver;
mod stop;
mod store;
mod weights;

pub use coffee::{
    BreakContext, BreakResult, CoffeeBreak, EarlyStopping, Every, GoBack, Quantity, Snapshot, TrainingSummary,
    ValidationPerformance,
};
pub use error::{Error, Result};
pub use goal::Goal;
pub use lounge::{CoffeeLounge, IfExists};
pub use methods::{Adadelta, Adagrad, Adam, AdamW, History, Method, Nesterov, RmsProp, Sgd, read_method};
pub use policy::{LrPolicy, MomPolicy, Stage};
pub use predictor::Predictor;
pub use report::{Report, Stopped};
pub use solver::Solver;
pub use stop::StopFlag;
pub use store::{Checkpoint, CheckpointStore, FORMAT_VERSION, Meta, NamedArray, Statistics, StatisticsStore, Values};
pub use weights::{LoadedWeights, load_weights};
