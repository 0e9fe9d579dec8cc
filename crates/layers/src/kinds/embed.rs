//! A table of vectors, looked up by index: words, items, classes.
//!
//! Caffe: `src/caffe/layers/embed_layer.cpp`, without its bias, which a [`Bias`](crate::Bias) gives.

use crate::{
    Arity, Blob, Constraint, Count, Error, Example, ExampleBottom, Examples, Initializer, Layer, LayerState, Param,
    ParamSpec, Pass, Regularizer, Result, Setup, Wired, Wiring,
};
use core_tensor::{Role, Shape, Tensor, ops::kernels};
use serde::{Deserialize, Serialize};
use std::any::Any;

/// Replaces each index by a row of a table that is learnt.
///
/// Bottom (N, ...) of whole numbers from 0 to input_dim - 1, top (N, ..., output_dim): (N, T) becomes (N, T, output_dim). The
/// bottom gets no gradient. Parameter: `weight` (input_dim, output_dim). A number that is no index is an error that names it.
///
/// ```
/// use layers::prelude::*;
/// let words = Embed::new("words", 10_000, 64).bottom("text").top("words");
/// assert_eq!((words.input_dim, words.output_dim), (10_000, 64));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Embed {
    /// Name and blobs.
    #[serde(flatten)]
    pub wiring: Wiring,
    /// Rows of the table.
    pub input_dim: usize,
    /// The length of a row.
    pub output_dim: usize,
    /// How the table starts; Xavier if not set.
    #[serde(default = "xavier")]
    pub weight_init: Initializer,
    /// The table's regularizer; L2 with coefficient 1 if not set.
    #[serde(default = "l2")]
    pub weight_regu: Regularizer,
    /// The factor on the learning rate; 1 if not set.
    #[serde(default = "one")]
    pub weight_lr: f64,
    /// Layers of one net with an equal key share the table.
    #[serde(default)]
    pub param_key: Option<String>,
}

impl Embed {
    /// A table of `input_dim` rows of `output_dim` numbers.
    pub fn new(name: impl Into<String>, input_dim: usize, output_dim: usize) -> Self {
        Embed {
            wiring: Wiring::named(name),
            input_dim,
            output_dim,
            weight_init: xavier(),
            weight_regu: l2(),
            weight_lr: one(),
            param_key: None,
        }
    }

    /// Sets how the table starts.
    pub fn weight_init(mut self, init: Initializer) -> Self {
        self.weight_init = init;
        self
    }

    /// Sets the table's regularizer.
    pub fn weight_regu(mut self, regularizer: Regularizer) -> Self {
        self.weight_regu = regularizer;
        self
    }

    /// Sets the factor on the learning rate.
    pub fn weight_lr(mut self, factor: f64) -> Self {
        self.weight_lr = factor;
        self
    }

    /// Shares the table with the layers of the net that have the same key.
    pub fn param_key(mut self, key: impl Into<String>) -> Self {
        self.param_key = Some(key.into());
        self
    }
}

impl Wired for Embed {
    fn wiring_mut(&mut self) -> &mut Wiring {
        &mut self.wiring
    }
}

impl Layer for Embed {
    fn kind(&self) -> &'static str {
        "Embed"
    }

    fn wiring(&self) -> &Wiring {
        &self.wiring
    }

    fn arity(&self) -> Arity {
        Arity { bottoms: Count::Exactly(1), tops: Count::Exactly(1) }
    }

    fn bottom_can_have_gradient(&self, _: usize) -> bool {
        false
    }

    fn has_params(&self) -> bool {
        true
    }

    fn param_key(&self) -> Option<&str> {
        self.param_key.as_deref()
    }

    fn setup(&self, setup: &mut Setup<'_>) -> Result<Box<dyn LayerState>> {
        for (what, size) in [("input_dim", self.input_dim), ("output_dim", self.output_dim)] {
            if size == 0 {
                return Err(Error::Value { what: what.into(), found: "0".into(), expected: "at least 1".into() });
            }
        }
        let index = setup.bottom(0).data.clone();
        let table = setup.param(ParamSpec {
            name: "weight",
            shape: Shape::new(&[self.input_dim, self.output_dim])?,
            init: self.weight_init,
            regularizer: self.weight_regu,
            constraint: Constraint::None,
            learning_rate: self.weight_lr,
        })?;
        let mut sizes = index.shape().sizes().to_vec();
        sizes.push(self.output_dim);
        let top = setup.add_top(Shape::new(&sizes)?)?;
        let bad = setup.alloc(Shape::new(&[1])?, Role::Param)?;
        Ok(Box::new(State { index, table, top, bad }))
    }
}

impl Examples for Embed {
    fn examples() -> Vec<Example> {
        let example = |rows, width, shape: &[usize]| {
            let indices = ExampleBottom::Labels { shape: shape.into(), classes: rows };
            Example::new(Embed::new("embed", rows, width), vec![indices], 1)
        };
        vec![example(5, 3, &[17, 4]), example(33, 2, &[1, 7]), example(2, 5, &[3, 1, 2])]
    }
}

struct State {
    index: Tensor,
    table: Param,
    top: Blob,
    /// The number of bad indices, as the kernel leaves it.
    bad: Tensor,
}

impl LayerState for State {
    fn forward(&mut self, pass: &mut Pass<'_>) -> Result<()> {
        kernels::embed_forward(pass.backend, &self.index, self.table.data(), &self.top.data, &self.bad)?;
        let mut bad = [0.0];
        self.bad.read_into(&mut bad)?;
        if bad[0] == 0.0 { Ok(()) } else { Err(bad_index(&self.index, self.table.data().shape().batch())) }
    }

    fn backward(&mut self, pass: &Pass<'_>) -> Result<()> {
        let (Some(dy), Some(gradient)) = (&self.top.diff, self.table.gradient()) else { return Ok(()) };
        Ok(kernels::embed_backward(pass.backend, &self.index, dy, gradient)?)
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

/// Looks for the index that the kernel has complained of, and words the error.
fn bad_index(indices: &Tensor, rows: usize) -> Error {
    let values: Vec<f64> = match indices.read() {
        Ok(values) => values,
        Err(error) => return error.into(),
    };
    let is_bad = |index: &f64| !(index.fract() == 0.0 && *index >= 0.0 && *index < rows as f64);
    let place = values.iter().position(is_bad).unwrap_or_default();
    let sample = place / indices.shape().sample_len().max(1);
    Error::Value {
        what: format!("an index of sample {sample} of the batch"),
        found: values.get(place).map_or("missing".into(), f64::to_string),
        expected: format!("a whole number from 0 to {}, a row of the table", rows - 1),
    }
}

fn xavier() -> Initializer {
    Initializer::Xavier
}

fn l2() -> Regularizer {
    Regularizer::L2 { coefficient: 1.0 }
}

fn one() -> f64 {
    1.0
}
