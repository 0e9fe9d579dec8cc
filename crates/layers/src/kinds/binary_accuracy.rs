//! The share of yes-or-no predictions that are right.
//!
//! Mocha: `src/layers/binary-accuracy.jl`. The comparison is made on the host: the layer stands in validation nets, and reading
//! a batch of predictions costs less than a kernel for each backend would.

use super::tally::Tally;
use crate::{
    Arity, Count, Error, Example, ExampleBottom, Examples, Layer, LayerState, Pass, Result, Setup, Statistic, Wired,
    Wiring,
};
use core_tensor::Tensor;
use serde::{Deserialize, Serialize};
use std::any::Any;

/// How often prediction and label lie on the same side of the threshold, over all elements of all samples since the statistics
/// were reset.
///
/// Bottoms: predictions and labels of the same shape; labels 0 and 1 with the threshold 0.5 and probabilities, or -1 and 1 with
/// the threshold 0. No tops. Statistics: `<name>-accuracy`, and with `report_error` also `<name>-error`, both from 0 to 1.
///
/// ```
/// use layers::prelude::*;
/// let accuracy = BinaryAccuracy::new("accuracy").threshold(0.5).bottoms(["prob", "label"]);
/// assert!(!accuracy.report_error);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BinaryAccuracy {
    /// Name and blobs.
    #[serde(flatten)]
    pub wiring: Wiring,
    /// What separates yes (above) from no; 0 if not set.
    #[serde(default)]
    pub threshold: f64,
    /// Whether to report the error rate too; no if not set.
    #[serde(default)]
    pub report_error: bool,
}

impl BinaryAccuracy {
    /// Accuracy with the threshold 0.
    pub fn new(name: impl Into<String>) -> Self {
        BinaryAccuracy { wiring: Wiring::named(name), threshold: 0.0, report_error: false }
    }

    /// Sets what separates yes from no.
    pub fn threshold(mut self, threshold: f64) -> Self {
        self.threshold = threshold;
        self
    }

    /// Sets whether to report the error rate too.
    pub fn report_error(mut self, report_error: bool) -> Self {
        self.report_error = report_error;
        self
    }
}

impl Wired for BinaryAccuracy {
    fn wiring_mut(&mut self) -> &mut Wiring {
        &mut self.wiring
    }
}

impl Layer for BinaryAccuracy {
    fn kind(&self) -> &'static str {
        "BinaryAccuracy"
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
        let bottoms = [0, 1].map(|i| setup.bottom(i).data.clone());
        let [expected, found] = bottoms.each_ref().map(Tensor::shape);
        if !self.threshold.is_finite() {
            return Err(Error::Value {
                what: "the threshold".into(),
                found: self.threshold.to_string(),
                expected: "a finite number".into(),
            });
        }
        if found.batch() != expected.batch() || found.len() != expected.len() {
            return Err(Error::Value {
                what: "the shape of the labels".into(),
                found: found.to_string(),
                expected: format!("{expected}, as the predictions have"),
            });
        }
        let host = [vec![0.0; expected.len()], vec![0.0; expected.len()]];
        Ok(Box::new(State { layer: self.clone(), bottoms, host, tally: Tally::default() }))
    }
}

impl Examples for BinaryAccuracy {
    fn examples() -> Vec<Example> {
        let example = |layer, shape: &[usize]| {
            let [predictions, labels] = [0; 2].map(|_| ExampleBottom::Numbers(shape.into()));
            Example::pair(layer, predictions, labels)
        };
        vec![
            example(BinaryAccuracy::new("accuracy"), &[17, 2, 3]),
            example(BinaryAccuracy::new("accuracy").threshold(0.5).report_error(true), &[1, 5]),
        ]
    }
}

struct State {
    layer: BinaryAccuracy,
    /// Predictions and labels.
    bottoms: [Tensor; 2],
    /// Room for both on the host.
    host: [Vec<f64>; 2],
    tally: Tally,
}

impl State {
    fn is_yes(&self, value: f64) -> bool {
        value > self.layer.threshold
    }
}

impl LayerState for State {
    fn forward(&mut self, pass: &mut Pass<'_>) -> Result<()> {
        for (bottom, host) in self.bottoms.iter().zip(&mut self.host) {
            bottom.read_into(host)?;
        }
        let shape = self.bottoms[0].shape();
        let (samples, features) = (pass.samples_of(shape), shape.sample_len());
        let [predictions, labels] = &self.host;
        if let Some(bad) = labels[..samples * features].iter().position(|label| label.is_nan()) {
            return Err(Error::Value {
                what: format!("a label of sample {} of the batch", bad / features),
                found: "NaN".into(),
                expected: "a number above the threshold for yes, or another one for no".into(),
            });
        }
        let pairs = predictions.iter().zip(labels).take(samples * features);
        // A prediction that is no number is wrong whatever the label.
        let right = pairs.filter(|(p, label)| !p.is_nan() && self.is_yes(**p) == self.is_yes(**label)).count();
        self.tally.right += right as u64;
        self.tally.total += (samples * features) as u64;
        Ok(())
    }

    fn statistics(&self) -> Vec<Statistic> {
        self.tally.statistics(&self.layer.wiring.name, "Accuracy", self.layer.report_error)
    }

    fn reset_statistics(&mut self) {
        self.tally = Tally::default();
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}
