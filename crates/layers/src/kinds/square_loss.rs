//! Half the squared difference, the loss of regression.
//!
//! Mocha: `src/layers/square-loss.jl`; Caffe: `src/caffe/layers/euclidean_loss_layer.cpp`.

use super::pair_loss::{PairLossSpec, PairLossState};
use crate::{Arity, Count, Example, ExampleBottom, Examples, Layer, LayerState, Result, Setup, Wired, Wiring};
use core_tensor::ops::PairLoss;
use serde::{Deserialize, Serialize};

/// `(a - b)^2 / 2`, summed over the elements of each sample, the mean over the samples.
///
/// Bottoms: predictions and targets of the same shape, both of which get a gradient if they want one. No tops. Statistic:
/// `<name>-square-loss`, the mean over all samples since the statistics were reset.
///
/// ```
/// use layers::prelude::*;
/// let loss = SquareLoss::new("loss").bottoms(["ip2", "target"]);
/// assert_eq!(loss.weight, 1.0);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SquareLoss {
    /// Name and blobs.
    #[serde(flatten)]
    pub wiring: Wiring,
    /// The factor on loss and gradients; 1 if not set.
    #[serde(default = "one")]
    pub weight: f64,
}

impl SquareLoss {
    /// The loss with weight 1.
    pub fn new(name: impl Into<String>) -> Self {
        SquareLoss { wiring: Wiring::named(name), weight: one() }
    }

    /// Sets the factor on loss and gradients.
    pub fn weight(mut self, weight: f64) -> Self {
        self.weight = weight;
        self
    }
}

impl Wired for SquareLoss {
    fn wiring_mut(&mut self) -> &mut Wiring {
        &mut self.wiring
    }
}

impl Layer for SquareLoss {
    fn kind(&self) -> &'static str {
        "SquareLoss"
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
        let (loss, quantity) = (PairLoss::Square, "square-loss");
        let spec = PairLossSpec { loss, name: self.wiring.name.clone(), quantity, weight: self.weight };
        PairLossState::setup(setup, spec)
    }
}

impl Examples for SquareLoss {
    fn examples() -> Vec<Example> {
        let example = |weight: f64, shape: &[usize]| {
            let [first, second] = [0; 2].map(|_| ExampleBottom::Numbers(shape.into()));
            Example::pair(SquareLoss::new("loss").weight(weight), first, second)
        };
        vec![example(1.0, &[17, 2, 3]), example(0.3, &[1, 5]), example(2.0, &[3, 1, 2, 2])]
    }
}

fn one() -> f64 {
    1.0
}
