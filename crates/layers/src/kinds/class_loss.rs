//! What `SoftmaxLoss` and `MultinomialLogisticLoss` have in common: labels with weights, and how the sum becomes a loss.

use super::{
    labels::{bad_label_but, check_class_axis, check_label_shape, check_weight},
    normalization::{LossNormalization, WeightNormalization},
};
use crate::{Pass, Result, Setup};
use core_tensor::{
    Role, Shape, Tensor,
    ops::kernels::{self, ClassLabels},
};

/// The properties of such a loss.
pub(super) struct ClassLossSpec<'a> {
    pub(super) axis: usize,
    pub(super) weight: f64,
    pub(super) weights: &'a [f64],
    pub(super) normalize: WeightNormalization,
    pub(super) ignore_label: Option<f64>,
    pub(super) normalization: LossNormalization,
}

/// Labels, and how the sum of the losses at all positions becomes one number.
pub(super) struct ClassLoss {
    pub(super) axis: usize,
    pub(super) labels: Tensor,
    weight: f64,
    weights: Option<Tensor>,
    ignore: Option<f64>,
    normalization: LossNormalization,
    classes: usize,
    /// The sum, the number of bad labels and of positions that count, as the kernel leaves them.
    result: Tensor,
    /// Positions that counted in the last forward pass.
    valid: f64,
}

impl ClassLoss {
    /// Checks properties and shapes of a loss whose bottoms are predictions and labels.
    pub(super) fn new(setup: &Setup<'_>, spec: ClassLossSpec<'_>) -> Result<Self> {
        let (predictions, labels) = (setup.bottom(0).data.shape(), setup.bottom(1).data.clone());
        check_weight(spec.weight)?;
        check_class_axis(spec.axis, predictions)?;
        check_label_shape(spec.axis, predictions, labels.shape())?;
        let mut weights = None;
        if !spec.weights.is_empty() {
            let expanded = spec.normalize.expand(spec.weights, spec.axis, predictions)?;
            let tensor = setup.alloc(Shape::new(&[expanded.len()])?, Role::Param)?;
            tensor.write(&expanded)?;
            weights = Some(tensor);
        }
        let (axis, weight, ignore, normalization) = (spec.axis, spec.weight, spec.ignore_label, spec.normalization);
        let classes = predictions.axis(axis);
        let result = setup.alloc(Shape::new(&[3])?, Role::Param)?;
        Ok(ClassLoss { axis, labels, weight, weights, ignore, normalization, classes, result, valid: 0.0 })
    }

    /// Whether every position counts alike.
    pub(super) fn is_plain(&self) -> bool {
        self.weights.is_none() && self.ignore.is_none()
    }

    pub(super) fn samples(&self, pass: &Pass<'_>) -> usize {
        pass.samples_of(self.labels.shape())
    }

    /// The labels as kernels take them.
    pub(super) fn class_labels(&self, pass: &Pass<'_>) -> ClassLabels<'_> {
        let (samples, weights) = (self.samples(pass), self.weights.as_ref());
        ClassLabels { axis: self.axis, samples, labels: &self.labels, weights, ignore: self.ignore }
    }

    /// The loss of probabilities.
    pub(super) fn forward(&mut self, pass: &Pass<'_>, prob: &Tensor) -> Result<f64> {
        kernels::logistic_loss_forward(pass.backend, self.class_labels(pass), prob, &self.result)?;
        let mut result = [0.0; 3];
        self.result.read_into(&mut result)?;
        let [sum, bad, valid] = result;
        self.loss(pass, sum, bad, valid)
    }

    /// The loss from what a kernel has found, or the error that names a bad label.
    pub(super) fn loss(&mut self, pass: &Pass<'_>, sum: f64, bad: f64, valid: f64) -> Result<f64> {
        if bad != 0.0 {
            return Err(bad_label_but(&self.labels, self.samples(pass), self.classes, self.ignore));
        }
        self.valid = valid;
        Ok(sum * self.scale(pass))
    }

    /// The factor on the sum, and on each position's gradient.
    pub(super) fn scale(&self, pass: &Pass<'_>) -> f64 {
        let positions = self.labels.shape().sample_len();
        self.weight / self.normalization.divisor(self.samples(pass), positions, self.valid)
    }
}
