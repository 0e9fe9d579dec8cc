//! The data layer: from files to batches.
//!
//! A [`Catalog`](catalog::Catalog) knows the files and what is in them. A [`Reader`](reader::Reader) delivers one sample after
//! the other, in an order that is a pure function of seed, layer name and epoch. A worker thread ([`prefetch`]) fills batches
//! with them ahead of time, changed by the layer's transformers if it has any. The layer itself ([`Hdf5Data`]) only copies finished batches into its tops. Each of these is
//! tested without the ones above it.

mod catalog;
mod in_memory;
mod layer;
mod order;
mod prefetch;
mod reader;
mod streamed;
#[cfg(test)]
mod tests;
mod transformed;

pub use layer::Hdf5Data;
