//! The index of the largest element.
//!
//! Mocha: `src/layers/argmax.jl`; Caffe: `src/caffe/layers/argmax_layer.cpp`.

use super::labels::check_class_axis;
use crate::{Arity, Count, Example, ExampleBottom, Examples, Layer, LayerState, Pass, Result, Setup, Wired, Wiring};
use core_tensor::{Tensor, ops::kernels};
use serde::{Deserialize, Serialize};
use std::any::Any;

/// The index, from 0, of the largest element along one axis, the first of equals. Along that axis the tops have size 1.
///
/// No gradient flows through it.
///
/// ```
/// use layers::prelude::*;
/// let class = Argmax::new("class").bottom("prob").top("class");
/// assert_eq!(class.axis, 1);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Argmax {
    /// Name and blobs.
    #[serde(flatten)]
    pub wiring: Wiring,
    /// The axis, counted from the batch axis, which is 0; 1 if not set.
    #[serde(default = "class_axis")]
    pub axis: usize,
}

impl Argmax {
    /// The index along axis 1.
    pub fn new(name: impl Into<String>) -> Self {
        Argmax { wiring: Wiring::named(name), axis: class_axis() }
    }

    /// Sets the axis.
    pub fn axis(mut self, axis: usize) -> Self {
        self.axis = axis;
        self
    }
}

impl Wired for Argmax {
    fn wiring_mut(&mut self) -> &mut Wiring {
        &mut self.wiring
    }
}

impl Layer for Argmax {
    fn kind(&self) -> &'static str {
        "Argmax"
    }

    fn wiring(&self) -> &Wiring {
        &self.wiring
    }

    fn arity(&self) -> Arity {
        Arity { bottoms: Count::AtLeast(1), tops: Count::SameAsBottoms }
    }

    fn can_backward(&self) -> bool {
        false
    }

    fn setup(&self, setup: &mut Setup<'_>) -> Result<Box<dyn LayerState>> {
        let mut branches = Vec::new();
        for bottom in setup.bottoms().to_vec() {
            let shape = bottom.data.shape();
            check_class_axis(self.axis, shape)?;
            let top = setup.add_top(shape.with_axis(self.axis, 1)?)?;
            branches.push((bottom.data, top.data));
        }
        Ok(Box::new(State { axis: self.axis, branches }))
    }
}

impl Examples for Argmax {
    fn examples() -> Vec<Example> {
        let two = vec![ExampleBottom::Numbers(vec![2, 7]), ExampleBottom::Numbers(vec![17, 3, 2])];
        vec![
            Example::new(Argmax::new("argmax"), two, 2),
            Example::one_to_one(Argmax::new("argmax").axis(3), &[1, 2, 3, 5]),
            Example::one_to_one(Argmax::new("argmax").axis(2), &[3, 2, 1, 2]),
        ]
    }
}

struct State {
    axis: usize,
    branches: Vec<(Tensor, Tensor)>,
}

impl LayerState for State {
    fn forward(&mut self, pass: &mut Pass<'_>) -> Result<()> {
        for (bottom, top) in &self.branches {
            kernels::argmax(pass.backend, self.axis, bottom, top)?;
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
