//! From class indices to one-hot vectors. Mocha: `src/layers/index2onehot.jl`.

use super::labels::{bad_label, check_class_axis};
use crate::{
    Arity, Count, Error, Example, ExampleBottom, Examples, Layer, LayerState, Pass, Result, Setup, Wired, Wiring,
};
use core_tensor::{Role, Shape, Tensor, ops::kernels};
use serde::{Deserialize, Serialize};
use std::any::Any;

/// 1 at the index that the bottom holds, 0 elsewhere.
///
/// Bottoms (N, 1, ...) holding class indices from 0, as many tops (N, n_class, ...); with another `axis` the bottoms have size
/// 1 along that. No gradient flows through it. A value that is no class index is an error that names the sample.
///
/// ```
/// use layers::prelude::*;
/// let onehot = Index2Onehot::new("onehot", 10).bottom("label").top("target");
/// assert_eq!((onehot.n_class, onehot.axis), (10, 1));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Index2Onehot {
    /// Name and blobs.
    #[serde(flatten)]
    pub wiring: Wiring,
    /// The number of classes.
    pub n_class: usize,
    /// The axis of the classes, counted from the batch axis, which is 0; 1 if not set.
    #[serde(default = "class_axis")]
    pub axis: usize,
}

impl Index2Onehot {
    /// One-hot vectors of `n_class` elements along axis 1.
    pub fn new(name: impl Into<String>, n_class: usize) -> Self {
        Index2Onehot { wiring: Wiring::named(name), n_class, axis: class_axis() }
    }

    /// Sets the axis of the classes.
    pub fn axis(mut self, axis: usize) -> Self {
        self.axis = axis;
        self
    }
}

impl Wired for Index2Onehot {
    fn wiring_mut(&mut self) -> &mut Wiring {
        &mut self.wiring
    }
}

impl Layer for Index2Onehot {
    fn kind(&self) -> &'static str {
        "Index2Onehot"
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
        if self.n_class == 0 {
            let (what, found) = ("the number of classes".into(), "0".into());
            return Err(Error::Value { what, found, expected: "at least 1".into() });
        }
        let mut branches = Vec::new();
        for bottom in setup.bottoms().to_vec() {
            let shape = bottom.data.shape();
            check_class_axis(self.axis, shape)?;
            if shape.axis(self.axis) != 1 {
                return Err(Error::Value {
                    what: format!("the size of axis {} of the bottom of shape {shape}", self.axis),
                    found: shape.axis(self.axis).to_string(),
                    expected: "1, the place of the class index".into(),
                });
            }
            let top = setup.add_top(shape.with_axis(self.axis, self.n_class)?)?;
            branches.push((bottom.data, top.data));
        }
        let result = setup.alloc(Shape::new(&[1])?, Role::Param)?;
        Ok(Box::new(State { axis: self.axis, n_class: self.n_class, branches, result }))
    }
}

impl Examples for Index2Onehot {
    fn examples() -> Vec<Example> {
        let labels = |shape: &[usize], classes| ExampleBottom::Labels { shape: shape.into(), classes };
        let onehot = |classes| Index2Onehot::new("onehot", classes);
        vec![
            Example::new(onehot(5), vec![labels(&[17, 1], 5), labels(&[1, 1, 2, 3], 5)], 2),
            Example::new(onehot(3).axis(2), vec![labels(&[3, 2, 1, 2], 3)], 1),
        ]
    }
}

struct State {
    axis: usize,
    n_class: usize,
    branches: Vec<(Tensor, Tensor)>,
    /// The number of bad indices, as the kernel leaves it.
    result: Tensor,
}

impl LayerState for State {
    fn forward(&mut self, pass: &mut Pass<'_>) -> Result<()> {
        for (bottom, top) in &self.branches {
            let samples = pass.samples_of(bottom.shape());
            kernels::onehot(pass.backend, self.axis, samples, bottom, top, &self.result)?;
            let mut bad = [0.0];
            self.result.read_into(&mut bad)?;
            if bad != [0.0] {
                return Err(bad_label(bottom, samples, self.n_class));
            }
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
