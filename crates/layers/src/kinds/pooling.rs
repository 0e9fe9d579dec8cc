//! Pooling over windows of images, with neuron.
//!
//! Caffe: `src/caffe/layers/pooling_layer.cpp`; Mocha: `src/layers/pooling.jl`. The stride is (1, 1) if not set, as in both.

use super::tail::Tail;
use crate::{
    Arity, Blob, Count, Error, Example, ExampleBottom, Examples, Layer, LayerState, Pass, Result, Setup, Wired, Wiring,
};
use core_tensor::{
    Shape, Size2,
    ops::{self, Neuron, PoolMethod, PoolPlan},
};
use serde::{Deserialize, Serialize};
use std::any::Any;

/// The largest or the mean value of each window, channel by channel.
///
/// Bottom (N, C, H, W), top (N, C, H', W') with `H' = (H + 2 pad - kernel) / stride + 1`, rounded up; windows are clipped to
/// the image, and a last window that would start beyond it is dropped. The mean divides by the full kernel area also where
/// the window is clipped. Several bottoms give as many tops.
///
/// ```
/// use layers::prelude::*;
/// let pool = Pooling::max("pool1", (2, 2)).stride((2, 2)).bottom("conv1").top("pool1");
/// assert_eq!(pool.pooling, PoolMethod::Max);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pooling {
    /// Name and blobs.
    #[serde(flatten)]
    pub wiring: Wiring,
    /// `Max` (if not set) or `Mean`.
    #[serde(default)]
    pub pooling: PoolMethod,
    /// The window's size; not set if the window is the whole image.
    #[serde(default = "zero")]
    pub kernel: Size2,
    /// Whether the window is the whole image, so that the top is (N, C, 1, 1); no if not set.
    #[serde(default)]
    pub global: bool,
    /// The step between neighbouring windows; (1, 1) if not set.
    #[serde(default = "one")]
    pub stride: Size2,
    /// Columns and rows around the image that belong to no pixel; (0, 0) if not set.
    #[serde(default = "zero")]
    pub pad: Size2,
    /// Applied to the output; identity if not set.
    #[serde(default)]
    pub neuron: Neuron,
}

impl Pooling {
    /// Takes the largest value of each window of `kernel` (width, height).
    pub fn max(name: impl Into<String>, kernel: impl Into<Size2>) -> Self {
        let kernel = kernel.into();
        let (wiring, pooling, neuron) = (Wiring::named(name), PoolMethod::Max, Neuron::Identity);
        Pooling { wiring, pooling, kernel, global: false, stride: one(), pad: zero(), neuron }
    }

    /// Takes the mean of each window of `kernel` (width, height).
    pub fn mean(name: impl Into<String>, kernel: impl Into<Size2>) -> Self {
        Pooling { pooling: PoolMethod::Mean, ..Pooling::max(name, kernel) }
    }

    /// Takes the largest value of each channel.
    pub fn global_max(name: impl Into<String>) -> Self {
        Pooling { global: true, ..Pooling::max(name, zero()) }
    }

    /// Takes the mean of each channel.
    pub fn global_mean(name: impl Into<String>) -> Self {
        Pooling { global: true, ..Pooling::mean(name, zero()) }
    }

    /// Sets the step between neighbouring windows, (width, height).
    pub fn stride(mut self, stride: impl Into<Size2>) -> Self {
        self.stride = stride.into();
        self
    }

    /// Sets the columns and rows around the image that belong to no pixel, (width, height).
    pub fn pad(mut self, pad: impl Into<Size2>) -> Self {
        self.pad = pad.into();
        self
    }

    /// Sets the neuron.
    pub fn neuron(mut self, neuron: Neuron) -> Self {
        self.neuron = neuron;
        self
    }

    pub(super) fn operation(&self, setup: &Setup<'_>, input: Shape) -> ops::Pooling {
        let Pooling { pooling: method, global, stride, pad, .. } = *self;
        let whole = || Size2 { width: input.axis(3), height: input.axis(2) };
        let kernel = if global { whole() } else { self.kernel };
        ops::Pooling { input, dtype: setup.dtype(), method, kernel, stride, pad }
    }
}

impl Wired for Pooling {
    fn wiring_mut(&mut self) -> &mut Wiring {
        &mut self.wiring
    }
}

impl Layer for Pooling {
    fn kind(&self) -> &'static str {
        "Pooling"
    }

    fn wiring(&self) -> &Wiring {
        &self.wiring
    }

    fn arity(&self) -> Arity {
        Arity { bottoms: Count::AtLeast(1), tops: Count::SameAsBottoms }
    }

    fn setup(&self, setup: &mut Setup<'_>) -> Result<Box<dyn LayerState>> {
        if self.global && (self.kernel, self.stride, self.pad) != (zero(), one(), zero()) {
            return Err(Error::Value {
                what: "the global pooling's window".into(),
                found: format!("kernel {}, stride {}, pad {}", self.kernel, self.stride, self.pad),
                expected: "none of these properties, since the window is the whole image".into(),
            });
        }
        let mut state = State { branches: Vec::new(), flops: 0.0 };
        for bottom in setup.bottoms().to_vec() {
            let operation = self.operation(setup, bottom.data.shape());
            let top = setup.add_top(operation.output()?)?;
            state.flops += operation.flops();
            let tail = Tail::new(setup, self.neuron, top.data.shape())?;
            state.branches.push(Branch { plan: setup.backend().pooling(&operation)?, bottom, top, tail });
        }
        Ok(Box::new(state))
    }
}

impl Examples for Pooling {
    fn examples() -> Vec<Example> {
        let (max, mean) = (|kernel| Pooling::max("pool", kernel), |kernel| Pooling::mean("pool", kernel));
        let two = vec![ExampleBottom::Numbers(vec![2, 1, 5, 4]), ExampleBottom::Numbers(vec![3, 2, 4, 6])];
        vec![
            Example::one_to_one(max((2, 2)).stride((2, 2)), &[17, 2, 5, 7]),
            Example::one_to_one(mean((2, 2)).stride((2, 2)), &[17, 2, 5, 7]),
            Example::one_to_one(max((3, 4)).stride((1, 2)).pad((1, 2)), &[1, 3, 6, 5]),
            Example::one_to_one(mean((3, 4)).stride((1, 2)).pad((1, 2)), &[1, 3, 6, 5]),
            Example::one_to_one(max((2, 3)).neuron(Neuron::Tanh), &[3, 1, 4, 4]),
            Example::one_to_one(mean((1, 1)).stride((3, 2)), &[2, 2, 7, 5]),
            Example::one_to_one(Pooling::global_max("pool"), &[18, 2, 3, 5]),
            Example::one_to_one(Pooling::global_mean("pool").neuron(Neuron::Silu), &[2, 3, 4, 3]),
            Example::new(mean((3, 3)).stride((2, 2)).neuron(Neuron::Sigmoid), two, 2),
        ]
    }
}

struct State {
    branches: Vec<Branch>,
    flops: f64,
}

struct Branch {
    plan: Box<dyn PoolPlan>,
    bottom: Blob,
    top: Blob,
    tail: Tail,
}

impl LayerState for State {
    fn forward(&mut self, pass: &mut Pass<'_>) -> Result<()> {
        for Branch { plan, bottom, top, tail } in &mut self.branches {
            plan.forward(&bottom.data, tail.target(&top.data))?;
            tail.forward(pass.backend, &top.data)?;
        }
        Ok(())
    }

    fn backward(&mut self, pass: &Pass<'_>) -> Result<()> {
        for Branch { plan, bottom, top, tail } in &mut self.branches {
            let (Some(dy), Some(dx)) = (&top.diff, &bottom.diff) else { continue };
            tail.backward(pass.backend, &top.data, dy)?;
            plan.backward(dy, dx)?;
        }
        Ok(())
    }

    fn flops(&self) -> f64 {
        self.flops
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

fn one() -> Size2 {
    (1, 1).into()
}

fn zero() -> Size2 {
    (0, 0).into()
}
