//! The share of predictions that are right.
//!
//! Mocha: `src/layers/accuracy.jl`, from which the text comes; Caffe: `src/caffe/layers/accuracy_layer.cpp`.

use super::{
    labels::{bad_label, check_class_axis, check_label_shape},
    tally::Tally,
};
use crate::{Arity, Count, Error, Example, Examples, Layer, LayerState, Pass, Result, Setup, Statistic, Wired, Wiring};
use core_tensor::{Role, Shape, Tensor, ops::kernels};
use serde::{Deserialize, Serialize};
use std::any::Any;

/// How often the value at the label's index is the largest along the class axis, or with `top_k` among that many largest,
/// over all positions of all samples since the statistics were reset. Of equal values the first counts as larger.
///
/// Bottoms: predictions (N, classes, ...), logits or probabilities, and labels (N, 1, ...) holding class indices from 0. No
/// tops. Statistics: `<name>-accuracy`, and with `report_error` also `<name>-error`, both from 0 to 1.
///
/// ```
/// use layers::prelude::*;
/// let accuracy = Accuracy::new("test-accuracy").bottoms(["ip2", "label"]);
/// assert!(!accuracy.report_error);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Accuracy {
    /// Name and blobs.
    #[serde(flatten)]
    pub wiring: Wiring,
    /// The axis of the classes, counted from the batch axis, which is 0; 1 if not set.
    #[serde(default = "class_axis")]
    pub axis: usize,
    /// Whether to report the error rate too; no if not set.
    #[serde(default)]
    pub report_error: bool,
    /// How many of the largest values may be the label's; 1 if not set, 5 is usual for ImageNet.
    #[serde(default = "one")]
    pub top_k: usize,
}

impl Accuracy {
    /// Accuracy with the classes along axis 1.
    pub fn new(name: impl Into<String>) -> Self {
        Accuracy { wiring: Wiring::named(name), axis: class_axis(), report_error: false, top_k: one() }
    }

    /// Sets the axis of the classes.
    pub fn axis(mut self, axis: usize) -> Self {
        self.axis = axis;
        self
    }

    /// Sets whether to report the error rate too.
    pub fn report_error(mut self, report_error: bool) -> Self {
        self.report_error = report_error;
        self
    }

    /// Sets how many of the largest values may be the label's.
    pub fn top_k(mut self, top_k: usize) -> Self {
        self.top_k = top_k;
        self
    }
}

impl Wired for Accuracy {
    fn wiring_mut(&mut self) -> &mut Wiring {
        &mut self.wiring
    }
}

impl Layer for Accuracy {
    fn kind(&self) -> &'static str {
        "Accuracy"
    }

    fn wiring(&self) -> &Wiring {
        &self.wiring
    }

    fn arity(&self) -> Arity {
        Arity { bottoms: Count::Exactly(2), tops: Count::Exactly(0) }
    }

    fn can_backward(&self) -> bool {
        false
    }

    fn setup(&self, setup: &mut Setup<'_>) -> Result<Box<dyn LayerState>> {
        let (predictions, labels) = (setup.bottom(0).data.clone(), setup.bottom(1).data.clone());
        check_class_axis(self.axis, predictions.shape())?;
        let classes = predictions.shape().axis(self.axis);
        if !(1..=classes).contains(&self.top_k) {
            let (what, found) = ("top_k".into(), self.top_k.to_string());
            return Err(Error::Value { what, found, expected: format!("from 1 to {classes}, the number of classes") });
        }
        check_label_shape(self.axis, predictions.shape(), labels.shape())?;
        let result = setup.alloc(Shape::new(&[2])?, Role::Param)?;
        Ok(Box::new(State { layer: self.clone(), predictions, labels, result, tally: Tally::default() }))
    }
}

impl Examples for Accuracy {
    fn examples() -> Vec<Example> {
        vec![
            Example::labelled(Accuracy::new("accuracy"), 1, &[17, 5]),
            Example::labelled(Accuracy::new("accuracy").axis(2).report_error(true), 2, &[3, 2, 4, 3]),
            Example::labelled(Accuracy::new("accuracy").top_k(3), 1, &[33, 7]),
        ]
    }
}

struct State {
    layer: Accuracy,
    predictions: Tensor,
    labels: Tensor,
    /// The number of right predictions and of bad labels, as the kernel leaves them.
    result: Tensor,
    tally: Tally,
}

impl LayerState for State {
    fn forward(&mut self, pass: &mut Pass<'_>) -> Result<()> {
        let samples = pass.samples_of(self.labels.shape());
        let (Accuracy { axis, top_k, .. }, x, labels) = (&self.layer, &self.predictions, &self.labels);
        kernels::accuracy(pass.backend, *axis, *top_k, samples, x, labels, &self.result)?;
        let mut result = [0.0; 2];
        self.result.read_into(&mut result)?;
        if result[1] != 0.0 {
            return Err(bad_label(labels, samples, x.shape().axis(*axis)));
        }
        self.tally.right += result[0] as u64;
        self.tally.total += (samples * labels.shape().sample_len()) as u64;
        Ok(())
    }

    fn statistics(&self) -> Vec<Statistic> {
        let title =
            if self.layer.top_k == 1 { "Accuracy".into() } else { format!("Top-{} accuracy", self.layer.top_k) };
        self.tally.statistics(&self.layer.wiring.name, &title, self.layer.report_error)
    }

    fn reset_statistics(&mut self) {
        self.tally = Tally::default();
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

fn class_axis() -> usize {
    1
}

fn one() -> usize {
    1
}
