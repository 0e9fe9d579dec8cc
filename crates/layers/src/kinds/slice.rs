//! Cutting a blob along an axis.
//!
//! Caffe: `src/caffe/layers/slice_layer.cpp`; Mocha has no such layer.

use super::parts::{Parts, data, diff};
use crate::{
    Arity, Count, Error, Example, ExampleBottom, Examples, Layer, LayerState, Pass, Result, Setup, Wired, Wiring,
};
use core_tensor::Shape;
use serde::{Deserialize, Serialize};
use std::any::Any;

/// Cuts its bottom along one axis: before each of `points`, or, without points, into as many equal parts as there are tops.
///
/// Along axis 0, the batch, all batches must be full: a net that validates needs a batch size that divides the number of
/// samples.
///
/// ```
/// use layers::prelude::*;
/// let slice = Slice::new("slice").points([1, 3]).bottom("data").tops(["first", "next two", "rest"]);
/// assert_eq!(slice.axis, 1);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Slice {
    /// Name and blobs.
    #[serde(flatten)]
    pub wiring: Wiring,
    /// The axis, counted from the batch axis, which is 0; 1 if not set.
    #[serde(default = "channels")]
    pub axis: usize,
    /// The first position of each part but the first, rising; empty for equal parts, which is so if not set.
    #[serde(default)]
    pub points: Vec<usize>,
}

impl Slice {
    /// Cuts along axis 1, the channels, into equal parts.
    pub fn new(name: impl Into<String>) -> Self {
        Slice { wiring: Wiring::named(name), axis: channels(), points: Vec::new() }
    }

    /// Sets the axis.
    pub fn axis(mut self, axis: usize) -> Self {
        self.axis = axis;
        self
    }

    /// Sets the first position of each part but the first.
    pub fn points(mut self, points: impl Into<Vec<usize>>) -> Self {
        self.points = points.into();
        self
    }

    /// The lengths of the parts.
    fn lengths(&self, bottom: Shape) -> Result<Vec<usize>> {
        let fail =
            |what: &str, found: String, expected: String| Err(Error::Value { what: what.into(), found, expected });
        let (size, tops) = (bottom.axis(self.axis), self.wiring.tops.len());
        if self.axis >= bottom.rank() {
            let found = format!("{} for a bottom of shape {bottom}", self.axis);
            return fail("the axis", found, format!("at most {}", bottom.rank().saturating_sub(1)));
        }
        if self.points.is_empty() {
            if !size.is_multiple_of(tops) {
                let found = format!("{size}, that is axis {} of the bottom of shape {bottom}", self.axis);
                return fail("the size to be cut", found, format!("a multiple of the {tops} tops, or `points`"));
            }
            return Ok(vec![size / tops; tops]);
        }
        if self.points.len() + 1 != tops {
            let found = format!("{:?} for {tops} tops", self.points);
            return fail("the list of points", found, format!("{} points, one less than tops", tops - 1));
        }
        let bounds: Vec<usize> = [0].iter().chain(&self.points).chain([&size]).copied().collect();
        if bounds.windows(2).any(|pair| pair[0] >= pair[1]) {
            let found = format!("{:?} for axis {} of the bottom of shape {bottom}", self.points, self.axis);
            return fail("the list of points", found, format!("rising numbers above 0 and below {size}"));
        }
        Ok(bounds.windows(2).map(|pair| pair[1] - pair[0]).collect())
    }
}

impl Wired for Slice {
    fn wiring_mut(&mut self) -> &mut Wiring {
        &mut self.wiring
    }
}

impl Layer for Slice {
    fn kind(&self) -> &'static str {
        "Slice"
    }

    fn wiring(&self) -> &Wiring {
        &self.wiring
    }

    fn arity(&self) -> Arity {
        Arity { bottoms: Count::Exactly(1), tops: Count::AtLeast(1) }
    }

    fn setup(&self, setup: &mut Setup<'_>) -> Result<Box<dyn LayerState>> {
        let whole = setup.bottom(0).clone();
        let (shape, mut parts) = (whole.data.shape(), Vec::new());
        for length in self.lengths(shape)? {
            parts.push(setup.add_top(shape.with_axis(self.axis, length)?)?);
        }
        Ok(Box::new(State(Parts { axis: self.axis, whole, parts })))
    }
}

impl Examples for Slice {
    fn examples() -> Vec<Example> {
        let example =
            |slice, shape: &[usize], tops| Example::new(slice, vec![ExampleBottom::Numbers(shape.into())], tops);
        let slice = |axis| Slice::new("slice").axis(axis);
        vec![
            example(slice(1), &[17, 6, 2], 3),
            example(slice(2).points([1, 4]), &[1, 2, 5, 3], 3),
            example(slice(3), &[3, 2, 2, 3], 1),
            example(slice(0).points([3, 20]), &[21, 2], 3),
            example(slice(0), &[4, 3], 4),
        ]
    }
}

struct State(Parts);

impl LayerState for State {
    fn forward(&mut self, pass: &mut Pass<'_>) -> Result<()> {
        self.0.count_samples(pass, self.0.whole.data.shape().batch())?;
        self.0.cut(pass.backend, data)
    }

    fn backward(&mut self, pass: &Pass<'_>) -> Result<()> {
        self.0.join(pass.backend, diff)
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

fn channels() -> usize {
    1
}
