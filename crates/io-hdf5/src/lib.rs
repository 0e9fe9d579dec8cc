//! HDF5 in Crema: files that feed nets, and files that keep runs.
mod arrays;
mod atomic;
mod data;
mod error;
mod file;
mod number;
mod snapshot;
mod statistics;

pub use arrays::write_arrays;
pub use data::Hdf5Data;
pub use error::{Error, Result};
pub use file::{Array, Attribute, Dataset, File, Numbers};
pub use number::{Kind, Number};
pub use snapshot::{decode_snapshot, read_weights, snapshots};
pub use statistics::statistics;
