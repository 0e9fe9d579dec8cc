//! The multinomial logistic loss of probabilities.
//!
//! Mocha: `src/layers/multinomial-logistic-loss.jl`, where it has no backward pass; Caffe:
//! `src/caffe/layers/multinomial_logistic_loss_layer.cpp`. After a softmax, [`SoftmaxLoss`](crate::SoftmaxLoss) does both at once
//! and rounds less.

use super::{
    class_loss::{ClassLoss, ClassLossSpec},
    normalization::{LossNormalization, WeightNormalization},
};
use crate::{
    Arity, Blob, Count, Example, ExampleBottom, Examples, Layer, LayerState, Pass, Result, Setup, Wired, Wiring,
};
use core_tensor::ops::kernels;
use serde::{Deserialize, Serialize};
use std::any::Any;

/// `-w log p[label]`, the mean over all positions of all samples, with logarithms cut off at 1e-20.
///
/// Bottoms: probabilities (N, classes, ...) and labels (N, 1, ...) holding class indices from 0. No tops.
///
/// ```
/// use layers::prelude::*;
/// let loss = MultinomialLogisticLoss::new("loss").weights([1.0, 5.0]).bottoms(["prob", "label"]);
/// assert_eq!(loss.axis, 1);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MultinomialLogisticLoss {
    /// Name and blobs.
    #[serde(flatten)]
    pub wiring: Wiring,
    /// The axis of the classes, counted from the batch axis, which is 0; 1 if not set.
    #[serde(default = "class_axis")]
    pub axis: usize,
    /// The factor on loss and gradient; 1 if not set.
    #[serde(default = "one")]
    pub weight: f64,
    /// Weights of the classes, or of all elements of a sample in row-major order; all alike if not set.
    #[serde(default)]
    pub weights: Vec<f64>,
    /// How the weights are scaled; so that their mean at each position is 1 if not set.
    #[serde(default)]
    pub normalize: WeightNormalization,
    /// The label of positions that do not count; none if not set.
    #[serde(default)]
    pub ignore_label: Option<f64>,
    /// What the sum over positions is divided by; the positions that count if not set.
    #[serde(default)]
    pub normalization: LossNormalization,
}

impl MultinomialLogisticLoss {
    /// The loss with weight 1 and the classes along axis 1.
    pub fn new(name: impl Into<String>) -> Self {
        MultinomialLogisticLoss {
            wiring: Wiring::named(name),
            axis: class_axis(),
            weight: one(),
            weights: Vec::new(),
            normalize: WeightNormalization::default(),
            ignore_label: None,
            normalization: LossNormalization::default(),
        }
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

    /// Sets the weights of the classes, or of all elements of a sample in row-major order.
    pub fn weights(mut self, weights: impl Into<Vec<f64>>) -> Self {
        self.weights = weights.into();
        self
    }

    /// Sets how the weights are scaled.
    pub fn normalize(mut self, normalize: WeightNormalization) -> Self {
        self.normalize = normalize;
        self
    }

    /// Sets the label of positions that do not count.
    pub fn ignore_label(mut self, label: f64) -> Self {
        self.ignore_label = Some(label);
        self
    }

    /// Sets what the sum over positions is divided by.
    pub fn normalization(mut self, normalization: LossNormalization) -> Self {
        self.normalization = normalization;
        self
    }

    fn class_loss(&self, setup: &Setup<'_>) -> Result<ClassLoss> {
        let MultinomialLogisticLoss { axis, weight, ref weights, normalize, ignore_label, normalization, .. } = *self;
        ClassLoss::new(setup, ClassLossSpec { axis, weight, weights, normalize, ignore_label, normalization })
    }
}

impl Wired for MultinomialLogisticLoss {
    fn wiring_mut(&mut self) -> &mut Wiring {
        &mut self.wiring
    }
}

impl Layer for MultinomialLogisticLoss {
    fn kind(&self) -> &'static str {
        "MultinomialLogisticLoss"
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
        let (class, prob) = (self.class_loss(setup)?, setup.bottom(0).clone());
        Ok(Box::new(State { class, prob, loss: None }))
    }
}

impl Examples for MultinomialLogisticLoss {
    fn examples() -> Vec<Example> {
        let example = |loss: MultinomialLogisticLoss, shape: &[usize]| {
            let (axis, mut labels) = (loss.axis, shape.to_vec());
            labels[axis] = 1;
            let probabilities = ExampleBottom::Between { shape: shape.into(), low: 0.05, high: 0.95 };
            Example::pair(loss, probabilities, ExampleBottom::Labels { shape: labels, classes: shape[axis] })
        };
        let loss = || MultinomialLogisticLoss::new("loss");
        vec![
            example(loss(), &[17, 5]),
            example(loss().weight(0.3).weights([1.0, 2.0, 4.0]), &[1, 3, 2, 4]),
            example(loss().axis(2).ignore_label(2.0), &[2, 3, 4, 3]),
            example(loss().normalization(LossNormalization::BatchSize), &[3, 4, 2]),
        ]
    }
}

struct State {
    class: ClassLoss,
    prob: Blob,
    loss: Option<f64>,
}

impl LayerState for State {
    fn forward(&mut self, pass: &mut Pass<'_>) -> Result<()> {
        self.loss = None;
        self.loss = Some(self.class.forward(pass, &self.prob.data)?);
        Ok(())
    }

    fn backward(&mut self, pass: &Pass<'_>) -> Result<()> {
        let Some(dprob) = &self.prob.diff else { return Ok(()) };
        let (labels, scale) = (self.class.class_labels(pass), self.class.scale(pass));
        Ok(kernels::logistic_loss_backward(pass.backend, labels, scale, &self.prob.data, dprob)?)
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
