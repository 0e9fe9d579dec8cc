//! What benches and timing programs have in common: the reference nets, and the machine as an instrument.
//!
//! The criterion benches in `benches/` and the programs in `src/bin/` measure the same nets, so a figure of one can be held
//! against a figure of the other. Nets that live in each bench, as before, had begun to differ.

mod layer_times;
mod machine;
mod nets;
mod table;

pub use layer_times::{LayerTimes, NetTimes, Pass, flops, layer_times, median};
pub use machine::{InstructionSet, cpu, multiply_adds, peak_gflops, peak_rss_mb};
pub use nets::{Reference, cifar10_full, conv3x3, inference, lenet, mlp, noise, training};
pub use table::table;

/// The result of a timing program: nobody matches on its errors, people read them.
pub type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;
