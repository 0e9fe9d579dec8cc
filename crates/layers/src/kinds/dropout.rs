//! Dropout (Srivastava et al. 2014).
//!
//! Mocha: `src/layers/dropout.jl`; Caffe: `src/caffe/layers/dropout_layer.cpp`. Both work in place on the bottom; here the
//! layer has a top of its own, so that whoever else reads the bottom sees what was computed. Mocha has no phases and leaves
//! the layer out of a test net; here the same description serves, since a net built for inference passes the bottom through.

use super::random_mask::{Masked, check_ratio};
use crate::{Arity, Count, Example, Examples, Layer, LayerState, Result, Setup, Wired, Wiring};
use serde::{Deserialize, Serialize};

/// Zeroes each element with probability `ratio` while training, and multiplies the others by `1 / (1 - ratio)`, so that the
/// expected value stays.
///
/// One bottom of any shape, one top of the same. In a net built for inference the top *is* the bottom and nothing is computed.
/// Each forward pass draws a new mask, which is a function of the net's seed, the layer's name, the number of the pass, and
/// the element's place: the same for any number of threads and on every backend. The number of passes is in the snapshot.
///
/// ```
/// use layers::prelude::*;
/// let drop = Dropout::new("drop1", 0.2).bottom("ip1").top("drop1");
/// assert!(drop.auto_scale);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dropout {
    /// Name and blobs.
    #[serde(flatten)]
    pub wiring: Wiring,
    /// The probability of being zeroed, at least 0 and less than 1; 0.5 if not set.
    #[serde(default = "half")]
    pub ratio: f64,
    /// Whether the elements that are kept are multiplied by `1 / (1 - ratio)`; yes if not set.
    #[serde(default = "yes")]
    pub auto_scale: bool,
}

impl Dropout {
    /// Zeroes each element with probability `ratio`.
    pub fn new(name: impl Into<String>, ratio: f64) -> Self {
        Dropout { wiring: Wiring::named(name), ratio, auto_scale: yes() }
    }

    /// Sets whether the elements that are kept are multiplied by `1 / (1 - ratio)`.
    pub fn auto_scale(mut self, auto_scale: bool) -> Self {
        self.auto_scale = auto_scale;
        self
    }
}

impl Wired for Dropout {
    fn wiring_mut(&mut self) -> &mut Wiring {
        &mut self.wiring
    }
}

impl Layer for Dropout {
    fn kind(&self) -> &'static str {
        "Dropout"
    }

    fn wiring(&self) -> &Wiring {
        &self.wiring
    }

    fn arity(&self) -> Arity {
        Arity { bottoms: Count::Exactly(1), tops: Count::Exactly(1) }
    }

    fn setup(&self, setup: &mut Setup<'_>) -> Result<Box<dyn LayerState>> {
        check_ratio(self.ratio)?;
        let scale = if self.auto_scale { 1.0 / (1.0 - self.ratio) } else { 1.0 };
        Masked::setup(setup, self.ratio, scale)
    }
}

impl Examples for Dropout {
    fn examples() -> Vec<Example> {
        let drop = |ratio| Dropout::new("drop", ratio);
        vec![
            Example::one_to_one(drop(0.5), &[17, 3, 2, 5]),
            Example::one_to_one(drop(0.9), &[1, 7]),
            Example::one_to_one(drop(0.2).auto_scale(false), &[33, 1]),
            Example::one_to_one(drop(0.0), &[2, 4]),
        ]
    }
}

fn half() -> f64 {
    0.5
}

fn yes() -> bool {
    true
}
