//! Cross entropy of independent probabilities that are given as logits.
//!
//! Caffe: `src/caffe/layers/sigmoid_cross_entropy_loss_layer.cpp`, whose default normalization, by the batch, is the one here;
//! Mocha has no such layer.

use super::pair_loss::{PairLossSpec, PairLossState};
use crate::{Arity, Count, Example, ExampleBottom, Examples, Layer, LayerState, Result, Setup, Wired, Wiring};
use core_tensor::ops::PairLoss;
use serde::{Deserialize, Serialize};

/// The binary cross entropy of `sigmoid(a)` and b, summed over the elements of each sample, the mean over the samples.
///
/// Bottoms: logits a of any size and targets b from 0 to 1, of the same shape; both get a gradient if they want one. No tops.
/// Statistic: `<name>-sigmoid-cross-entropy-loss`.
///
/// ```
/// use layers::prelude::*;
/// let loss = SigmoidCrossEntropyLoss::new("loss").bottoms(["ip2", "target"]);
/// assert_eq!(loss.weight, 1.0);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SigmoidCrossEntropyLoss {
    /// Name and blobs.
    #[serde(flatten)]
    pub wiring: Wiring,
    /// The factor on loss and gradients; 1 if not set.
    #[serde(default = "one")]
    pub weight: f64,
}

impl SigmoidCrossEntropyLoss {
    /// The loss with weight 1.
    pub fn new(name: impl Into<String>) -> Self {
        SigmoidCrossEntropyLoss { wiring: Wiring::named(name), weight: one() }
    }

    /// Sets the factor on loss and gradients.
    pub fn weight(mut self, weight: f64) -> Self {
        self.weight = weight;
        self
    }
}

impl Wired for SigmoidCrossEntropyLoss {
    fn wiring_mut(&mut self) -> &mut Wiring {
        &mut self.wiring
    }
}

impl Layer for SigmoidCrossEntropyLoss {
    fn kind(&self) -> &'static str {
        "SigmoidCrossEntropyLoss"
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

    fn setup(&self, setup: &mut Setup<'_>) -> Result<Box<dyn LayerState>> {
        let (loss, quantity) = (PairLoss::SigmoidCrossEntropy, "sigmoid-cross-entropy-loss");
        let spec = PairLossSpec { loss, name: self.wiring.name.clone(), quantity, weight: self.weight };
        PairLossState::setup(setup, spec)
    }
}

impl Examples for SigmoidCrossEntropyLoss {
    fn examples() -> Vec<Example> {
        let example = |weight: f64, shape: &[usize]| {
            let first = ExampleBottom::Numbers(shape.into());
            let second = ExampleBottom::Between { shape: shape.into(), low: 0.0, high: 1.0 };
            Example::pair(SigmoidCrossEntropyLoss::new("loss").weight(weight), first, second)
        };
        vec![example(1.0, &[17, 2, 3]), example(0.3, &[1, 5]), example(2.0, &[3, 1, 2, 2])]
    }
}

fn one() -> f64 {
    1.0
}
