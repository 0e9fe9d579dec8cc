//! Samples in another shape. Mocha: `src/layers/reshape.jl`; Caffe: `src/caffe/layers/reshape_layer.cpp`.

use super::sharing::Shared;
use crate::{Arity, Count, Error, Example, ExampleBottom, Examples, Layer, LayerState, Result, Setup, Wired, Wiring};
use core_tensor::Shape;
use serde::{Deserialize, Serialize};

/// Gives each sample another shape of as many elements; row-major order stays. The batch axis cannot be changed.
///
/// Bottoms (N, ...), as many tops (N, shape...). Data and gradient are the bottom's own, nothing is copied.
///
/// ```
/// use layers::prelude::*;
/// let image = Reshape::new("image", [1, 28, 28]).bottom("ip3").top("image");
/// assert_eq!(image.shape, [1, 28, 28]);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reshape {
    /// Name and blobs.
    #[serde(flatten)]
    pub wiring: Wiring,
    /// The shape of a sample, without the batch axis.
    pub shape: Vec<usize>,
}

impl Reshape {
    /// Gives each sample this shape; the batch axis is left out.
    pub fn new(name: impl Into<String>, shape: impl Into<Vec<usize>>) -> Self {
        Reshape { wiring: Wiring::named(name), shape: shape.into() }
    }

    fn shape_of(&self, bottom: Shape) -> Result<Shape> {
        let sizes: Vec<usize> = [bottom.batch()].into_iter().chain(self.shape.iter().copied()).collect();
        let shape = Shape::new(&sizes)?;
        if shape.len() == bottom.len() {
            return Ok(shape);
        }
        Err(Error::Value {
            what: "the shape of a sample".into(),
            found: format!("{:?} with {} elements", self.shape, shape.sample_len()),
            expected: format!("{} elements, as a sample of the bottom of shape {bottom} has", bottom.sample_len()),
        })
    }
}

impl Wired for Reshape {
    fn wiring_mut(&mut self) -> &mut Wiring {
        &mut self.wiring
    }
}

impl Layer for Reshape {
    fn kind(&self) -> &'static str {
        "Reshape"
    }

    fn wiring(&self) -> &Wiring {
        &self.wiring
    }

    fn arity(&self) -> Arity {
        Arity { bottoms: Count::AtLeast(1), tops: Count::SameAsBottoms }
    }

    fn setup(&self, setup: &mut Setup<'_>) -> Result<Box<dyn LayerState>> {
        Shared::setup(setup, |bottom| self.shape_of(bottom))
    }
}

impl Examples for Reshape {
    fn examples() -> Vec<Example> {
        let two = vec![ExampleBottom::Numbers(vec![2, 3, 4]), ExampleBottom::Numbers(vec![17, 12])];
        vec![
            Example::one_to_one(Reshape::new("reshape", [2, 5, 3]), &[1, 6, 5]),
            Example::new(Reshape::new("reshape", [4, 3]), two, 2),
        ]
    }
}
