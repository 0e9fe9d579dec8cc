//! A sample of MNIST, 5,000 training and 1,000 test images, that is embedded in the examples, so that they train at once on a
//! machine without data. Origin and licence: `data/README.md`.
//!
//! It is unpacked into HDF5 files, so that training reads it through the same data layer as the full set. Feeding it from
//! memory was rejected: it would be a second path, and the one that most people try first.

mod sample;
mod unpack;

pub use sample::{Digits, Part};
pub use unpack::unpack;
