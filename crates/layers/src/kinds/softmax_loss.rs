//! Softmax followed by the multinomial logistic loss, the loss of classifiers.
//!
//! Caffe: `src/caffe/layers/softmax_loss_layer.cpp`; Mocha: `src/layers/softmax-loss.jl`. One layer and not two because the
//! joint gradient, `p - 1_label`, is exact where the product of the two is not.

use super::{
    class_loss::{ClassLoss, ClassLossSpec},
    normalization::{LossNormalization, WeightNormalization},
};
use crate::{Arity, Blob, Count, Example, Examples, Layer, LayerState, Pass, Result, Setup, Wired, Wiring};
use core_tensor::{Role, Shape, Tensor, ops::kernels};
use serde::{Deserialize, Serialize};
use std::any::Any;

/// `-w log softmax(x)[label]`, the mean over all positions of all samples.
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

impl SoftmaxLoss {
    /// The loss with weight 1 and the classes along axis 1.
    pub fn new(name: impl Into<String>) -> Self {
        SoftmaxLoss {
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
        let SoftmaxLoss { axis, weight, ref weights, normalize, ignore_label, normalization, .. } = *self;
        ClassLoss::new(setup, ClassLossSpec { axis, weight, weights, normalize, ignore_label, normalization })
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
        let class = self.class_loss(setup)?;
        let logits = setup.bottom(0).clone();
        let prob = setup.alloc(logits.data.shape(), Role::Data)?;
        let result = setup.alloc(Shape::new(&[2])?, Role::Param)?;
        Ok(Box::new(State { class, logits, prob, result, loss: None }))
    }
}

impl Examples for SoftmaxLoss {
    fn examples() -> Vec<Example> {
        let loss = || SoftmaxLoss::new("loss");
        let each: Vec<f64> = (1..=24).map(f64::from).collect();
        vec![
            Example::labelled(loss(), 1, &[17, 5]),
            Example::labelled(loss().weight(0.3), 1, &[1, 3, 2, 4]),
            Example::labelled(loss().axis(2), 2, &[2, 3, 4, 3]),
            Example::labelled(loss().normalization(LossNormalization::None), 1, &[3, 4]),
            Example::labelled(loss().normalization(LossNormalization::BatchSize), 1, &[3, 4, 2]),
            Example::labelled(loss().weights([1.0, 3.0, 0.5, 2.0]), 1, &[17, 4, 3]),
            Example::labelled(loss().axis(2).weights(each).normalize(WeightNormalization::Global), 2, &[2, 2, 4, 3]),
            Example::labelled(
                loss().ignore_label(1.0).weights([3.0; 3]).normalize(WeightNormalization::No),
                1,
                &[19, 3],
            ),
            Example::labelled(loss().ignore_label(0.0).normalization(LossNormalization::Full), 1, &[5, 2, 3]),
        ]
    }
}

struct State {
    class: ClassLoss,
    logits: Blob,
    prob: Tensor,
    /// The sum of the losses and the number of bad labels, as the kernel leaves them that does without weights.
    result: Tensor,
    loss: Option<f64>,
}

impl LayerState for State {
    fn forward(&mut self, pass: &mut Pass<'_>) -> Result<()> {
        self.loss = None;
        let (axis, samples) = (self.class.axis, self.class.samples(pass));
        let (x, labels) = (&self.logits.data, &self.class.labels);
        let loss = if self.class.is_plain() {
            kernels::softmax_loss_forward(pass.backend, axis, samples, x, labels, &self.prob, &self.result)?;
            let mut result = [0.0; 2];
            self.result.read_into(&mut result)?;
            let valid = (samples * labels.shape().sample_len()) as f64;
            self.class.loss(pass, result[0], result[1], valid)?
        } else {
            kernels::softmax_forward(pass.backend, axis, x, &self.prob)?;
            self.class.forward(pass, &self.prob)?
        };
        self.loss = Some(loss);
        Ok(())
    }

    fn backward(&mut self, pass: &Pass<'_>) -> Result<()> {
        let Some(dx) = &self.logits.diff else { return Ok(()) };
        let (axis, samples, scale) = (self.class.axis, self.class.samples(pass), self.class.scale(pass));
        if self.class.is_plain() {
            let labels = &self.class.labels;
            kernels::softmax_loss_backward(pass.backend, axis, samples, scale, &self.prob, labels, dx)?;
        } else {
            let labels = self.class.class_labels(pass);
            kernels::softmax_logistic_loss_backward(pass.backend, labels, scale, &self.prob, dx)?;
        }
        Ok(())
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
