//! Batch normalization (Ioffe & Szegedy 2015).
//!
//! Caffe: `src/caffe/layers/batch_norm_layer.cpp`, whose three blobs are the parameters here. Factor and summand of the paper
//! are a layer of their own, [`Scale`](crate::Scale), as in Caffe. The running moments are parameters without a gradient, so
//! that a training net and a validation net share them and snapshots keep them.

use super::scale::channels;
use crate::{
    Arity, Blob, Count, Error, Example, Examples, Layer, LayerState, Param, Pass, Result, Setup, Wired, Wiring,
};
use core_tensor::{
    Role, Shape, Tensor,
    ops::{
        Gradient,
        kernels::{self, Moments, RunningMoments},
    },
};
use serde::{Deserialize, Serialize};
use std::any::Any;

/// `y = (x - mean[c]) / sqrt(variance[c] + epsilon)` with c the index along `axis`.
///
/// Bottom of any shape, top of the same. A net built for training takes mean and variance of the batch and gathers them; any
/// other net takes what was gathered. Parameters, none of them learnt: `mean` and `variance` (channels), sums in which a batch
/// weighs `moving_average_fraction` times as much as the next one (its variance as m / (m - 1), m the elements of a channel), and
/// `weight`, the sum of the weights. As long as that is 0, mean 0 and variance 1 stand in. In an epoch of validation on a
/// training net nothing is gathered, nor while the layer is frozen.
///
/// ```
/// use layers::prelude::*;
/// let norm = BatchNorm::new("bn1").moving_average_fraction(0.99).bottom("conv1").top("bn1");
/// assert_eq!((norm.axis, norm.epsilon), (1, 1e-5));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BatchNorm {
    /// Name and blobs.
    #[serde(flatten)]
    pub wiring: Wiring,
    /// The axis of the channels, counted from the batch axis, which is 0; 1 if not set.
    #[serde(default = "channel_axis")]
    pub axis: usize,
    /// What is added to the variance; 1e-5 if not set.
    #[serde(default = "epsilon")]
    pub epsilon: f64,
    /// How much a batch weighs against the next one in what is gathered, from 0 to less than 1; 0.999 if not set.
    #[serde(default = "fraction")]
    pub moving_average_fraction: f64,
    /// Whether to take what was gathered in training too, and to gather no more: for fine-tuning. No if not set.
    #[serde(default)]
    pub use_global_stats: bool,
}

impl BatchNorm {
    /// Normalizes each channel, with Caffe's coefficients.
    pub fn new(name: impl Into<String>) -> Self {
        BatchNorm {
            wiring: Wiring::named(name),
            axis: channel_axis(),
            epsilon: epsilon(),
            moving_average_fraction: fraction(),
            use_global_stats: false,
        }
    }

    /// Sets the axis of the channels.
    pub fn axis(mut self, axis: usize) -> Self {
        self.axis = axis;
        self
    }

    /// Sets what is added to the variance.
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }

    /// Sets how much a batch weighs against the next one in what is gathered.
    pub fn moving_average_fraction(mut self, fraction: f64) -> Self {
        self.moving_average_fraction = fraction;
        self
    }

    /// Sets whether to take what was gathered in training too.
    pub fn use_global_stats(mut self, use_global_stats: bool) -> Self {
        self.use_global_stats = use_global_stats;
        self
    }

    fn check(&self) -> Result<()> {
        let fail = |what: &str, found: f64, expected: &str| {
            Err(Error::Value { what: what.into(), found: found.to_string(), expected: expected.into() })
        };
        if !(self.epsilon.is_finite() && self.epsilon > 0.0) {
            return fail("epsilon", self.epsilon, "a positive number such as 1e-5");
        }
        if !(0.0..1.0).contains(&self.moving_average_fraction) {
            let found = self.moving_average_fraction;
            return fail("moving_average_fraction", found, "at least 0 and less than 1, such as 0.999");
        }
        Ok(())
    }
}

impl Wired for BatchNorm {
    fn wiring_mut(&mut self) -> &mut Wiring {
        &mut self.wiring
    }
}

impl Layer for BatchNorm {
    fn kind(&self) -> &'static str {
        "BatchNorm"
    }

    fn wiring(&self) -> &Wiring {
        &self.wiring
    }

    fn arity(&self) -> Arity {
        Arity { bottoms: Count::Exactly(1), tops: Count::Exactly(1) }
    }

    fn setup(&self, setup: &mut Setup<'_>) -> Result<Box<dyn LayerState>> {
        self.check()?;
        let bottom = setup.bottom(0).clone();
        let shape = bottom.data.shape();
        let moment = channels(self.axis, shape)?;
        let uses_batch = setup.is_training() && !self.use_global_stats;
        let elements = shape.len() / moment.len().max(1);
        if uses_batch && elements < 2 {
            return Err(Error::Value {
                what: "the number of elements in a channel".into(),
                found: format!("{elements} for a bottom of shape {shape}"),
                expected: "at least 2, or there is no variance; use a larger batch".into(),
            });
        }
        let mean = setup.statistic("mean", moment)?;
        let variance = setup.statistic("variance", moment)?;
        let weight = setup.statistic("weight", Shape::new(&[1])?)?;
        let running = RunningMoments {
            mean: mean.data().clone(),
            variance: variance.data().clone(),
            weight: weight.data().clone(),
        };
        let own = || setup.alloc(moment, Role::Param);
        let moments = Moments { mean: own()?, variance: own()? };
        let sums = if setup.is_training() { Some((own()?, own()?)) } else { None };
        let top = setup.add_top(shape)?;
        Ok(Box::new(State {
            layer: self.clone(),
            gathers: uses_batch.then_some(mean),
            correction: elements as f64 / (elements as f64 - 1.0),
            running,
            moments,
            sums,
            bottom,
            top,
        }))
    }
}

impl Examples for BatchNorm {
    fn examples() -> Vec<Example> {
        let norm = || BatchNorm::new("bn");
        vec![
            Example::one_to_one(norm(), &[17, 3, 2, 5]),
            Example::one_to_one(norm().epsilon(0.1).moving_average_fraction(0.5), &[5, 4]),
            Example::one_to_one(norm().axis(2).epsilon(0.01), &[3, 2, 5, 2]),
            Example::one_to_one(norm(), &[1, 2, 3, 4]),
            Example::one_to_one(norm().use_global_stats(true).epsilon(0.5), &[18, 2, 3]),
        ]
    }
}

struct State {
    layer: BatchNorm,
    /// In training on the moments of the batch: the parameter whose freezing ends the gathering.
    gathers: Option<Param>,
    /// m / (m - 1), what makes the variance of m elements an estimate without bias.
    correction: f64,
    running: RunningMoments,
    /// Those of the last pass.
    moments: Moments,
    /// The sums over a channel that the gradient needs; zero unless it goes through the moments.
    sums: Option<(Tensor, Tensor)>,
    bottom: Blob,
    top: Blob,
}

impl LayerState for State {
    fn forward(&mut self, pass: &mut Pass<'_>) -> Result<()> {
        let BatchNorm { axis, epsilon, moving_average_fraction: fraction, .. } = self.layer;
        let (x, y, moments) = (&self.bottom.data, &self.top.data, &self.moments);
        match &self.gathers {
            None => kernels::expected_moments(pass.backend, &self.running, moments)?,
            Some(param) => {
                kernels::batch_moments(pass.backend, axis, x, moments)?;
                if !pass.whole_epochs && !param.is_frozen() {
                    kernels::gather_moments(pass.backend, fraction, self.correction, moments, &self.running)?;
                }
            }
        }
        Ok(kernels::normalize(pass.backend, axis, epsilon, x, moments, y)?)
    }

    fn backward(&mut self, pass: &Pass<'_>) -> Result<()> {
        let (Some(dy), Some(dx), Some((sum, dot))) = (&self.top.diff, &self.bottom.diff, &self.sums) else {
            return Ok(());
        };
        let BatchNorm { axis, epsilon, .. } = self.layer;
        let y = &self.top.data;
        if self.gathers.is_some() {
            kernels::channel_sum(pass.backend, axis, dy, Gradient { target: sum, add: false })?;
            kernels::channel_dot(pass.backend, axis, dy, y, Gradient { target: dot, add: false })?;
        }
        Ok(kernels::normalize_backward(pass.backend, axis, epsilon, (y, dy), &self.moments, (sum, dot), dx)?)
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

fn channel_axis() -> usize {
    1
}

fn epsilon() -> f64 {
    1e-5
}

fn fraction() -> f64 {
    0.999
}
