//! Operations as plain data: what a backend is asked to compute.
//!
//! [`Convolution`], [`InnerProduct`] and [`Pooling`] describe plans, which keep workspace and intermediate results from
//! forward to backward. [`kernels`] has one typed function per named kernel.

mod affine;
mod channel_pooling;
mod element_wise;
pub mod kernels;
mod lrn;
mod neuron;
mod pair_loss;
mod pooling;
mod reduction;

pub use affine::{AffineBackward, AffineForward, AffinePlan, Algorithm, Convolution, Gradient, InnerProduct};
pub use channel_pooling::ChannelPooling;
pub use element_wise::ElementWiseOperation;
pub use lrn::{Lrn, LrnMode};
pub use neuron::Neuron;
pub use pair_loss::PairLoss;
pub use pooling::{PoolMethod, PoolPlan, Pooling};
pub use reduction::ReductionOperation;

use crate::{Error, Result};

/// The number of window positions along one axis: `⌊(input + 2 pad − extent) / stride⌋ + 1`.
fn windows(what: &str, input: usize, kernel: usize, stride: usize, pad: usize, round_up: bool) -> Result<usize> {
    if stride == 0 || kernel == 0 {
        let name = if stride == 0 { "stride" } else { "kernel" };
        return Err(Error::Value {
            what: format!("the {name}'s {what}"),
            found: "0".into(),
            expected: "at least 1".into(),
        });
    }
    let room = (input + 2 * pad).checked_sub(kernel).ok_or_else(|| Error::Value {
        what: format!("the kernel's {what}"),
        found: kernel.to_string(),
        expected: format!("at most {}, the input's {what} {input} with a pad of {pad} on both sides", input + 2 * pad),
    })?;
    let positions = if round_up { room.div_ceil(stride) } else { room / stride };
    // Caffe's rule: a last window that would start in the far padding is dropped. Unlike Caffe we drop it also without a
    // pad, where a stride larger than the kernel would make it see no pixel at all.
    let starts_in_pad = round_up && positions * stride >= input + pad;
    Ok(positions + 1 - usize::from(starts_in_pad))
}
