//! Long short-term memory (Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000).
//!
//! Caffe: `src/caffe/layers/lstm_layer.cpp`, whose three blobs are the parameters here. Caffe unrolls a net of its own for each
//! layer and joins sequences by a second bottom `cont`; here the steps are a loop in one layer, and each sample is a sequence of
//! its own that begins with an empty cell. Products are the backend's inner products, one plan for all steps: it keeps nothing
//! from one call to the next.

use crate::{
    Arity, Blob, Constraint, Count, Error, Example, Examples, Initializer, Layer, LayerState, Param, ParamSpec, Pass,
    Regularizer, Result, Setup, Wired, Wiring,
};
use core_tensor::{
    Backend, Role, Shape, Tensor,
    ops::{self, AffineBackward, AffineForward, AffinePlan, Neuron, kernels},
};
use serde::{Deserialize, Serialize};
use std::any::Any;

/// Reads a sequence step by step and gives its output at each step.
///
/// Bottom (N, steps, ...), top (N, steps, output_dim). With x the step's input, y its output and c its cell, both 0 before the
/// first step: `(i, f, o, g) = (sigmoid, sigmoid, sigmoid, tanh)(W x + U y_before + b)`, `c = f c_before + i g`,
/// `y = o tanh(c)`. Parameters, gates in this order: `weight` W (4 output_dim, numbers of a step), `bias` b (4 output_dim),
/// `recurrent_weight` U (4 output_dim, output_dim).
///
/// ```
/// use layers::prelude::*;
/// let lstm = Lstm::new("lstm1", 128).bottom("words").top("lstm1");
/// assert_eq!(lstm.bias_init, Initializer::Constant { value: 0.0 });
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lstm {
    /// Name and blobs.
    #[serde(flatten)]
    pub wiring: Wiring,
    /// The number of outputs of a step, which is that of cells.
    pub output_dim: usize,
    /// How both weights start; Xavier if not set.
    #[serde(default = "xavier")]
    pub weight_init: Initializer,
    /// How the bias starts; 0 if not set.
    #[serde(default = "zeros")]
    pub bias_init: Initializer,
    /// The weights' regularizer; L2 with coefficient 1 if not set. The bias has none.
    #[serde(default = "l2")]
    pub weight_regu: Regularizer,
    /// The factor on the learning rate for the weights; 1 if not set.
    #[serde(default = "weight_lr")]
    pub weight_lr: f64,
    /// The factor on the learning rate for the bias; 2 if not set.
    #[serde(default = "bias_lr")]
    pub bias_lr: f64,
    /// Layers of one net with an equal key share the parameters.
    #[serde(default)]
    pub param_key: Option<String>,
}

impl Lstm {
    /// A memory of `output_dim` cells.
    pub fn new(name: impl Into<String>, output_dim: usize) -> Self {
        Lstm {
            wiring: Wiring::named(name),
            output_dim,
            weight_init: xavier(),
            bias_init: zeros(),
            weight_regu: l2(),
            weight_lr: weight_lr(),
            bias_lr: bias_lr(),
            param_key: None,
        }
    }

    /// Sets how both weights start.
    pub fn weight_init(mut self, init: Initializer) -> Self {
        self.weight_init = init;
        self
    }

    /// Sets how the bias starts.
    pub fn bias_init(mut self, init: Initializer) -> Self {
        self.bias_init = init;
        self
    }

    /// Sets the weights' regularizer.
    pub fn weight_regu(mut self, regularizer: Regularizer) -> Self {
        self.weight_regu = regularizer;
        self
    }

    /// Sets the factor on the learning rate for the weights.
    pub fn weight_lr(mut self, factor: f64) -> Self {
        self.weight_lr = factor;
        self
    }

    /// Sets the factor on the learning rate for the bias.
    pub fn bias_lr(mut self, factor: f64) -> Self {
        self.bias_lr = factor;
        self
    }

    /// Shares the parameters with the layers of the net that have the same key.
    pub fn param_key(mut self, key: impl Into<String>) -> Self {
        self.param_key = Some(key.into());
        self
    }

    fn weight(&self, setup: &mut Setup<'_>, name: &'static str, inputs: usize) -> Result<Param> {
        setup.param(ParamSpec {
            name,
            shape: Shape::new(&[4 * self.output_dim, inputs])?,
            init: self.weight_init,
            regularizer: self.weight_regu,
            constraint: Constraint::None,
            learning_rate: self.weight_lr,
        })
    }
}

impl Wired for Lstm {
    fn wiring_mut(&mut self) -> &mut Wiring {
        &mut self.wiring
    }
}

impl Layer for Lstm {
    fn kind(&self) -> &'static str {
        "LSTM"
    }

    fn wiring(&self) -> &Wiring {
        &self.wiring
    }

    fn arity(&self) -> Arity {
        Arity { bottoms: Count::Exactly(1), tops: Count::Exactly(1) }
    }

    fn has_params(&self) -> bool {
        true
    }

    fn param_key(&self) -> Option<&str> {
        self.param_key.as_deref()
    }

    fn setup(&self, setup: &mut Setup<'_>) -> Result<Box<dyn LayerState>> {
        let (bottom, units) = (setup.bottom(0).clone(), self.output_dim);
        let (batch, steps) = (bottom.data.shape().batch(), bottom.data.shape().axis(1));
        if bottom.data.shape().rank() < 2 || bottom.data.shape().is_empty() || units == 0 {
            return Err(Error::Value {
                what: "the memory".into(),
                found: format!("output_dim {units} for a bottom of shape {}", bottom.data.shape()),
                expected: "at least one output, and a non-empty blob (N, steps, ...)".into(),
            });
        }
        let mut step = bottom.data.shape().sizes().to_vec();
        step[1] = 1;
        let (step, output) = (Shape::new(&step)?, Shape::new(&[batch, 1, units])?);
        let weight = self.weight(setup, "weight", step.sample_len())?;
        let bias = setup.param(ParamSpec {
            name: "bias",
            shape: Shape::new(&[4 * units])?,
            init: self.bias_init,
            regularizer: Regularizer::None,
            constraint: Constraint::None,
            learning_rate: self.bias_lr,
        })?;
        let recurrent = self.weight(setup, "recurrent_weight", units)?;
        let top = setup.add_top(Shape::new(&[batch, steps, units])?)?;
        let product =
            |input| ops::InnerProduct { input, dtype: setup.dtype(), outputs: 4 * units, neuron: Neuron::Identity };
        let (from_input, from_output) = (product(step), product(output));
        let flops = steps as f64 * (from_input.flops() + from_output.flops());
        let gates = Shape::new(&[batch, 4 * units])?;
        let (remembered, backward) = match setup.is_training() {
            true => (steps, Some(Backward::new(setup, step, output, gates)?)),
            false => (1, None),
        };
        let several = |count: usize, shape| (0..count).map(|_| setup.alloc(shape, Role::Data)).collect::<Result<_>>();
        Ok(Box::new(State {
            plans: (setup.backend().inner_product(&from_input)?, setup.backend().inner_product(&from_output)?),
            shares: (setup.alloc(gates, Role::Data)?, setup.alloc(gates, Role::Data)?),
            gates: several(remembered, gates)?,
            cells: several(remembered + 1, output)?,
            x: setup.alloc(step, Role::Data)?,
            y: setup.alloc(output, Role::Data)?,
            weight,
            bias,
            recurrent,
            bottom,
            top,
            backward,
            flops,
        }))
    }
}

impl Examples for Lstm {
    fn examples() -> Vec<Example> {
        let lstm = |output_dim| Lstm::new("lstm", output_dim).bias_init(Initializer::Gaussian { mean: 0.0, std: 0.5 });
        vec![
            Example::one_to_one(lstm(3), &[17, 4, 2]),
            Example::one_to_one(lstm(2), &[1, 1, 3]),
            Example::one_to_one(lstm(5), &[3, 3, 2, 2]),
        ]
    }
}

struct State {
    /// From the input to the gates, and from the output before.
    plans: (Box<dyn AffinePlan>, Box<dyn AffinePlan>),
    /// What each of them gives.
    shares: (Tensor, Tensor),
    /// The gates of each step; of the last one only, in a net that does not learn.
    gates: Vec<Tensor>,
    /// The cells before the first step, which are 0, and after each; the last two, in a net that does not learn.
    cells: Vec<Tensor>,
    /// A step of the bottom and of the top, cut out.
    x: Tensor,
    y: Tensor,
    weight: Param,
    bias: Param,
    recurrent: Param,
    bottom: Blob,
    top: Blob,
    backward: Option<Backward>,
    flops: f64,
}

/// Gradients of the step at hand.
struct Backward {
    x: Tensor,
    y: Tensor,
    /// The share of `y` that comes from the step after.
    y_after: Tensor,
    cell: Tensor,
    gates: Tensor,
}

impl Backward {
    fn new(setup: &Setup<'_>, step: Shape, output: Shape, gates: Shape) -> Result<Self> {
        let diff = |shape| setup.alloc(shape, Role::Diff);
        let (x, gates) = (diff(step)?, diff(gates)?);
        Ok(Backward { x, y: diff(output)?, y_after: diff(output)?, cell: diff(output)?, gates })
    }
}

impl State {
    fn steps(&self) -> usize {
        self.top.data.shape().axis(1)
    }

    /// The cells before a step and after it.
    fn cells(&self, step: usize) -> (&Tensor, &Tensor) {
        (&self.cells[step % self.cells.len()], &self.cells[(step + 1) % self.cells.len()])
    }

    /// Puts the output before a step into `y`.
    fn recall(&self, backend: &dyn Backend, step: usize) -> Result<()> {
        match step.checked_sub(1) {
            Some(before) => Ok(kernels::copy_range(backend, 1, (&self.top.data, before), (&self.y, 0), 1)?),
            None => Ok(kernels::fill(backend, &self.y, 0.0)?),
        }
    }
}

impl LayerState for State {
    fn forward(&mut self, pass: &mut Pass<'_>) -> Result<()> {
        let backend = pass.backend;
        kernels::fill(backend, &self.cells[0], 0.0)?;
        for step in 0..self.steps() {
            kernels::copy_range(backend, 1, (&self.bottom.data, step), (&self.x, 0), 1)?;
            self.recall(backend, step)?;
            let (weight, bias) = (self.weight.data(), Some(self.bias.data()));
            self.plans.0.forward(AffineForward { x: &self.x, weight, bias, y: &self.shares.0 })?;
            let weight = self.recurrent.data();
            self.plans.1.forward(AffineForward { x: &self.y, weight, bias: None, y: &self.shares.1 })?;
            let ((before, after), gates) = (self.cells(step), &self.gates[step % self.gates.len()]);
            kernels::lstm_forward(backend, (&self.shares.0, &self.shares.1), before, gates, (after, &self.y))?;
            kernels::copy_range(backend, 1, (&self.y, 0), (&self.top.data, step), 1)?;
        }
        Ok(())
    }

    fn backward(&mut self, pass: &Pass<'_>) -> Result<()> {
        let (Some(diff), Some(dy)) = (&self.backward, &self.top.diff) else { return Ok(()) };
        let backend = pass.backend;
        kernels::fill(backend, &diff.cell, 0.0)?;
        kernels::fill(backend, &diff.y_after, 0.0)?;
        for step in (0..self.steps()).rev() {
            kernels::copy_range(backend, 1, (dy, step), (&diff.y, 0), 1)?;
            kernels::axpy(backend, 1.0, &diff.y_after, &diff.y)?;
            let (before, after) = self.cells(step);
            kernels::lstm_backward(backend, &self.gates[step], (after, before), &diff.y, &diff.gates, &diff.cell)?;
            kernels::copy_range(backend, 1, (&self.bottom.data, step), (&self.x, 0), 1)?;
            self.recall(backend, step)?;
            self.plans.0.backward(AffineBackward {
                x: &self.x,
                weight: self.weight.data(),
                y: &self.shares.0,
                dy: &diff.gates,
                dx: self.bottom.diff.as_ref().map(|_| &diff.x),
                dweight: self.weight.gradient(),
                dbias: self.bias.gradient(),
            })?;
            self.plans.1.backward(AffineBackward {
                x: &self.y,
                weight: self.recurrent.data(),
                y: &self.shares.1,
                dy: &diff.gates,
                dx: Some(&diff.y_after),
                dweight: self.recurrent.gradient(),
                dbias: None,
            })?;
            if let Some(dx) = &self.bottom.diff {
                kernels::copy_range(backend, 1, (&diff.x, 0), (dx, step), 1)?;
            }
        }
        Ok(())
    }

    fn flops(&self) -> f64 {
        self.flops
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

fn xavier() -> Initializer {
    Initializer::Xavier
}

fn zeros() -> Initializer {
    Initializer::Constant { value: 0.0 }
}

fn l2() -> Regularizer {
    Regularizer::L2 { coefficient: 1.0 }
}

fn weight_lr() -> f64 {
    1.0
}

fn bias_lr() -> f64 {
    2.0
}
