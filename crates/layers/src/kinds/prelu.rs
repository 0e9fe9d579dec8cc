//! A rectified linear unit that learns its slope below zero (He et al. 2015).
//!
//! Caffe: `src/caffe/layers/prelu_layer.cpp`. A layer rather than a [`Neuron`](crate::Neuron), since it has a parameter.

use super::scale::{channels, per_channel};
use crate::{
    Arity, Blob, Count, Example, Examples, Initializer, Layer, LayerState, Param, Pass, Result, Setup, Wired, Wiring,
};
use core_tensor::{Shape, ops::kernels};
use serde::{Deserialize, Serialize};
use std::any::Any;

/// `y = x` where x is positive, else `slope[c] x`, with c the index along `axis`.
///
/// Bottom of any shape, top of the same. Parameter: `slope` (channels), or one number for all channels with
/// [`PRelu::channel_shared`]; it starts as 0.25 and has no regularizer, which would push it towards a ReLU.
///
/// ```
/// use layers::prelude::*;
/// let prelu = PRelu::new("prelu1").bottom("conv1").top("prelu1");
/// assert_eq!(prelu.slope_init, Initializer::Constant { value: 0.25 });
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PRelu {
    /// Name and blobs.
    #[serde(flatten)]
    pub wiring: Wiring,
    /// The axis of the channels, counted from the batch axis, which is 0; 1 if not set.
    #[serde(default = "channel_axis")]
    pub axis: usize,
    /// Whether one slope serves all channels; no if not set.
    #[serde(default)]
    pub channel_shared: bool,
    /// How the slope starts; 0.25 if not set.
    #[serde(default = "quarter")]
    pub slope_init: Initializer,
    /// The factor on the learning rate; 1 if not set.
    #[serde(default = "one")]
    pub slope_lr: f64,
    /// Layers of the net with an equal key share their slopes.
    #[serde(default)]
    pub param_key: Option<String>,
}

impl PRelu {
    /// A slope for each channel.
    pub fn new(name: impl Into<String>) -> Self {
        PRelu {
            wiring: Wiring::named(name),
            axis: channel_axis(),
            channel_shared: false,
            slope_init: quarter(),
            slope_lr: one(),
            param_key: None,
        }
    }

    /// Sets the axis of the channels.
    pub fn axis(mut self, axis: usize) -> Self {
        self.axis = axis;
        self
    }

    /// Sets whether one slope serves all channels.
    pub fn channel_shared(mut self, channel_shared: bool) -> Self {
        self.channel_shared = channel_shared;
        self
    }

    /// Sets how the slope starts.
    pub fn slope_init(mut self, init: Initializer) -> Self {
        self.slope_init = init;
        self
    }

    /// Sets the factor on the learning rate.
    pub fn slope_lr(mut self, factor: f64) -> Self {
        self.slope_lr = factor;
        self
    }

    /// Shares the slopes with the layers of the net that have the same key.
    pub fn param_key(mut self, key: impl Into<String>) -> Self {
        self.param_key = Some(key.into());
        self
    }
}

impl Wired for PRelu {
    fn wiring_mut(&mut self) -> &mut Wiring {
        &mut self.wiring
    }
}

impl Layer for PRelu {
    fn kind(&self) -> &'static str {
        "PReLU"
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
        let of_channels = channels(self.axis, bottom.data.shape())?;
        let shape = if self.channel_shared { Shape::new(&[1])? } else { of_channels };
        let slope = setup.param(per_channel("slope", shape, self.slope_init, self.slope_lr))?;
        let top = setup.add_top(bottom.data.shape())?;
        Ok(Box::new(State { axis: self.axis, slope, bottom, top }))
    }
}

impl Examples for PRelu {
    fn examples() -> Vec<Example> {
        let prelu = || PRelu::new("prelu").slope_init(Initializer::Gaussian { mean: 0.2, std: 0.3 });
        vec![
            Example::one_to_one(prelu(), &[17, 3, 2, 5]),
            Example::one_to_one(prelu(), &[1, 7]),
            Example::one_to_one(prelu().axis(2), &[3, 2, 5]),
            Example::one_to_one(prelu().channel_shared(true), &[18, 2, 3, 1]),
        ]
    }
}

struct State {
    axis: usize,
    slope: Param,
    bottom: Blob,
    top: Blob,
}

impl LayerState for State {
    fn forward(&mut self, pass: &mut Pass<'_>) -> Result<()> {
        let (x, y) = (&self.bottom.data, &self.top.data);
        Ok(kernels::prelu_forward(pass.backend, self.axis, x, self.slope.data(), y)?)
    }

    fn backward(&mut self, pass: &Pass<'_>) -> Result<()> {
        let Some(dy) = &self.top.diff else { return Ok(()) };
        let x = &self.bottom.data;
        if let Some(gradient) = self.slope.gradient() {
            kernels::prelu_slope_gradient(pass.backend, self.axis, dy, x, gradient)?;
        }
        if let Some(dx) = &self.bottom.diff {
            kernels::prelu_backward(pass.backend, self.axis, x, self.slope.data(), dy, dx)?;
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

fn quarter() -> Initializer {
    Initializer::Constant { value: 0.25 }
}

fn one() -> f64 {
    1.0
}
