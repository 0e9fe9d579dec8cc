//! HDF5 files: the only module that names the HDF5 crate, so that it can be exchanged.
//!
//! The crate is `hdf5-pure` (no C, nothing to install; what was measured against libhdf5 and others stands in
//! ARCHITECTURE.md). It is trusted with the file's structure only: where a dataset's numbers lie in one run, as in every file
//! that Crema writes, they are read straight from the file into the caller's buffer.

mod bytes;
mod dataset;
mod read;
mod write;

pub use dataset::Dataset;
pub use read::File;
pub(crate) use write::encode;
pub use write::{Array, Attribute, Numbers};
