//! Softmax followed by the cross entropy with a distribution over classes, as in knowledge distillation.
//!
//! Mocha: `src/layers/softlabel-softmax-loss.jl`, whose gradient, `p - q`, takes for granted that the targets sum to 1; the one
//! here is right for any targets.

use super::{
    labels::{check_class_axis, check_weight},
    normalization::LossNormalization,
};
use crate::{
    Arity, Blob, Count, Error, Example, ExampleBottom, Examples, Layer, LayerState, Pass, Result, Setup, Wired, Wiring,
};
use core_tensor::{Role, Shape, Tensor, ops::kernels};
use serde::{Deserialize, Serialize};
use std::any::Any;

/// `-sum q log softmax(x)` along one axis, the mean over all positions of all samples.
///
/// Bottoms: logits x (N, classes, ...) and targets q of the same shape, which get no gradient. No tops.
///
/// ```
/// use layers::prelude::*;
/// let loss = SoftlabelSoftmaxLoss::new("loss").bottoms(["ip2", "teacher"]);
/// assert_eq!((loss.axis, loss.weight), (1, 1.0));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SoftlabelSoftmaxLoss {
    /// Name and blobs.
    #[serde(flatten)]
    pub wiring: Wiring,
    /// The axis of the classes, counted from the batch axis, which is 0; 1 if not set.
    #[serde(default = "class_axis")]
    pub axis: usize,
    /// The factor on loss and gradient; 1 if not set.
    #[serde(default = "one")]
    pub weight: f64,
    /// What the sum over positions is divided by; all positions if not set.
    #[serde(default)]
    pub normalization: LossNormalization,
}

impl SoftlabelSoftmaxLoss {
    /// The loss with weight 1 and the classes along axis 1.
    pub fn new(name: impl Into<String>) -> Self {
        let (wiring, normalization) = (Wiring::named(name), LossNormalization::default());
        SoftlabelSoftmaxLoss { wiring, axis: class_axis(), weight: one(), normalization }
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

    /// Sets what the sum over positions is divided by.
    pub fn normalization(mut self, normalization: LossNormalization) -> Self {
        self.normalization = normalization;
        self
    }
}

impl Wired for SoftlabelSoftmaxLoss {
    fn wiring_mut(&mut self) -> &mut Wiring {
        &mut self.wiring
    }
}

impl Layer for SoftlabelSoftmaxLoss {
    fn kind(&self) -> &'static str {
        "SoftlabelSoftmaxLoss"
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
        let (logits, targets) = (setup.bottom(0).clone(), setup.bottom(1).data.clone());
        let shape = logits.data.shape();
        check_class_axis(self.axis, shape)?;
        if targets.shape() != shape {
            return Err(Error::Value {
                what: "the shape of the targets".into(),
                found: targets.shape().to_string(),
                expected: format!("{shape}, as the logits have"),
            });
        }
        let prob = setup.alloc(shape, Role::Data)?;
        let result = setup.alloc(Shape::new(&[1])?, Role::Param)?;
        Ok(Box::new(State { layer: self.clone(), logits, targets, prob, result, loss: None }))
    }
}

impl Examples for SoftlabelSoftmaxLoss {
    fn examples() -> Vec<Example> {
        let example = |loss, shape: &[usize]| {
            let targets = ExampleBottom::Distributions(shape.into());
            Example::pair(loss, ExampleBottom::Numbers(shape.into()), targets)
        };
        let loss = || SoftlabelSoftmaxLoss::new("loss");
        vec![
            example(loss(), &[17, 5]),
            example(loss().weight(0.3), &[1, 3, 2, 4]),
            example(loss().axis(2).normalization(LossNormalization::BatchSize), &[2, 3, 4, 3]),
            example(loss().axis(3).normalization(LossNormalization::None), &[3, 1, 2, 2]),
        ]
    }
}

struct State {
    layer: SoftlabelSoftmaxLoss,
    logits: Blob,
    targets: Tensor,
    prob: Tensor,
    /// The sum of the losses, as the kernel leaves it.
    result: Tensor,
    loss: Option<f64>,
}

impl State {
    /// The factor on the sum, and on each position's gradient.
    fn scale(&self, samples: usize) -> f64 {
        let shape = self.logits.data.shape();
        let positions = shape.sample_len() / shape.axis(self.layer.axis).max(1);
        self.layer.weight / self.layer.normalization.divisor(samples, positions, (samples * positions) as f64)
    }
}

impl LayerState for State {
    fn forward(&mut self, pass: &mut Pass<'_>) -> Result<()> {
        self.loss = None;
        let samples = pass.samples_of(self.targets.shape());
        let operands = (&self.logits.data, &self.targets);
        kernels::softlabel_loss_forward(pass.backend, self.layer.axis, samples, operands, &self.prob, &self.result)?;
        let mut result = [0.0];
        self.result.read_into(&mut result)?;
        self.loss = Some(result[0] * self.scale(samples));
        Ok(())
    }

    fn backward(&mut self, pass: &Pass<'_>) -> Result<()> {
        let Some(dx) = &self.logits.diff else { return Ok(()) };
        let samples = pass.samples_of(self.targets.shape());
        let (scale, operands) = (self.scale(samples), (&self.prob, &self.targets));
        Ok(kernels::softlabel_loss_backward(pass.backend, self.layer.axis, samples, scale, operands, dx)?)
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
