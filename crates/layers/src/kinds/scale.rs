//! A learnt factor for each channel, usually after [`BatchNorm`](crate::BatchNorm).
//!
//! Caffe: `src/caffe/layers/scale_layer.cpp`, of which the form with a second bottom for the factors is left out: that is an
//! [`ElementWise`](crate::ElementWise) product.

use super::tail::Tail;
use crate::{
    Arity, Blob, Count, Example, Examples, Initializer, Layer, LayerState, Param, ParamSpec, Pass, Regularizer, Result,
    Setup, Wired, Wiring,
};
use core_tensor::{
    Shape,
    ops::{Neuron, kernels},
};
use serde::{Deserialize, Serialize};
use std::any::Any;

/// `y = neuron(scale[c] x + bias[c])` with c the index along `axis`.
///
/// Bottom of any shape, top of the same. Parameters: `scale` (channels), which starts as 1, and with [`Scale::bias_term`]
/// `bias` (channels), which starts as 0. Neither has a regularizer.
///
/// ```
/// use layers::prelude::*;
/// let scale = Scale::new("scale1").bias_term(true).neuron(Neuron::ReLU).bottom("bn1").top("scale1");
/// assert_eq!(scale.axis, 1);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scale {
    /// Name and blobs.
    #[serde(flatten)]
    pub wiring: Wiring,
    /// The axis of the channels, counted from the batch axis, which is 0; 1 if not set.
    #[serde(default = "channel_axis")]
    pub axis: usize,
    /// Whether a bias is learnt too; no if not set, as in Caffe.
    #[serde(default)]
    pub bias_term: bool,
    /// Applied to the output; identity if not set.
    #[serde(default)]
    pub neuron: Neuron,
    /// How the factors start; 1 if not set.
    #[serde(default = "ones")]
    pub scale_init: Initializer,
    /// How the bias starts; 0 if not set.
    #[serde(default = "zeros")]
    pub bias_init: Initializer,
    /// The factor on the learning rate for the factors; 1 if not set.
    #[serde(default = "one")]
    pub scale_lr: f64,
    /// The factor on the learning rate for the bias; 1 if not set.
    #[serde(default = "one")]
    pub bias_lr: f64,
    /// Layers of the net with an equal key share their parameters.
    #[serde(default)]
    pub param_key: Option<String>,
}

impl Scale {
    /// Factors for each channel, without a bias.
    pub fn new(name: impl Into<String>) -> Self {
        Scale {
            wiring: Wiring::named(name),
            axis: channel_axis(),
            bias_term: false,
            neuron: Neuron::Identity,
            scale_init: ones(),
            bias_init: zeros(),
            scale_lr: one(),
            bias_lr: one(),
            param_key: None,
        }
    }

    /// Sets the axis of the channels.
    pub fn axis(mut self, axis: usize) -> Self {
        self.axis = axis;
        self
    }

    /// Sets whether a bias is learnt too.
    pub fn bias_term(mut self, bias_term: bool) -> Self {
        self.bias_term = bias_term;
        self
    }

    /// Sets the neuron.
    pub fn neuron(mut self, neuron: Neuron) -> Self {
        self.neuron = neuron;
        self
    }

    /// Sets how the factors start.
    pub fn scale_init(mut self, init: Initializer) -> Self {
        self.scale_init = init;
        self
    }

    /// Sets how the bias starts.
    pub fn bias_init(mut self, init: Initializer) -> Self {
        self.bias_init = init;
        self
    }

    /// Sets the factor on the learning rate for the factors.
    pub fn scale_lr(mut self, factor: f64) -> Self {
        self.scale_lr = factor;
        self
    }

    /// Sets the factor on the learning rate for the bias.
    pub fn bias_lr(mut self, factor: f64) -> Self {
        self.bias_lr = factor;
        self
    }

    /// Shares the parameters with the layers of the net that have the same key.
    pub fn param_key(mut self, key: impl Into<String>) -> Self {
        self.param_key = Some(key.into());
        self
    }
}

impl Wired for Scale {
    fn wiring_mut(&mut self) -> &mut Wiring {
        &mut self.wiring
    }
}

impl Layer for Scale {
    fn kind(&self) -> &'static str {
        "Scale"
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
        let scale = setup.param(per_channel("scale", shape, self.scale_init, self.scale_lr))?;
        let bias = match self.bias_term {
            true => Some(setup.param(per_channel("bias", shape, self.bias_init, self.bias_lr))?),
            false => None,
        };
        let top = setup.add_top(bottom.data.shape())?;
        let tail = Tail::new(setup, self.neuron, bottom.data.shape())?;
        Ok(Box::new(State { axis: self.axis, scale, bias, bottom, top, tail }))
    }
}

impl Examples for Scale {
    fn examples() -> Vec<Example> {
        let scale = || Scale::new("scale").scale_init(Initializer::Gaussian { mean: 1.0, std: 0.5 });
        let biased = || scale().bias_term(true).bias_init(Initializer::Gaussian { mean: 0.0, std: 1.0 });
        vec![
            Example::one_to_one(scale(), &[17, 3, 2, 5]),
            Example::one_to_one(biased(), &[1, 7]),
            Example::one_to_one(biased().neuron(Neuron::Tanh), &[3, 2, 4]),
            Example::one_to_one(biased().axis(2).neuron(Neuron::Silu), &[2, 3, 5, 1]),
        ]
    }
}

struct State {
    axis: usize,
    scale: Param,
    bias: Option<Param>,
    bottom: Blob,
    top: Blob,
    tail: Tail,
}

impl LayerState for State {
    fn forward(&mut self, pass: &mut Pass<'_>) -> Result<()> {
        let (x, y) = (&self.bottom.data, self.tail.target(&self.top.data));
        let bias = self.bias.as_ref().map(Param::data);
        kernels::channel_affine(pass.backend, self.axis, x, Some(self.scale.data()), bias, y)?;
        self.tail.forward(pass.backend, &self.top.data)
    }

    fn backward(&mut self, pass: &Pass<'_>) -> Result<()> {
        let Some(dy) = &self.top.diff else { return Ok(()) };
        self.tail.backward(pass.backend, &self.top.data, dy)?;
        if let Some(gradient) = self.scale.gradient() {
            kernels::channel_dot(pass.backend, self.axis, dy, &self.bottom.data, gradient)?;
        }
        if let Some(gradient) = self.bias.as_ref().and_then(Param::gradient) {
            kernels::channel_sum(pass.backend, self.axis, dy, gradient)?;
        }
        if let Some(dx) = &self.bottom.diff {
            kernels::channel_affine(pass.backend, self.axis, dy, Some(self.scale.data()), None, dx)?;
        }
        Ok(())
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

/// The shape of a parameter with one number for each channel.
pub(super) fn channels(axis: usize, bottom: Shape) -> Result<Shape> {
    super::labels::check_axis("the channel axis", axis, bottom)?;
    Ok(Shape::new(&[bottom.axis(axis)])?)
}

/// A parameter with one number for each channel, without a regularizer.
pub(super) fn per_channel(name: &'static str, shape: Shape, init: Initializer, learning_rate: f64) -> ParamSpec {
    let (regularizer, constraint) = (Regularizer::None, crate::Constraint::None);
    ParamSpec { name, shape, init, regularizer, constraint, learning_rate }
}

fn channel_axis() -> usize {
    1
}

fn ones() -> Initializer {
    Initializer::Constant { value: 1.0 }
}

fn zeros() -> Initializer {
    Initializer::Constant { value: 0.0 }
}

fn one() -> f64 {
    1.0
}
