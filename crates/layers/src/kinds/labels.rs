//! Checks that layers with a class axis and a label blob share, and the words for a bad label.

use crate::{Error, Result};
use core_tensor::{Shape, Tensor};

/// The weight of a loss: a number from 0 up.
pub(super) fn check_weight(weight: f64) -> Result<()> {
    if weight.is_finite() && weight >= 0.0 {
        return Ok(());
    }
    Err(Error::Value {
        what: "the loss weight".into(),
        found: weight.to_string(),
        expected: "a number from 0 up".into(),
    })
}

/// The class axis must exist and not be the batch.
pub(super) fn check_class_axis(axis: usize, shape: Shape) -> Result<()> {
    check_axis("the class axis", axis, shape)
}

/// An axis must exist and not be the batch.
pub(super) fn check_axis(what: &str, axis: usize, shape: Shape) -> Result<()> {
    if axis >= 1 && axis < shape.rank() {
        return Ok(());
    }
    Err(Error::Value {
        what: what.into(),
        found: format!("{axis} for a bottom of shape {shape}"),
        expected: format!("from 1 to {}; axis 0 is the batch", shape.rank().saturating_sub(1)),
    })
}

/// A label blob has the prediction's shape with one element along the class axis, or without that axis.
pub(super) fn check_label_shape(axis: usize, predictions: Shape, labels: Shape) -> Result<()> {
    let (before, _, after) = predictions.around(axis);
    if labels.batch() == predictions.batch() && labels.len() == before * after {
        return Ok(());
    }
    Err(Error::Value {
        what: "the shape of the label blob".into(),
        found: labels.to_string(),
        expected: format!(
            "{} for predictions of shape {predictions}, since a label is the number of a class; `Argmax` makes numbers of \
             vectors",
            predictions.with_axis(axis, 1)?
        ),
    })
}

/// Looks for the label that a kernel has complained of, and words the error.
pub(super) fn bad_label(labels: &Tensor, samples: usize, classes: usize) -> Error {
    bad_label_but(labels, samples, classes, None)
}

/// As [`bad_label`], where one label that is no class index is allowed.
pub(super) fn bad_label_but(labels: &Tensor, samples: usize, classes: usize, ignored: Option<f64>) -> Error {
    let values: Vec<f64> = match labels.read() {
        Ok(values) => values,
        Err(error) => return error.into(),
    };
    let per_sample = labels.shape().sample_len();
    let is_bad =
        |label: &f64| Some(*label) != ignored && !(label.fract() == 0.0 && *label >= 0.0 && *label < classes as f64);
    let found = values.iter().take(samples * per_sample).position(is_bad);
    let (sample, label) = found.map_or((0, f64::NAN), |i| (i / per_sample.max(1), values[i]));
    Error::Value {
        what: format!("the label of sample {sample} of the batch"),
        found: label.to_string(),
        expected: format!(
            "a class index, a whole number from 0 to {}, since there are {classes} classes{}",
            classes - 1,
            ignored.map_or(String::new(), |ignored| format!("; or {ignored}, which is ignored"))
        ),
    }
}
