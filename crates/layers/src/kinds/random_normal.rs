//! Normally distributed noise.
//!
//! Mocha: `src/layers/random-normal.jl`. Drawn on the host from the layer's named stream, whose position is in the snapshot: the
//! noise of a variational autoencoder's code is a few thousand numbers, for which no kernel was worth writing.

use crate::{Arity, Count, Error, Example, Examples, Layer, LayerState, Pass, Result, Setup, Wired, Wiring};
use core_tensor::{RngState, RngStream, Shape, Tensor};
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};
use std::any::Any;

/// Fills each top with new numbers of mean 0 and standard deviation 1 in each forward pass.
///
/// No bottoms. Tops have the shapes given, the batch included. The numbers are a function of the net's seed, the layer's name and
/// the number of the pass. The layer has no epochs.
///
/// ```
/// use layers::prelude::*;
/// let noise = RandomNormal::new("noise").output("epsilon", [100, 50]);
/// assert_eq!(noise.shapes, [[100, 50]]);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RandomNormal {
    /// Name and blobs.
    #[serde(flatten)]
    pub wiring: Wiring,
    /// Each top's shape, the batch first; in the order of the tops.
    pub shapes: Vec<Vec<usize>>,
}

impl RandomNormal {
    /// A layer without tops yet.
    pub fn new(name: impl Into<String>) -> Self {
        RandomNormal { wiring: Wiring::named(name), shapes: Vec::new() }
    }

    /// Adds a top of this shape, the batch first.
    pub fn output(mut self, top: impl Into<String>, shape: impl Into<Vec<usize>>) -> Self {
        self.wiring.tops.push(top.into());
        self.shapes.push(shape.into());
        self
    }
}

impl Wired for RandomNormal {
    fn wiring_mut(&mut self) -> &mut Wiring {
        &mut self.wiring
    }
}

impl Layer for RandomNormal {
    fn kind(&self) -> &'static str {
        "RandomNormal"
    }

    fn wiring(&self) -> &Wiring {
        &self.wiring
    }

    fn arity(&self) -> Arity {
        Arity { bottoms: Count::Exactly(0), tops: Count::AtLeast(1) }
    }

    fn can_backward(&self) -> bool {
        false
    }

    fn setup(&self, setup: &mut Setup<'_>) -> Result<Box<dyn LayerState>> {
        if self.shapes.len() != self.wiring.tops.len() {
            return Err(Error::Value {
                what: "the number of shapes".into(),
                found: self.shapes.len().to_string(),
                expected: format!("{}, one for each top", self.wiring.tops.len()),
            });
        }
        let mut tops = Vec::with_capacity(self.shapes.len());
        for sizes in &self.shapes {
            tops.push(setup.add_top(Shape::new(sizes)?)?.data);
        }
        let largest = tops.iter().map(|top| top.shape().len()).max().unwrap_or(0);
        Ok(Box::new(State { tops, rng: setup.rng("normal"), host: Vec::with_capacity(largest) }))
    }
}

impl Examples for RandomNormal {
    fn examples() -> Vec<Example> {
        let (one, noise) = (RandomNormal::new("noise").output("top0", [17, 3]), RandomNormal::new("noise"));
        let two = noise.output("top0", [1, 2, 3, 2]).output("top1", [4]);
        [one, two].map(|layer| Example { layer: layer.into(), bottoms: Vec::new(), owner: None }).into()
    }
}

struct State {
    tops: Vec<Tensor>,
    rng: RngStream,
    /// Room for the largest top.
    host: Vec<f64>,
}

impl LayerState for State {
    fn forward(&mut self, _: &mut Pass<'_>) -> Result<()> {
        for top in &self.tops {
            self.host.clear();
            let numbers = (0..top.shape().len()).map(|_| -> f64 { StandardNormal.sample(&mut self.rng) });
            self.host.extend(numbers);
            top.write(&self.host)?;
        }
        Ok(())
    }

    fn save(&self) -> Option<serde_json::Value> {
        serde_json::to_value(self.rng.state()).ok()
    }

    fn restore(&mut self, saved: &serde_json::Value) -> Result<()> {
        let state = RngState::deserialize(saved).map_err(|e| Error::Value {
            what: "the saved state of the layer's random stream".into(),
            found: format!("{saved} ({e})"),
            expected: "seed, stream and position".into(),
        })?;
        self.rng = RngStream::from_state(state);
        Ok(())
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}
