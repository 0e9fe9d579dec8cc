//! The hinge loss of binary classifiers.
//!
//! Mocha: `src/layers/hinge-loss.jl`, which forgets the weight in its CPU forward pass. Caffe's layer of this name is another
//! one, with class indices as labels.

use super::pair_loss::{PairLossSpec, PairLossState};
use crate::{Arity, Count, Example, ExampleBottom, Examples, Layer, LayerState, Result, Setup, Wired, Wiring};
use core_tensor::ops::PairLoss;
use serde::{Deserialize, Serialize};

/// `max(0, 1 - a b)`, summed over the elements of each sample, the mean over the samples.
///
/// Bottoms: predictions a and labels b, 1 or -1, of the same shape; both get a gradient if they want one. No tops. Statistic:
/// `<name>-hinge-loss`.
///
/// ```
/// use layers::prelude::*;
/// let loss = HingeLoss::new("loss").bottoms(["ip2", "sign"]);
/// assert_eq!(loss.weight, 1.0);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HingeLoss {
    /// Name and blobs.
    #[serde(flatten)]
    pub wiring: Wiring,
    /// The factor on loss and gradients; 1 if not set.
    #[serde(default = "one")]
    pub weight: f64,
}

impl HingeLoss {
    /// The loss with weight 1.
    pub fn new(name: impl Into<String>) -> Self {
        HingeLoss { wiring: Wiring::named(name), weight: one() }
    }

    /// Sets the factor on loss and gradients.
    pub fn weight(mut self, weight: f64) -> Self {
        self.weight = weight;
        self
    }
}

impl Wired for HingeLoss {
    fn wiring_mut(&mut self) -> &mut Wiring {
        &mut self.wiring
    }
}

impl Layer for HingeLoss {
    fn kind(&self) -> &'static str {
        "HingeLoss"
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
        let (loss, quantity) = (PairLoss::Hinge, "hinge-loss");
        let spec = PairLossSpec { loss, name: self.wiring.name.clone(), quantity, weight: self.weight };
        PairLossState::setup(setup, spec)
    }
}

impl Examples for HingeLoss {
    fn examples() -> Vec<Example> {
        let example = |weight: f64, shape: &[usize]| {
            let [first, second] = [0; 2].map(|_| ExampleBottom::Numbers(shape.into()));
            Example::pair(HingeLoss::new("loss").weight(weight), first, second)
        };
        vec![example(1.0, &[17, 2, 3]), example(0.3, &[1, 5]), example(2.0, &[3, 1, 2, 2])]
    }
}

fn one() -> f64 {
    1.0
}
