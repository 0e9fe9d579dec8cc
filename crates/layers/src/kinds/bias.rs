//! A learnt summand for each channel.
//!
//! Caffe: `src/caffe/layers/bias_layer.cpp`, of which the form with a second bottom is left out: that is an
//! [`ElementWise`](crate::ElementWise) sum.

use super::scale::{channels, per_channel};
use crate::{
    Arity, Blob, Count, Example, Examples, Initializer, Layer, LayerState, Param, Pass, Result, Setup, Wired, Wiring,
};
use core_tensor::ops::kernels;
use serde::{Deserialize, Serialize};
use std::any::Any;

/// `y = x + bias[c]` with c the index along `axis`.
///
/// Bottom of any shape, top of the same. Parameter: `bias` (channels), which starts as 0 and has no regularizer.
///
/// ```
/// use layers::prelude::*;
/// let bias = Bias::new("bias1").bottom("conv1").top("bias1");
/// assert_eq!((bias.axis, bias.bias_lr), (1, 1.0));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bias {
    /// Name and blobs.
    #[serde(flatten)]
    pub wiring: Wiring,
    /// The axis of the channels, counted from the batch axis, which is 0; 1 if not set.
    #[serde(default = "channel_axis")]
    pub axis: usize,
    /// How the bias starts; 0 if not set.
    #[serde(default = "zeros")]
    pub bias_init: Initializer,
    /// The factor on the learning rate; 1 if not set.
    #[serde(default = "one")]
    pub bias_lr: f64,
    /// Layers of the net with an equal key share their parameters.
    #[serde(default)]
    pub param_key: Option<String>,
}

impl Bias {
    /// A summand for each channel.
    pub fn new(name: impl Into<String>) -> Self {
        let wiring = Wiring::named(name);
        Bias { wiring, axis: channel_axis(), bias_init: zeros(), bias_lr: one(), param_key: None }
    }

    /// Sets the axis of the channels.
    pub fn axis(mut self, axis: usize) -> Self {
        self.axis = axis;
        self
    }

    /// Sets how the bias starts.
    pub fn bias_init(mut self, init: Initializer) -> Self {
        self.bias_init = init;
        self
    }

    /// Sets the factor on the learning rate.
    pub fn bias_lr(mut self, factor: f64) -> Self {
        self.bias_lr = factor;
        self
    }

    /// Shares the bias with the layers of the net that have the same key.
    pub fn param_key(mut self, key: impl Into<String>) -> Self {
        self.param_key = Some(key.into());
        self
    }
}

impl Wired for Bias {
    fn wiring_mut(&mut self) -> &mut Wiring {
        &mut self.wiring
    }
}

impl Layer for Bias {
    fn kind(&self) -> &'static str {
        "Bias"
    }

    fn wiring(&self) -> &Wiring {
        &self.wiring
    }

    fn arity(&self) -> Arity {
        Arity { bottoms: Count::Exactly(1), tops: Count::Exactly(1) }
    }

    fn has_params(&self) -> bool {
        true
    }

    fn param_key(&self) -> Option<&str> {
        self.param_key.as_deref()
    }

    fn setup(&self, setup: &mut Setup<'_>) -> Result<Box<dyn LayerState>> {
        let bottom = setup.bottom(0).clone();
        let shape = channels(self.axis, bottom.data.shape())?;
        let bias = setup.param(per_channel("bias", shape, self.bias_init, self.bias_lr))?;
        let top = setup.add_top(bottom.data.shape())?;
        Ok(Box::new(State { axis: self.axis, bias, bottom, top }))
    }
}

impl Examples for Bias {
    fn examples() -> Vec<Example> {
        let bias = || Bias::new("bias").bias_init(Initializer::Gaussian { mean: 0.0, std: 1.0 });
        vec![
            Example::one_to_one(bias(), &[17, 3, 2, 5]),
            Example::one_to_one(bias(), &[1, 7]),
            Example::one_to_one(bias().axis(3), &[3, 2, 2, 5]),
        ]
    }
}

struct State {
    axis: usize,
    bias: Param,
    bottom: Blob,
    top: Blob,
}

impl LayerState for State {
    fn forward(&mut self, pass: &mut Pass<'_>) -> Result<()> {
        let (x, y, bias) = (&self.bottom.data, &self.top.data, self.bias.data());
        Ok(kernels::channel_affine(pass.backend, self.axis, x, None, Some(bias), y)?)
    }

    fn backward(&mut self, pass: &Pass<'_>) -> Result<()> {
        let Some(dy) = &self.top.diff else { return Ok(()) };
        if let Some(gradient) = self.bias.gradient() {
            kernels::channel_sum(pass.backend, self.axis, dy, gradient)?;
        }
        if let Some(dx) = &self.bottom.diff {
            kernels::copy(pass.backend, dy, dx)?;
        }
        Ok(())
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

fn channel_axis() -> usize {
    1
}

fn zeros() -> Initializer {
    Initializer::Constant { value: 0.0 }
}

fn one() -> f64 {
    1.0
}
