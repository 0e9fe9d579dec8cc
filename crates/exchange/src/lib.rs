//! Networks and weights in other programs' formats: [`onnx`] (a network with its weights, to be run elsewhere),
//! [`safetensors`] and [`npz`] (weights alone, both ways).
//!
//! Everything here goes from memory to bytes or back; opening and replacing files is the caller's. Weights are called
//! `layer.param` in those files, as in PyTorch's, and `layer___param` in Crema, as in Mocha's.

mod error;
mod names;
pub mod npz;
pub mod onnx;
pub mod safetensors;

pub use error::{Error, Result};
