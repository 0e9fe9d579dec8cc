//! Fully connected layer, with bias and neuron.
//!
//! Caffe: `src/caffe/layers/inner_product_layer.cpp`; Mocha: `src/layers/inner-product.jl`.

use super::{
    affine::{AffineState, Branch},
    tail::Tail,
};
use crate::{
    Arity, Constraint, Count, Error, Example, ExampleBottom, Examples, Initializer, Layer, LayerState, ParamSpec,
    Regularizer, Result, Setup, Wired, Wiring,
};
use core_tensor::{
    Shape,
    ops::{self, Neuron},
};
use serde::{Deserialize, Serialize};

/// `y = neuron(W x + b)` over flattened samples.
///
/// Bottom (N, anything), top (N, output_dim). Parameters: `weight` (output_dim, elements of a sample) and, unless
/// [`InnerProduct::bias_term`] is off, `bias` (output_dim). Several bottoms, each with a top, share the weight; their batch sizes may differ.
///
/// ```
/// use layers::prelude::*;
/// let ip = InnerProduct::new("ip1", 500).neuron(Neuron::ReLU).bottom("pool2").top("ip1");
/// assert_eq!(ip.bias_lr, 2.0);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InnerProduct {
    /// Name and blobs.
    #[serde(flatten)]
    pub wiring: Wiring,
    /// The number of outputs.
    pub output_dim: usize,
    /// Whether there is a bias; yes if not set.
    #[serde(default = "yes")]
    pub bias_term: bool,
    /// Applied to the output; identity if not set.
    #[serde(default)]
    pub neuron: Neuron,
    /// How the weight starts; Xavier if not set.
    #[serde(default = "xavier")]
    pub weight_init: Initializer,
    /// How the bias starts; 0 if not set.
    #[serde(default = "zeros")]
    pub bias_init: Initializer,
    /// The weight's regularizer; L2 with coefficient 1 if not set.
    #[serde(default = "l2")]
    pub weight_regu: Regularizer,
    /// The bias's regularizer; none if not set.
    #[serde(default)]
    pub bias_regu: Regularizer,
    /// The weight's norm constraint; none if not set.
    #[serde(default)]
    pub weight_cons: Constraint,
    /// The bias's norm constraint; none if not set.
    #[serde(default)]
    pub bias_cons: Constraint,
    /// The factor on the learning rate for the weight; 1 if not set.
    #[serde(default = "weight_lr")]
    pub weight_lr: f64,
    /// The factor on the learning rate for the bias; 2 if not set.
    #[serde(default = "bias_lr")]
    pub bias_lr: f64,
    /// Layers of one net with an equal key share weight and bias.
    #[serde(default)]
    pub param_key: Option<String>,
}

impl InnerProduct {
    /// A fully connected layer with `output_dim` outputs.
    pub fn new(name: impl Into<String>, output_dim: usize) -> Self {
        InnerProduct {
            wiring: Wiring::named(name),
            output_dim,
            bias_term: yes(),
            neuron: Neuron::Identity,
            weight_init: xavier(),
            bias_init: zeros(),
            weight_regu: l2(),
            bias_regu: Regularizer::None,
            weight_cons: Constraint::None,
            bias_cons: Constraint::None,
            weight_lr: weight_lr(),
            bias_lr: bias_lr(),
            param_key: None,
        }
    }

    /// Sets whether there is a bias.
    pub fn bias_term(mut self, bias_term: bool) -> Self {
        self.bias_term = bias_term;
        self
    }

    /// Sets the neuron.
    pub fn neuron(mut self, neuron: Neuron) -> Self {
        self.neuron = neuron;
        self
    }

    /// Sets how the weight starts.
    pub fn weight_init(mut self, init: Initializer) -> Self {
        self.weight_init = init;
        self
    }

    /// Sets how the bias starts.
    pub fn bias_init(mut self, init: Initializer) -> Self {
        self.bias_init = init;
        self
    }

    /// Sets the weight's regularizer.
    pub fn weight_regu(mut self, regularizer: Regularizer) -> Self {
        self.weight_regu = regularizer;
        self
    }

    /// Sets the bias's regularizer.
    pub fn bias_regu(mut self, regularizer: Regularizer) -> Self {
        self.bias_regu = regularizer;
        self
    }

    /// Sets the weight's norm constraint.
    pub fn weight_cons(mut self, constraint: Constraint) -> Self {
        self.weight_cons = constraint;
        self
    }

    /// Sets the bias's norm constraint.
    pub fn bias_cons(mut self, constraint: Constraint) -> Self {
        self.bias_cons = constraint;
        self
    }

    /// Sets the factor on the learning rate for the weight.
    pub fn weight_lr(mut self, factor: f64) -> Self {
        self.weight_lr = factor;
        self
    }

    /// Sets the factor on the learning rate for the bias.
    pub fn bias_lr(mut self, factor: f64) -> Self {
        self.bias_lr = factor;
        self
    }

    /// Shares weight and bias with the layers of the net that have the same key.
    pub fn param_key(mut self, key: impl Into<String>) -> Self {
        self.param_key = Some(key.into());
        self
    }

    fn operation(&self, setup: &Setup<'_>, input: Shape) -> ops::InnerProduct {
        ops::InnerProduct { input, dtype: setup.dtype(), outputs: self.output_dim, neuron: self.neuron }
    }
}

impl Wired for InnerProduct {
    fn wiring_mut(&mut self) -> &mut Wiring {
        &mut self.wiring
    }
}

impl Layer for InnerProduct {
    fn kind(&self) -> &'static str {
        "InnerProduct"
    }

    fn wiring(&self) -> &Wiring {
        &self.wiring
    }

    fn arity(&self) -> Arity {
        Arity { bottoms: Count::AtLeast(1), tops: Count::SameAsBottoms }
    }

    fn has_params(&self) -> bool {
        true
    }

    fn param_key(&self) -> Option<&str> {
        self.param_key.as_deref()
    }

    fn setup(&self, setup: &mut Setup<'_>) -> Result<Box<dyn LayerState>> {
        let bottoms = setup.bottoms().to_vec();
        let weight_shape = self.operation(setup, setup.bottom(0).data.shape()).weight()?;
        let weight = setup.param(ParamSpec {
            name: "weight",
            shape: weight_shape,
            init: self.weight_init,
            regularizer: self.weight_regu,
            constraint: self.weight_cons,
            learning_rate: self.weight_lr,
        })?;
        let bias = ParamSpec {
            name: "bias",
            shape: Shape::new(&[self.output_dim])?,
            init: self.bias_init,
            regularizer: self.bias_regu,
            constraint: self.bias_cons,
            learning_rate: self.bias_lr,
        };
        let bias = self.bias_term.then(|| setup.param(bias)).transpose()?;
        let mut state = AffineState { weight, bias, branches: Vec::new(), flops: 0.0 };
        for bottom in bottoms {
            let operation = self.operation(setup, bottom.data.shape());
            if operation.weight()? != weight_shape {
                return Err(Error::Value {
                    what: format!("the number of elements of a sample of a bottom of shape {}", bottom.data.shape()),
                    found: bottom.data.shape().sample_len().to_string(),
                    expected: format!(
                        "{} as for the first bottom, since all bottoms share the weight",
                        weight_shape.sample_len()
                    ),
                });
            }
            let top = setup.add_top(operation.output()?)?;
            let (neuron, tail) = Tail::behind_plan(setup, self.neuron, top.data.shape())?;
            let operation = ops::InnerProduct { neuron, ..operation };
            state.flops += operation.flops();
            state.branches.push(Branch { plan: setup.backend().inner_product(&operation)?, bottom, top, tail });
        }
        Ok(Box::new(state))
    }
}

impl Examples for InnerProduct {
    fn examples() -> Vec<Example> {
        let ip = |output_dim| InnerProduct::new("ip", output_dim);
        let two = vec![ExampleBottom::Numbers(vec![3, 6]), ExampleBottom::Numbers(vec![2, 2, 3, 1])];
        vec![
            Example::one_to_one(ip(1), &[1, 1]),
            Example::one_to_one(ip(7), &[17, 2, 3, 2]),
            Example::one_to_one(ip(17).neuron(Neuron::ReLU), &[1, 9]),
            Example::one_to_one(ip(3).neuron(Neuron::Sigmoid), &[8, 5]),
            Example::one_to_one(ip(5).bias_term(false), &[19, 4]),
            Example::one_to_one(ip(3).bias_term(false).neuron(Neuron::Silu), &[2, 6]),
            Example::new(ip(4).neuron(Neuron::Tanh), two, 2),
        ]
    }
}

fn yes() -> bool {
    true
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
