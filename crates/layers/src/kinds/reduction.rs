//! Sums over all axes from one on.
//!
//! Caffe: `src/caffe/layers/reduction_layer.cpp`, whose axis may also be the batch; here samples stay apart.

use crate::{Arity, Blob, Count, Error, Example, Examples, Layer, LayerState, Pass, Result, Setup, Wired, Wiring};
use core_tensor::{
    Shape,
    ops::{ReductionOperation, kernels},
};
use serde::{Deserialize, Serialize};
use std::any::Any;

/// `y = coefficient` times the sum, mean, sum of absolute values or sum of squares over the axes from `axis` on.
///
/// Bottom of two axes or more, the top has those before `axis`: with axis 1, (N, C, H, W) becomes (N).
///
/// ```
/// use layers::prelude::*;
/// let energy = Reduction::new("energy", ReductionOperation::SumOfSquares).coefficient(0.5).bottom("x").top("energy");
/// assert_eq!(energy.axis, 1);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reduction {
    /// Name and blobs.
    #[serde(flatten)]
    pub wiring: Wiring,
    /// `Sum` (if not set), `AbsoluteSum`, `SumOfSquares` or `Mean`.
    #[serde(default)]
    pub operation: ReductionOperation,
    /// The first axis that is summed over, counted from the batch axis, which is 0; 1 if not set.
    #[serde(default = "first_axis")]
    pub axis: usize,
    /// The factor on the result; 1 if not set.
    #[serde(default = "one")]
    pub coefficient: f64,
}

impl Reduction {
    /// Reduces samples to one number each.
    pub fn new(name: impl Into<String>, operation: ReductionOperation) -> Self {
        Reduction { wiring: Wiring::named(name), operation, axis: first_axis(), coefficient: one() }
    }

    /// Sets the first axis that is summed over.
    pub fn axis(mut self, axis: usize) -> Self {
        self.axis = axis;
        self
    }

    /// Sets the factor on the result.
    pub fn coefficient(mut self, coefficient: f64) -> Self {
        self.coefficient = coefficient;
        self
    }
}

impl Wired for Reduction {
    fn wiring_mut(&mut self) -> &mut Wiring {
        &mut self.wiring
    }
}

impl Layer for Reduction {
    fn kind(&self) -> &'static str {
        "Reduction"
    }

    fn wiring(&self) -> &Wiring {
        &self.wiring
    }

    fn arity(&self) -> Arity {
        Arity { bottoms: Count::Exactly(1), tops: Count::Exactly(1) }
    }

    fn setup(&self, setup: &mut Setup<'_>) -> Result<Box<dyn LayerState>> {
        let bottom = setup.bottom(0).clone();
        let shape = bottom.data.shape();
        super::labels::check_axis("the axis", self.axis, shape)?;
        if !self.coefficient.is_finite() {
            let (what, found) = ("the coefficient".into(), self.coefficient.to_string());
            return Err(Error::Value { what, found, expected: "a finite number".into() });
        }
        let (kept, summed) = shape.sizes().split_at(self.axis);
        let count: usize = summed.iter().product();
        let is_mean = self.operation == ReductionOperation::Mean;
        let factor = if is_mean { self.coefficient / count as f64 } else { self.coefficient };
        let top = setup.add_top(Shape::new(kept)?)?;
        Ok(Box::new(State { operation: self.operation, factor, bottom, top }))
    }
}

impl Examples for Reduction {
    fn examples() -> Vec<Example> {
        let reduction = |operation| Reduction::new("reduction", operation);
        vec![
            Example::one_to_one(reduction(ReductionOperation::Sum), &[17, 3, 2, 5]),
            Example::one_to_one(reduction(ReductionOperation::AbsoluteSum).coefficient(-2.0), &[1, 7]),
            Example::one_to_one(reduction(ReductionOperation::SumOfSquares).axis(2).coefficient(0.5), &[3, 2, 4]),
            Example::one_to_one(reduction(ReductionOperation::Mean).axis(3), &[33, 2, 1, 3]),
        ]
    }
}

struct State {
    operation: ReductionOperation,
    factor: f64,
    bottom: Blob,
    top: Blob,
}

impl LayerState for State {
    fn forward(&mut self, pass: &mut Pass<'_>) -> Result<()> {
        let (x, y) = (&self.bottom.data, &self.top.data);
        Ok(kernels::reduction_forward(pass.backend, self.operation, self.factor, x, y)?)
    }

    fn backward(&mut self, pass: &Pass<'_>) -> Result<()> {
        let (Some(dy), Some(dx)) = (&self.top.diff, &self.bottom.diff) else { return Ok(()) };
        Ok(kernels::reduction_backward(pass.backend, self.operation, self.factor, &self.bottom.data, dy, dx)?)
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

fn first_axis() -> usize {
    1
}

fn one() -> f64 {
    1.0
}
