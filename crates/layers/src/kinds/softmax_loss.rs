//! Softmax followed by the multinomial logistic loss, the loss of classifiers.
//!
//! Caffe: `src/caffe/layers/softmax_loss_layer.cpp`; Mocha: `src/layers/softmax-loss.jl`. One layer and not two because the
//! joint gradient, `p - 1_label`, is exact where the product of the two is not.

use super::labels::{bad_label, check_class_axis, check_label_shape, check_weight};
use crate::{Arity, Blob, Count, Example, Examples, Layer, LayerState, Pass, Result, Setup, Wired, Wiring};
use core_tensor::{Role, Shape, Tensor, ops::kernels};
use serde::{Deserialize, Serialize};
use std::any::Any;

/// `-log softmax(x)[label]`, the mean over all positions of all samples.
///
/// Bottoms: logits (N, classes, ...) and labels (N, 1, ...) holding class indices from 0. No tops.
///
/// ```
/// use layers::prelude::*;
/// let loss = SoftmaxLoss::new("loss").weight(0.5).bottoms(["ip2", "label"]);
/// assert_eq!(loss.axis, 1);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SoftmaxLoss {
    /// Name and blobs.
    #[serde(flatten)]
    pub wiring: Wiring,
    /// The axis of the classes, counted from the batch axis, which is 0; 1 if not set.
    #[serde(default = "class_axis")]
    pub axis: usize,
    /// The factor on loss and gradient; 1 if not set.
    #[serde(default = "one")]
    pub weight: f64,
}

impl SoftmaxLoss {
    /// The loss with weight 1 and the classes along axis 1.
    pub fn new(name: impl Into<String>) -> Self {
        SoftmaxLoss { wiring: Wiring::named(name), axis: class_axis(), weight: one() }
    }

    /// Sets the axis of the classes.
    pub fn axis(mut self, axis: usize) -> Self {
        self.axis = axis;
        self
    }

    /// Sets the factor on loss and gradient.
    pub fn weight(mut self, weight: f64) -> Self {
        self.weight = weight;
        self
    }
}

impl Wired for SoftmaxLoss {
    fn wiring_mut(&mut self) -> &mut Wiring {
        &mut self.wiring
    }
}

impl Layer for SoftmaxLoss {
    fn kind(&self) -> &'static str {
        "SoftmaxLoss"
    }

    fn wiring(&self) -> &Wiring {
        &self.wiring
    }

    fn arity(&self) -> Arity {
        Arity { bottoms: Count::Exactly(2), tops: Count::Exactly(0) }
    }

    fn is_loss(&self) -> bool {
        true
    }

    fn bottom_can_have_gradient(&self, index: usize) -> bool {
        index == 0
    }

    fn setup(&self, setup: &mut Setup<'_>) -> Result<Box<dyn LayerState>> {
        check_weight(self.weight)?;
        let (logits, labels) = (setup.bottom(0).clone(), setup.bottom(1).data.clone());
        let shape = logits.data.shape();
        check_class_axis(self.axis, shape)?;
        check_label_shape(self.axis, shape, labels.shape())?;
        let prob = setup.alloc(shape, Role::Data)?;
        let result = setup.alloc(Shape::new(&[2])?, Role::Param)?;
        Ok(Box::new(State { axis: self.axis, weight: self.weight, logits, labels, prob, result, loss: None }))
    }
}

impl Examples for SoftmaxLoss {
    fn examples() -> Vec<Example> {
        vec![
            Example::labelled(SoftmaxLoss::new("loss"), 1, &[17, 5]),
            Example::labelled(SoftmaxLoss::new("loss").weight(0.3), 1, &[1, 3, 2, 4]),
            Example::labelled(SoftmaxLoss::new("loss").axis(2), 2, &[2, 3, 4, 3]),
        ]
    }
}

struct State {
    axis: usize,
    weight: f64,
    logits: Blob,
    labels: Tensor,
    prob: Tensor,
    /// The sum of the losses and the number of bad labels, as the kernel leaves them.
    result: Tensor,
    loss: Option<f64>,
}

impl State {
    /// The factor that makes a sum over positions a weighted mean.
    fn scale(&self, samples: usize) -> f64 {
        let per_sample = self.labels.shape().sample_len();
        self.weight / (samples * per_sample).max(1) as f64
    }
}

impl LayerState for State {
    fn forward(&mut self, pass: &mut Pass<'_>) -> Result<()> {
        self.loss = None;
        let samples = pass.samples_of(self.labels.shape());
        let (x, labels) = (&self.logits.data, &self.labels);
        kernels::softmax_loss_forward(pass.backend, self.axis, samples, x, labels, &self.prob, &self.result)?;
        let mut result = [0.0; 2];
        self.result.read_into(&mut result)?;
        if result[1] != 0.0 {
            return Err(bad_label(labels, samples, x.shape().axis(self.axis)));
        }
        self.loss = Some(result[0] * self.scale(samples));
        Ok(())
    }

    fn backward(&mut self, pass: &Pass<'_>) -> Result<()> {
        let Some(dx) = &self.logits.diff else { return Ok(()) };
        let samples = pass.samples_of(self.labels.shape());
        let scale = self.scale(samples);
        Ok(kernels::softmax_loss_backward(pass.backend, self.axis, samples, scale, &self.prob, &self.labels, dx)?)
    }

    fn loss(&self) -> Option<f64> {
        self.loss
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

fn class_axis() -> usize {
    1
}

fn one() -> f64 {
    1.0
}
