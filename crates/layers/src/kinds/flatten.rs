//! One axis of several. Caffe: `src/caffe/layers/flatten_layer.cpp`.

use super::sharing::Shared;
use crate::{Arity, Count, Error, Example, Examples, Layer, LayerState, Result, Setup, Wired, Wiring};
use core_tensor::Shape;
use serde::{Deserialize, Serialize};

/// Joins the axes from `axis` to `end_axis` into one; row-major order stays.
///
/// Bottoms (N, ...), as many tops, by default (N, elements of a sample). Data and gradient are the bottom's own, nothing is
/// copied. An inner product flattens by itself.
///
/// ```
/// use layers::prelude::*;
/// let rows = Flatten::new("rows").axis(2).bottom("image").top("rows");
/// assert_eq!(rows.end_axis, None);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Flatten {
    /// Name and blobs.
    #[serde(flatten)]
    pub wiring: Wiring,
    /// The first axis to be joined, counted from the batch axis, which is 0; 1 if not set.
    #[serde(default = "first")]
    pub axis: usize,
    /// The last axis to be joined; the bottom's last if not set.
    #[serde(default)]
    pub end_axis: Option<usize>,
}

impl Flatten {
    /// Joins all axes but the batch.
    pub fn new(name: impl Into<String>) -> Self {
        Flatten { wiring: Wiring::named(name), axis: first(), end_axis: None }
    }

    /// Sets the first axis to be joined.
    pub fn axis(mut self, axis: usize) -> Self {
        self.axis = axis;
        self
    }

    /// Sets the last axis to be joined.
    pub fn end_axis(mut self, axis: usize) -> Self {
        self.end_axis = Some(axis);
        self
    }

    fn shape_of(&self, bottom: Shape) -> Result<Shape> {
        let end = self.end_axis.unwrap_or(bottom.rank().saturating_sub(1));
        if self.axis == 0 || self.axis > end || end >= bottom.rank() {
            return Err(Error::Value {
                what: "the range of axes to be joined".into(),
                found: format!("{} to {end} for a bottom of shape {bottom}", self.axis),
                expected: format!("within 1 to {}; axis 0 is the batch", bottom.rank().saturating_sub(1)),
            });
        }
        let sizes = bottom.sizes();
        let joined = sizes[self.axis..=end].iter().product();
        Ok(Shape::new(&[&sizes[..self.axis], &[joined], &sizes[end + 1..]].concat())?)
    }
}

impl Wired for Flatten {
    fn wiring_mut(&mut self) -> &mut Wiring {
        &mut self.wiring
    }
}

impl Layer for Flatten {
    fn kind(&self) -> &'static str {
        "Flatten"
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

impl Examples for Flatten {
    fn examples() -> Vec<Example> {
        let flatten = || Flatten::new("flatten");
        vec![
            Example::one_to_one(flatten(), &[17, 2, 3, 2]),
            Example::one_to_one(flatten().axis(2), &[1, 2, 3, 4]),
            Example::one_to_one(flatten().end_axis(2), &[2, 3, 2, 3]),
        ]
    }
}

fn first() -> usize {
    1
}
