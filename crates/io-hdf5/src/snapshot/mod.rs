//! Snapshots: a checkpoint as an HDF5 file, and a directory of them.

mod claim;
mod codec;
mod store;
mod weights;

pub use codec::decode_snapshot;
pub use store::snapshots;
pub use weights::read_weights;
