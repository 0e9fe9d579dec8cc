//! Joining blobs along an axis.
//!
//! Mocha: `src/layers/concat.jl`; Caffe: `src/caffe/layers/concat_layer.cpp`.

use super::parts::{Parts, data, diff};
use crate::{
    Arity, Blob, Count, Error, Example, ExampleBottom, Examples, Layer, LayerState, Pass, Result, Setup, Wired, Wiring,
};
use core_tensor::Shape;
use serde::{Deserialize, Serialize};
use std::any::Any;

/// Joins its bottoms along one axis, in order. They must have the same size along all other axes.
///
/// Along axis 0, the batch, all batches must be full: a net that validates needs a batch size that divides the number of
/// samples.
///
/// ```
/// use layers::prelude::*;
/// let both = Concat::new("both").bottoms(["conv1x1", "conv3x3"]).top("both");
/// assert_eq!(both.axis, 1);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Concat {
    /// Name and blobs.
    #[serde(flatten)]
    pub wiring: Wiring,
    /// The axis, counted from the batch axis, which is 0; 1 if not set.
    #[serde(default = "channels")]
    pub axis: usize,
}

impl Concat {
    /// Joins along axis 1, the channels.
    pub fn new(name: impl Into<String>) -> Self {
        Concat { wiring: Wiring::named(name), axis: channels() }
    }

    /// Sets the axis.
    pub fn axis(mut self, axis: usize) -> Self {
        self.axis = axis;
        self
    }

    /// The top's shape.
    fn output(&self, bottoms: &[Blob]) -> Result<Shape> {
        let first = bottoms[0].data.shape();
        let mut sizes = first.sizes().to_vec();
        let Some(joined) = sizes.get_mut(self.axis) else {
            return Err(Error::Value {
                what: "the axis".into(),
                found: format!("{} for a bottom of shape {first}", self.axis),
                expected: format!("at most {}", first.rank().saturating_sub(1)),
            });
        };
        *joined = bottoms.iter().map(|bottom| bottom.data.shape().axis(self.axis)).sum();
        for (i, bottom) in bottoms.iter().enumerate() {
            let found = bottom.data.shape();
            let same = |axis: usize| axis == self.axis || found.axis(axis) == first.axis(axis);
            if found.rank() != first.rank() || !(0..first.rank()).all(same) {
                return Err(Error::Value {
                    what: format!("the shape of bottom {i}"),
                    found: found.to_string(),
                    expected: format!("that of bottom 0, {first}, but for axis {}", self.axis),
                });
            }
        }
        Ok(Shape::new(&sizes)?)
    }
}

impl Wired for Concat {
    fn wiring_mut(&mut self) -> &mut Wiring {
        &mut self.wiring
    }
}

impl Layer for Concat {
    fn kind(&self) -> &'static str {
        "Concat"
    }

    fn wiring(&self) -> &Wiring {
        &self.wiring
    }

    fn arity(&self) -> Arity {
        Arity { bottoms: Count::AtLeast(1), tops: Count::Exactly(1) }
    }

    fn setup(&self, setup: &mut Setup<'_>) -> Result<Box<dyn LayerState>> {
        let parts = setup.bottoms().to_vec();
        let whole = setup.add_top(self.output(&parts)?)?;
        Ok(Box::new(State(Parts { axis: self.axis, whole, parts })))
    }
}

impl Examples for Concat {
    fn examples() -> Vec<Example> {
        let example = |axis, shapes: &[&[usize]]| {
            let bottoms = shapes.iter().map(|&shape| ExampleBottom::Numbers(shape.into())).collect();
            Example::new(Concat::new("concat").axis(axis), bottoms, 1)
        };
        vec![
            example(1, &[&[17, 2, 3], &[17, 1, 3], &[17, 4, 3]]),
            example(3, &[&[1, 2, 2, 3], &[1, 2, 2, 1]]),
            example(2, &[&[3, 2, 2]]),
            example(0, &[&[3, 2], &[17, 2], &[1, 2]]),
            example(0, &[&[16, 3], &[15, 3]]),
        ]
    }
}

struct State(Parts);

impl LayerState for State {
    fn forward(&mut self, pass: &mut Pass<'_>) -> Result<()> {
        let batches = self.0.parts.iter().map(|part| part.data.shape().batch());
        self.0.count_samples(pass, batches.max().unwrap_or(0))?;
        self.0.join(pass.backend, data)
    }

    fn backward(&mut self, pass: &Pass<'_>) -> Result<()> {
        self.0.cut(pass.backend, diff)
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

fn channels() -> usize {
    1
}
