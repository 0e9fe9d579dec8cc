//! Pooling along one axis, usually the channels.
//!
//! Mocha: `src/layers/channel-pooling.jl`, after the maxout of Goodfellow et al. 2013.

use crate::{Arity, Blob, Count, Example, Examples, Layer, LayerState, Pass, Result, Setup, Wired, Wiring};
use core_tensor::ops::{self, PoolMethod, kernels};
use serde::{Deserialize, Serialize};
use std::any::Any;

/// The largest or the mean element of each window along one axis.
///
/// Bottoms (N, C, ...), as many tops (N, C', ...) with `C' = (C + pads - kernel) / stride + 1`, rounded up; windows are clipped
/// to the axis, and a last window that would start behind it is dropped. The mean divides by the full window.
///
/// ```
/// use layers::prelude::*;
/// let maxout = ChannelPooling::max("maxout", 2).stride(2).bottom("ip1").top("maxout");
/// assert_eq!((maxout.axis, maxout.pad), (1, [0, 0]));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChannelPooling {
    /// Name and blobs.
    #[serde(flatten)]
    pub wiring: Wiring,
    /// `Max` (if not set) or `Mean`.
    #[serde(default)]
    pub pooling: PoolMethod,
    /// The window's size; 1 if not set.
    #[serde(default = "one")]
    pub kernel: usize,
    /// The step between neighbouring windows; 1 if not set.
    #[serde(default = "one")]
    pub stride: usize,
    /// Places before and after the axis that belong to no element; none if not set.
    #[serde(default)]
    pub pad: [usize; 2],
    /// The axis, counted from the batch axis, which is 0; 1 if not set.
    #[serde(default = "one")]
    pub axis: usize,
}

impl ChannelPooling {
    /// Takes the largest element of each window of `kernel` elements.
    pub fn max(name: impl Into<String>, kernel: usize) -> Self {
        let (wiring, pooling) = (Wiring::named(name), PoolMethod::Max);
        ChannelPooling { wiring, pooling, kernel, stride: one(), pad: [0; 2], axis: one() }
    }

    /// Takes the mean of each window of `kernel` elements.
    pub fn mean(name: impl Into<String>, kernel: usize) -> Self {
        ChannelPooling { pooling: PoolMethod::Mean, ..ChannelPooling::max(name, kernel) }
    }

    /// Sets the step between neighbouring windows.
    pub fn stride(mut self, stride: usize) -> Self {
        self.stride = stride;
        self
    }

    /// Sets the places before and after the axis that belong to no element.
    pub fn pad(mut self, before: usize, after: usize) -> Self {
        self.pad = [before, after];
        self
    }

    /// Sets the axis.
    pub fn axis(mut self, axis: usize) -> Self {
        self.axis = axis;
        self
    }
}

impl Wired for ChannelPooling {
    fn wiring_mut(&mut self) -> &mut Wiring {
        &mut self.wiring
    }
}

impl Layer for ChannelPooling {
    fn kind(&self) -> &'static str {
        "ChannelPooling"
    }

    fn wiring(&self) -> &Wiring {
        &self.wiring
    }

    fn arity(&self) -> Arity {
        Arity { bottoms: Count::AtLeast(1), tops: Count::SameAsBottoms }
    }

    fn setup(&self, setup: &mut Setup<'_>) -> Result<Box<dyn LayerState>> {
        let ChannelPooling { pooling: method, axis, kernel, stride, pad, .. } = *self;
        let operation = ops::ChannelPooling { method, axis, kernel, stride, pad };
        let mut branches = Vec::new();
        for bottom in setup.bottoms().to_vec() {
            let top = setup.add_top(operation.output(bottom.data.shape())?)?;
            branches.push((bottom, top));
        }
        Ok(Box::new(State { operation, branches }))
    }
}

impl Examples for ChannelPooling {
    fn examples() -> Vec<Example> {
        let (max, mean) = (|kernel| ChannelPooling::max("pool", kernel), |kernel| ChannelPooling::mean("pool", kernel));
        vec![
            Example::one_to_one(max(3).stride(2), &[17, 7, 2]),
            Example::one_to_one(mean(3).stride(2), &[17, 7, 2]),
            Example::one_to_one(max(3).pad(2, 1), &[1, 5, 2, 3]),
            Example::one_to_one(mean(3).stride(2).pad(2, 2), &[1, 6, 1, 3]),
            Example::one_to_one(max(2).stride(3).axis(3), &[3, 2, 2, 5]),
            Example::one_to_one(mean(1).stride(4).axis(2), &[2, 3, 6]),
        ]
    }
}

struct State {
    operation: ops::ChannelPooling,
    branches: Vec<(Blob, Blob)>,
}

impl LayerState for State {
    fn forward(&mut self, pass: &mut Pass<'_>) -> Result<()> {
        for (bottom, top) in &self.branches {
            kernels::channel_pooling_forward(pass.backend, &self.operation, &bottom.data, &top.data)?;
        }
        Ok(())
    }

    fn backward(&mut self, pass: &Pass<'_>) -> Result<()> {
        for (bottom, top) in &self.branches {
            let (Some(dy), Some(dx)) = (&top.diff, &bottom.diff) else { continue };
            kernels::channel_pooling_backward(pass.backend, &self.operation, &bottom.data, dy, dx)?;
        }
        Ok(())
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

fn one() -> usize {
    1
}
