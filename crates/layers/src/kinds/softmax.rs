//! Softmax: from logits to probabilities.
//!
//! Caffe: `src/caffe/layers/softmax_layer.cpp`; Mocha: `src/layers/softmax.jl`.

use super::labels::check_class_axis;
use crate::{Arity, Blob, Count, Example, Examples, Layer, LayerState, Pass, Result, Setup, Wired, Wiring};
use core_tensor::ops::kernels;
use serde::{Deserialize, Serialize};
use std::any::Any;

/// `exp(x) / sum exp(x)` along one axis, computed stably. Tops have the bottoms' shapes.
///
/// ```
/// use layers::prelude::*;
/// let prob = Softmax::new("prob").bottom("ip2").top("prob");
/// assert_eq!(prob.axis, 1);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Softmax {
    /// Name and blobs.
    #[serde(flatten)]
    pub wiring: Wiring,
    /// The axis of the classes, counted from the batch axis, which is 0; 1 if not set.
    #[serde(default = "class_axis")]
    pub axis: usize,
}

impl Softmax {
    /// Softmax along axis 1.
    pub fn new(name: impl Into<String>) -> Self {
        Softmax { wiring: Wiring::named(name), axis: class_axis() }
    }

    /// Sets the axis of the classes.
    pub fn axis(mut self, axis: usize) -> Self {
        self.axis = axis;
        self
    }
}

impl Wired for Softmax {
    fn wiring_mut(&mut self) -> &mut Wiring {
        &mut self.wiring
    }
}

impl Layer for Softmax {
    fn kind(&self) -> &'static str {
        "Softmax"
    }

    fn wiring(&self) -> &Wiring {
        &self.wiring
    }

    fn arity(&self) -> Arity {
        Arity { bottoms: Count::AtLeast(1), tops: Count::SameAsBottoms }
    }

    fn setup(&self, setup: &mut Setup<'_>) -> Result<Box<dyn LayerState>> {
        let mut branches = Vec::new();
        for bottom in setup.bottoms().to_vec() {
            check_class_axis(self.axis, bottom.data.shape())?;
            let top = setup.add_top(bottom.data.shape())?;
            branches.push((bottom, top));
        }
        Ok(Box::new(State { axis: self.axis, branches }))
    }
}

impl Examples for Softmax {
    fn examples() -> Vec<Example> {
        vec![
            Example::one_to_one(Softmax::new("softmax"), &[17, 5]),
            Example::one_to_one(Softmax::new("softmax"), &[1, 3, 2, 4]),
            Example::one_to_one(Softmax::new("softmax").axis(2), &[2, 3, 4, 3]),
        ]
    }
}

struct State {
    axis: usize,
    branches: Vec<(Blob, Blob)>,
}

impl LayerState for State {
    fn forward(&mut self, pass: &mut Pass<'_>) -> Result<()> {
        for (bottom, top) in &self.branches {
            kernels::softmax_forward(pass.backend, self.axis, &bottom.data, &top.data)?;
        }
        Ok(())
    }

    fn backward(&mut self, pass: &Pass<'_>) -> Result<()> {
        for (bottom, top) in &self.branches {
            let (Some(dy), Some(dx)) = (&top.diff, &bottom.diff) else { continue };
            kernels::softmax_backward(pass.backend, self.axis, &top.data, dy, dx)?;
        }
        Ok(())
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

fn class_axis() -> usize {
    1
}
