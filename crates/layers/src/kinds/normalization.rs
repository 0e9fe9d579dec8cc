//! How losses over classes become one number: what a sum is divided by, and how class weights are scaled.

use crate::{Error, Result};
use core_tensor::Shape;
use serde::{Deserialize, Serialize};

/// What the sum of the losses of all positions is divided by. Caffe: `LossParameter.NormalizationMode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LossNormalization {
    /// The positions that count, those with an ignored label left out.
    #[default]
    Valid,
    /// All positions, those with an ignored label too.
    Full,
    /// The samples.
    BatchSize,
    /// 1.
    None,
}

impl LossNormalization {
    /// The divisor, never 0.
    pub(super) fn divisor(self, samples: usize, positions_per_sample: usize, valid: f64) -> f64 {
        let divisor = match self {
            LossNormalization::Valid => valid,
            LossNormalization::Full => (samples * positions_per_sample) as f64,
            LossNormalization::BatchSize => samples as f64,
            LossNormalization::None => 1.0,
        };
        divisor.max(1.0)
    }
}

/// How class weights are scaled, so that a net with equal weights has the loss that it would have without. Mocha: the property
/// `normalize`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WeightNormalization {
    /// At each position the weights' mean over the classes is made 1.
    #[default]
    Local,
    /// The weights' mean over classes and positions is made 1.
    Global,
    /// The weights are taken as they are.
    No,
}

impl WeightNormalization {
    /// The weight of each element of a sample of predictions, from one weight for each class or for each element.
    pub(super) fn expand(self, weights: &[f64], axis: usize, predictions: Shape) -> Result<Vec<f64>> {
        let fail = |found: String, expected: String| {
            Err(Error::Value { what: "the list of class weights".into(), found, expected })
        };
        let (classes, elements) = (predictions.axis(axis), predictions.sample_len());
        let inner = predictions.around(axis).2;
        if let Some(bad) = weights.iter().find(|weight| !(weight.is_finite() && **weight >= 0.0)) {
            return fail(format!("not all valid: {bad} is among them"), "numbers from 0 up".into());
        }
        let mut expanded: Vec<f64> = if weights.len() == elements {
            weights.to_vec()
        } else if weights.len() == classes {
            (0..elements).map(|i| weights[i / inner % classes]).collect()
        } else {
            let mut expected = format!("{classes}, one for each class");
            if elements != classes {
                expected += &format!(", or {elements}, one for each element of a sample");
            }
            return fail(format!("{} numbers long", weights.len()), expected);
        };
        let positions: Vec<usize> = match self {
            // The first class of each position.
            WeightNormalization::Local => (0..elements).filter(|i| (i / inner).is_multiple_of(classes)).collect(),
            WeightNormalization::Global => vec![0],
            WeightNormalization::No => Vec::new(),
        };
        for first in positions {
            let (step, count) = if self == WeightNormalization::Local { (inner, classes) } else { (1, elements) };
            let places = (first..).step_by(step).take(count);
            let mean = places.clone().map(|i| expanded[i]).sum::<f64>() / count as f64;
            if mean == 0.0 {
                let expected = "at least one above 0 at each position, or `normalize` set to `no`".into();
                return fail("all 0 where they are made to have the mean 1".into(), expected);
            }
            places.for_each(|i| expanded[i] /= mean);
        }
        Ok(expanded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_scaled_as_asked_for() {
        let shape = Shape::new(&[9, 2, 3]).unwrap();
        let expand = |mode: WeightNormalization, weights: &[f64]| mode.expand(weights, 1, shape).unwrap();
        let (local, global, no) = (WeightNormalization::Local, WeightNormalization::Global, WeightNormalization::No);
        assert_eq!(expand(no, &[1.0, 3.0]), [1.0, 1.0, 1.0, 3.0, 3.0, 3.0]);
        assert_eq!(expand(local, &[1.0, 3.0]), [0.5, 0.5, 0.5, 1.5, 1.5, 1.5]);
        assert_eq!(expand(global, &[1.0, 3.0]), [0.5, 0.5, 0.5, 1.5, 1.5, 1.5]);
        let each = [1.0, 2.0, 3.0, 3.0, 2.0, 1.0];
        assert_eq!(expand(no, &each), each);
        assert_eq!(expand(local, &each), [0.5, 1.0, 1.5, 1.5, 1.0, 0.5]);
        assert_eq!(expand(global, &[1.0, 1.0, 1.0, 1.0, 1.0, 7.0]), [0.5, 0.5, 0.5, 0.5, 0.5, 3.5]);
        for (weights, part) in [
            (&[1.0, 1.0, 1.0][..], "is 3 numbers long; expected 2, one for each class, or 6, one for each element"),
            (&[1.0, -1.0], "is not all valid: -1 is among them"),
            (&[0.0, 1.0, 1.0, 0.0, 1.0, 1.0], "all 0 where they are made to have the mean 1"),
        ] {
            let text = local.expand(weights, 1, shape).unwrap_err().to_string();
            assert!(text.contains(part), "{text}");
        }
    }
}
