//! Damaging data on purpose, as a denoising autoencoder needs it (Vincent et al. 2008); and what dropout shares with it.
//!
//! Mocha: `src/layers/random-mask.jl`, a dropout without rescaling for each blob. In place there, with tops of its own here.

use super::draws::Draws;
use crate::{
    Arity, Blob, Count, Error, Example, ExampleBottom, Examples, Layer, LayerState, Pass, Result, Setup, Wired, Wiring,
};
use core_tensor::{
    Tensor,
    ops::kernels::{self, dropout},
};
use serde::{Deserialize, Serialize};
use std::any::Any;

/// Zeroes each element of each bottom with probability `ratio` while training, and leaves the others as they are.
///
/// Bottoms of any shapes, as many tops of the same. In a net built for inference the tops *are* the bottoms. Masks are drawn as
/// [`Dropout`](crate::Dropout) draws them.
///
/// ```
/// use layers::prelude::*;
/// let corrupt = RandomMask::new("corrupt", 0.3).bottom("data").top("corrupted");
/// assert_eq!(corrupt.ratio, 0.3);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RandomMask {
    /// Name and blobs.
    #[serde(flatten)]
    pub wiring: Wiring,
    /// The probability of being zeroed, at least 0 and less than 1; 0.5 if not set.
    #[serde(default = "half")]
    pub ratio: f64,
}

impl RandomMask {
    /// Zeroes each element with probability `ratio`.
    pub fn new(name: impl Into<String>, ratio: f64) -> Self {
        RandomMask { wiring: Wiring::named(name), ratio }
    }
}

impl Wired for RandomMask {
    fn wiring_mut(&mut self) -> &mut Wiring {
        &mut self.wiring
    }
}

impl Layer for RandomMask {
    fn kind(&self) -> &'static str {
        "RandomMask"
    }

    fn wiring(&self) -> &Wiring {
        &self.wiring
    }

    fn arity(&self) -> Arity {
        Arity { bottoms: Count::AtLeast(1), tops: Count::SameAsBottoms }
    }

    fn setup(&self, setup: &mut Setup<'_>) -> Result<Box<dyn LayerState>> {
        check_ratio(self.ratio)?;
        Masked::setup(setup, self.ratio, 1.0)
    }
}

impl Examples for RandomMask {
    fn examples() -> Vec<Example> {
        let mask = |ratio| RandomMask::new("mask", ratio);
        let two = vec![ExampleBottom::Numbers(vec![2, 7]), ExampleBottom::Numbers(vec![17, 3, 2])];
        vec![Example::one_to_one(mask(0.5), &[1, 2, 5, 3]), Example::new(mask(0.3), two, 2)]
    }
}

/// The state of `Dropout` and `RandomMask`.
pub(super) struct Masked {
    /// The bottoms and tops; none in a net built for inference, where a top is its bottom.
    branches: Vec<(Blob, Blob)>,
    ratio: f64,
    scale: f64,
    /// A draw for each bottom in each forward pass.
    draws: Draws,
}

impl Masked {
    pub(super) fn setup(setup: &mut Setup<'_>, ratio: f64, scale: f64) -> Result<Box<dyn LayerState>> {
        let mut branches = Vec::new();
        for bottom in setup.bottoms().to_vec() {
            if setup.is_training() {
                let top = setup.add_top(bottom.data.shape())?;
                branches.push((bottom, top));
            } else {
                setup.add_top_sharing(bottom)?;
            }
        }
        let draws = Draws::new(setup, "mask");
        Ok(Box::new(Masked { branches, ratio, scale, draws }))
    }

    /// Applies mask number `draw`.
    fn apply(&self, pass: &Pass<'_>, draw: u64, from: &Tensor, to: &Tensor) -> Result<()> {
        let mask = kernels::RandomMask { stream: self.draws.stream, draw, ratio: self.ratio };
        Ok(dropout(pass.backend, &mask, self.scale, from, to)?)
    }
}

impl LayerState for Masked {
    fn forward(&mut self, pass: &mut Pass<'_>) -> Result<()> {
        for ((bottom, top), draw) in self.branches.iter().zip(self.draws.count..) {
            self.apply(pass, draw, &bottom.data, &top.data)?;
        }
        self.draws.count += self.branches.len() as u64;
        Ok(())
    }

    fn backward(&mut self, pass: &Pass<'_>) -> Result<()> {
        // The masks of the forward pass, drawn again.
        let first = self.draws.count.saturating_sub(self.branches.len() as u64);
        for ((bottom, top), draw) in self.branches.iter().zip(first..) {
            let (Some(dy), Some(dx)) = (&top.diff, &bottom.diff) else { continue };
            self.apply(pass, draw, dy, dx)?;
        }
        Ok(())
    }

    fn save(&self) -> Option<serde_json::Value> {
        (!self.branches.is_empty()).then(|| self.draws.save())
    }

    fn restore(&mut self, saved: &serde_json::Value) -> Result<()> {
        self.draws.restore(saved)
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

pub(super) fn check_ratio(ratio: f64) -> Result<()> {
    if (0.0..1.0).contains(&ratio) {
        return Ok(());
    }
    Err(Error::Value {
        what: "the ratio, the probability of being zeroed,".into(),
        found: ratio.to_string(),
        expected: "at least 0 and less than 1".into(),
    })
}

fn half() -> f64 {
    0.5
}
