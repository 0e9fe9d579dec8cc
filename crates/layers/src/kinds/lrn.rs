//! Local response normalization.
//!
//! Mocha: `src/layers/lrn.jl`, a chain of five layers there; Caffe: `src/caffe/layers/lrn_layer.cpp`. The mean over a window
//! is Mocha's and Caffe's `alpha / n`; Krizhevsky et al. 2012 write the sum. Mocha's default of 1 for `scale` is Caffe's too.

use crate::{Arity, Blob, Count, Error, Example, Examples, Layer, LayerState, Pass, Result, Setup, Wired, Wiring};
use core_tensor::{
    Role, Tensor,
    ops::{self, LrnMode, kernels},
};
use serde::{Deserialize, Serialize};
use std::any::Any;

/// `y = x / (shift + scale mean(x^2))^power`, with the mean over a window of neighbours.
///
/// Bottom (N, C, ...) for windows across channels, (N, C, H, W) for windows within a channel; the top has the bottom's
/// shape. A window has `kernel` channels, or `kernel` x `kernel` places; what lies outside of the blob counts as zero. With an
/// even kernel a window reaches one further after its element than before it.
///
/// ```
/// use layers::prelude::*;
/// let norm = Lrn::new("norm1").mode(LrnMode::WithinChannel).kernel(3).scale(5e-5).bottom("pool1").top("norm1");
/// assert_eq!((norm.shift, norm.power), (1.0, 0.75));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lrn {
    /// Name and blobs.
    #[serde(flatten)]
    pub wiring: Wiring,
    /// The channels of a window, or its rows and columns; 5 if not set.
    #[serde(default = "five")]
    pub kernel: usize,
    /// The factor on the mean of squares, Caffe's `alpha`; 1 if not set.
    #[serde(default = "one")]
    pub scale: f64,
    /// What is added to it, Caffe's `k`; 1 if not set.
    #[serde(default = "one")]
    pub shift: f64,
    /// The exponent, Caffe's `beta`; 0.75 if not set.
    #[serde(default = "three_quarters")]
    pub power: f64,
    /// What a window spans; channels if not set.
    #[serde(default)]
    pub mode: LrnMode,
    /// The axis of the channels, counted from the batch axis, which is 0; 1 if not set. Windows within a channel need 1.
    #[serde(default = "channel_axis")]
    pub axis: usize,
}

impl Lrn {
    /// Windows of five channels, and Mocha's coefficients.
    pub fn new(name: impl Into<String>) -> Self {
        Lrn {
            wiring: Wiring::named(name),
            kernel: five(),
            scale: one(),
            shift: one(),
            power: three_quarters(),
            mode: LrnMode::AcrossChannel,
            axis: channel_axis(),
        }
    }

    /// Sets the channels of a window, or its rows and columns.
    pub fn kernel(mut self, kernel: usize) -> Self {
        self.kernel = kernel;
        self
    }

    /// Sets the factor on the mean of squares.
    pub fn scale(mut self, scale: f64) -> Self {
        self.scale = scale;
        self
    }

    /// Sets what is added to it.
    pub fn shift(mut self, shift: f64) -> Self {
        self.shift = shift;
        self
    }

    /// Sets the exponent.
    pub fn power(mut self, power: f64) -> Self {
        self.power = power;
        self
    }

    /// Sets what a window spans.
    pub fn mode(mut self, mode: LrnMode) -> Self {
        self.mode = mode;
        self
    }

    /// Sets the axis of the channels.
    pub fn axis(mut self, axis: usize) -> Self {
        self.axis = axis;
        self
    }
}

impl Wired for Lrn {
    fn wiring_mut(&mut self) -> &mut Wiring {
        &mut self.wiring
    }
}

impl Layer for Lrn {
    fn kind(&self) -> &'static str {
        "LRN"
    }

    fn wiring(&self) -> &Wiring {
        &self.wiring
    }

    fn arity(&self) -> Arity {
        Arity { bottoms: Count::Exactly(1), tops: Count::Exactly(1) }
    }

    fn setup(&self, setup: &mut Setup<'_>) -> Result<Box<dyn LayerState>> {
        let Lrn { kernel, scale, shift, power, mode, axis, .. } = *self;
        if mode == LrnMode::WithinChannel && axis != channel_axis() {
            return Err(Error::Value {
                what: "the normalization's channel axis".into(),
                found: axis.to_string(),
                expected: "1 for windows within a channel, which are windows of axes 2 and 3".into(),
            });
        }
        let operation = ops::Lrn { mode, axis, kernel, scale, shift, power };
        let bottom = setup.bottom(0).clone();
        let shape = bottom.data.shape();
        operation.check(shape)?;
        let inverse = setup.alloc(shape, Role::Data)?;
        let top = setup.add_top(shape)?;
        Ok(Box::new(State { operation, bottom, top, inverse }))
    }
}

impl Examples for Lrn {
    fn examples() -> Vec<Example> {
        let lrn = || Lrn::new("lrn");
        let within = || lrn().mode(LrnMode::WithinChannel);
        vec![
            Example::one_to_one(lrn(), &[17, 7, 2, 3]),
            Example::one_to_one(lrn().kernel(3).scale(0.3).shift(2.0).power(0.5), &[1, 5, 3, 2]),
            Example::one_to_one(lrn().kernel(4).power(1.0), &[2, 9]),
            Example::one_to_one(lrn().kernel(9).axis(2).power(1.3), &[3, 2, 5, 4]),
            Example::one_to_one(within(), &[17, 2, 7, 5]),
            Example::one_to_one(within().kernel(3).scale(5e-5), &[1, 3, 4, 6]),
            Example::one_to_one(within().kernel(4).scale(3.0).power(-0.6), &[2, 1, 3, 35]),
            Example::one_to_one(within().kernel(67).scale(9.0).power(0.5), &[1, 1, 3, 70]),
            Example::one_to_one(within().kernel(1).power(1.0), &[3, 2, 1, 1]),
        ]
    }
}

struct State {
    operation: ops::Lrn,
    bottom: Blob,
    top: Blob,
    /// `1 / (shift + scale mean(x^2))`, for the backward pass.
    inverse: Tensor,
}

impl LayerState for State {
    fn forward(&mut self, pass: &mut Pass<'_>) -> Result<()> {
        let (x, y) = (&self.bottom.data, &self.top.data);
        Ok(kernels::lrn_forward(pass.backend, &self.operation, x, y, &self.inverse)?)
    }

    fn backward(&mut self, pass: &Pass<'_>) -> Result<()> {
        let (Some(dy), Some(dx)) = (&self.top.diff, &self.bottom.diff) else { return Ok(()) };
        let (x, y) = (&self.bottom.data, &self.top.data);
        Ok(kernels::lrn_backward(pass.backend, &self.operation, x, y, &self.inverse, dy, dx)?)
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

fn five() -> usize {
    5
}

fn one() -> f64 {
    1.0
}

fn three_quarters() -> f64 {
    0.75
}

fn channel_axis() -> usize {
    1
}
