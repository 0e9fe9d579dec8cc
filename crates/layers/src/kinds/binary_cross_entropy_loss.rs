//! Cross entropy of independent probabilities.
//!
//! Mocha: `src/layers/binary-cross-entropy-loss.jl`, where a probability of 0 or 1 makes NaN, and where the targets get a
//! gradient only if the predictions do. Here logarithms are cut off at 1e-20, as those of `SoftmaxLoss`, and both get theirs.

use super::pair_loss::{PairLossSpec, PairLossState};
use crate::{Arity, Count, Example, ExampleBottom, Examples, Layer, LayerState, Result, Setup, Wired, Wiring};
use core_tensor::ops::PairLoss;
use serde::{Deserialize, Serialize};

/// `-b log a - (1 - b) log(1 - a)`, summed over the elements of each sample, the mean over the samples.
///
/// Bottoms: probabilities a and targets b of the same shape, from 0 to 1; both get a gradient if they want one. No tops. A
/// prediction below 0 or above 1 is an error that names the sample. Statistic: `<name>-binary-cross-entropy-loss`.
/// [`SigmoidCrossEntropyLoss`](crate::SigmoidCrossEntropyLoss) takes logits and is exact where a sigmoid has rounded to 0 or 1.
///
/// ```
/// use layers::prelude::*;
/// let loss = BinaryCrossEntropyLoss::new("loss").bottoms(["reconstruction", "data"]);
/// assert_eq!(loss.weight, 1.0);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BinaryCrossEntropyLoss {
    /// Name and blobs.
    #[serde(flatten)]
    pub wiring: Wiring,
    /// The factor on loss and gradients; 1 if not set.
    #[serde(default = "one")]
    pub weight: f64,
}

impl BinaryCrossEntropyLoss {
    /// The loss with weight 1.
    pub fn new(name: impl Into<String>) -> Self {
        BinaryCrossEntropyLoss { wiring: Wiring::named(name), weight: one() }
    }

    /// Sets the factor on loss and gradients.
    pub fn weight(mut self, weight: f64) -> Self {
        self.weight = weight;
        self
    }
}

impl Wired for BinaryCrossEntropyLoss {
    fn wiring_mut(&mut self) -> &mut Wiring {
        &mut self.wiring
    }
}

impl Layer for BinaryCrossEntropyLoss {
    fn kind(&self) -> &'static str {
        "BinaryCrossEntropyLoss"
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
        let (loss, quantity) = (PairLoss::BinaryCrossEntropy, "binary-cross-entropy-loss");
        let spec = PairLossSpec { loss, name: self.wiring.name.clone(), quantity, weight: self.weight };
        PairLossState::setup(setup, spec)
    }
}

impl Examples for BinaryCrossEntropyLoss {
    fn examples() -> Vec<Example> {
        let example = |weight: f64, shape: &[usize]| {
            let [first, second] = [0; 2].map(|_| ExampleBottom::Between { shape: shape.into(), low: 0.05, high: 0.95 });
            Example::pair(BinaryCrossEntropyLoss::new("loss").weight(weight), first, second)
        };
        vec![example(1.0, &[17, 2, 3]), example(0.3, &[1, 5]), example(2.0, &[3, 1, 2, 2])]
    }
}

fn one() -> f64 {
    1.0
}
