//! Arithmetic on two blobs, element by element.
//!
//! Mocha: `src/layers/element-wise.jl`, from which the four operations come; Caffe: `src/caffe/layers/eltwise_layer.cpp`.

use crate::{
    Arity, Blob, Count, Error, Example, ExampleBottom, Examples, Layer, LayerState, Pass, Result, Setup, Wired, Wiring,
};
use core_tensor::ops::{ElementWiseOperation, kernels};
use serde::{Deserialize, Serialize};
use std::any::Any;

/// `y = a op b` for two bottoms of the same shape, which is also the top's.
///
/// ```
/// use layers::prelude::*;
/// let sum = ElementWise::new("sum", ElementWiseOperation::Add).bottoms(["left", "right"]).top("sum");
/// assert_eq!(sum.operation, ElementWiseOperation::default());
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ElementWise {
    /// Name and blobs.
    #[serde(flatten)]
    pub wiring: Wiring,
    /// `Add` (if not set), `Subtract`, `Multiply` or `Divide`.
    #[serde(default)]
    pub operation: ElementWiseOperation,
}

impl ElementWise {
    /// Combines two blobs by `operation`.
    pub fn new(name: impl Into<String>, operation: ElementWiseOperation) -> Self {
        ElementWise { wiring: Wiring::named(name), operation }
    }
}

impl Wired for ElementWise {
    fn wiring_mut(&mut self) -> &mut Wiring {
        &mut self.wiring
    }
}

impl Layer for ElementWise {
    fn kind(&self) -> &'static str {
        "ElementWise"
    }

    fn wiring(&self) -> &Wiring {
        &self.wiring
    }

    fn arity(&self) -> Arity {
        Arity { bottoms: Count::Exactly(2), tops: Count::Exactly(1) }
    }

    fn setup(&self, setup: &mut Setup<'_>) -> Result<Box<dyn LayerState>> {
        let (a, b) = (setup.bottom(0).clone(), setup.bottom(1).clone());
        let (first, second) = (a.data.shape(), b.data.shape());
        if first != second {
            return Err(Error::Value {
                what: "the shape of the second bottom".into(),
                found: second.to_string(),
                expected: format!("{first}, as the first has"),
            });
        }
        let top = setup.add_top(first)?;
        Ok(Box::new(State { operation: self.operation, a, b, top }))
    }
}

impl Examples for ElementWise {
    fn examples() -> Vec<Example> {
        let example = |operation, shape: &[usize]| {
            let bottoms = vec![ExampleBottom::Numbers(shape.into()); 2];
            Example::new(ElementWise::new("both", operation), bottoms, 1)
        };
        vec![
            example(ElementWiseOperation::Add, &[17, 2, 3]),
            example(ElementWiseOperation::Subtract, &[1, 7]),
            example(ElementWiseOperation::Multiply, &[3, 2, 2, 3]),
            example(ElementWiseOperation::Divide, &[2, 3]),
        ]
    }
}

struct State {
    operation: ElementWiseOperation,
    a: Blob,
    b: Blob,
    top: Blob,
}

impl LayerState for State {
    fn forward(&mut self, pass: &mut Pass<'_>) -> Result<()> {
        Ok(kernels::binary(pass.backend, self.operation, &self.a.data, &self.b.data, &self.top.data)?)
    }

    fn backward(&mut self, pass: &Pass<'_>) -> Result<()> {
        use ElementWiseOperation::{Add, Divide, Multiply, Subtract};
        let Some(dy) = &self.top.diff else { return Ok(()) };
        let (backend, a, b) = (pass.backend, &self.a.data, &self.b.data);
        if let Some(da) = &self.a.diff {
            match self.operation {
                Add | Subtract => kernels::copy(backend, dy, da)?,
                Multiply | Divide => kernels::binary(backend, self.operation, dy, b, da)?,
            }
        }
        if let Some(db) = &self.b.diff {
            match self.operation {
                Add => kernels::copy(backend, dy, db)?,
                Subtract => kernels::scaled_copy(backend, -1.0, dy, db)?,
                Multiply => kernels::binary(backend, Multiply, dy, a, db)?,
                Divide => kernels::quotient_backward(backend, b, &self.top.data, dy, db)?,
            }
        }
        Ok(())
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}
