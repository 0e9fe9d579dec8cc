//! HDF5 in Crema: files that feed nets, and files that keep runs. The only crate that knows HDF5.
//!
//! - [`Hdf5Data`], the layer that feeds a net (`data/`), and [`Hdf5Output`], the one that writes what passes (`output.rs`).
//! - [`snapshots`] and [`statistics`], which keep for the solver what a run is and what it has measured (`snapshot/`,
//!   `statistics.rs`); [`read_weights`] takes parameters alone, also from Mocha's and Caffe's exports.
//! - [`File`], [`Dataset`] and [`write_arrays`], for whoever makes or checks data sets (`file/`, which alone names the HDF5
//!   crate, and `arrays.rs`).
//!
//! Whatever bytes a file has, reading it ends in numbers or in an [`Error`] that names file and dataset, never in a panic.
//! Whatever happens while a file is written, the one that was there before stays until the new one is whole (`atomic.rs`).

mod arrays;
mod atomic;
mod data;
mod error;
mod file;
mod number;
mod output;
mod snapshot;
mod statistics;

pub use arrays::{write_arrays, write_whole};
pub use data::Hdf5Data;
pub use error::{Error, Result};
pub use file::{Array, Attribute, Dataset, File, Numbers};
pub use number::{Kind, Number};
pub use output::{Hdf5Output, Hdf5OutputState};
pub use snapshot::{decode_snapshot, read_weights, snapshots};
pub use statistics::statistics;
