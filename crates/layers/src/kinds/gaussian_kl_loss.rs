//! How far normal distributions are from the standard one: the loss on the code of a variational autoencoder.
//!
//! Mocha: `src/layers/gaussian-kl-loss.jl`; Kingma and Welling 2014, appendix B.

use super::pair_loss::{PairLossSpec, PairLossState};
use crate::{Arity, Count, Example, ExampleBottom, Examples, Layer, LayerState, Result, Setup, Wired, Wiring};
use core_tensor::ops::PairLoss;
use serde::{Deserialize, Serialize};

/// `(mu^2 + sigma^2 - log sigma^2 - 1) / 2`, the Kullback-Leibler divergence of the normal distribution with mean mu and standard
/// deviation sigma from the one with 0 and 1; summed over the elements of each sample, the mean over the samples.
///
/// Bottoms: mu and sigma of the same shape; both get a gradient if they want one. No tops. A sigma that is not positive is an
/// error that names the sample. Statistic: `<name>-encoder-loss`.
///
/// ```
/// use layers::prelude::*;
/// let loss = GaussianKLLoss::new("code-loss").bottoms(["mu", "sigma"]);
/// assert_eq!(loss.weight, 1.0);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GaussianKLLoss {
    /// Name and blobs.
    #[serde(flatten)]
    pub wiring: Wiring,
    /// The factor on loss and gradients; 1 if not set.
    #[serde(default = "one")]
    pub weight: f64,
}

impl GaussianKLLoss {
    /// The loss with weight 1.
    pub fn new(name: impl Into<String>) -> Self {
        GaussianKLLoss { wiring: Wiring::named(name), weight: one() }
    }

    /// Sets the factor on loss and gradients.
    pub fn weight(mut self, weight: f64) -> Self {
        self.weight = weight;
        self
    }
}

impl Wired for GaussianKLLoss {
    fn wiring_mut(&mut self) -> &mut Wiring {
        &mut self.wiring
    }
}

impl Layer for GaussianKLLoss {
    fn kind(&self) -> &'static str {
        "GaussianKLLoss"
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
        let (loss, quantity) = (PairLoss::GaussianKl, "encoder-loss");
        let spec = PairLossSpec { loss, name: self.wiring.name.clone(), quantity, weight: self.weight };
        PairLossState::setup(setup, spec)
    }
}

impl Examples for GaussianKLLoss {
    fn examples() -> Vec<Example> {
        let example = |weight: f64, shape: &[usize]| {
            let first = ExampleBottom::Numbers(shape.into());
            let second = ExampleBottom::Between { shape: shape.into(), low: 0.3, high: 3.0 };
            Example::pair(GaussianKLLoss::new("loss").weight(weight), first, second)
        };
        vec![example(1.0, &[17, 2, 3]), example(0.3, &[1, 5]), example(2.0, &[3, 1, 2, 2])]
    }
}

fn one() -> f64 {
    1.0
}
