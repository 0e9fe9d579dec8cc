//! The inner product with another layer's weight, transposed: the decoder of an autoencoder with tied weights.
//!
//! Mocha: `src/layers/tied-inner-product.jl`. As there, the layer has a bias of its own and gives the weight no gradient: the
//! owner alone learns it. The weight is transposed anew in each forward pass, which is little beside the product.

use super::{affine::Branch, tail::Tail};
use crate::{
    Arity, Constraint, Count, Error, Example, Examples, Initializer, InnerProduct, Layer, LayerState, Param, ParamSpec,
    Pass, Regularizer, Result, Setup, Wired, Wiring,
};
use core_tensor::{
    Role, Shape, Tensor,
    ops::{self, AffineBackward, AffineForward, Neuron, kernels},
};
use serde::{Deserialize, Serialize};
use std::any::Any;

/// `y = Wᵀ x + b` with the weight W of an [`InnerProduct`] of the same net, then neuron.
///
/// The owner's weight has shape (outputs, inputs). Bottoms (N, ...) of `outputs` elements a sample, tops (N, inputs).
/// Parameter: `bias` (inputs). The owner must be computed before this layer. Gradients flow to the bottoms and the bias, none
/// to the weight.
///
/// ```
/// use layers::prelude::*;
/// let encode = InnerProduct::new("encode", 50).bottom("data").top("code");
/// let decode = TiedInnerProduct::new("decode", "encode").neuron(Neuron::Sigmoid).bottom("code").top("image");
/// assert_eq!(decode.tied_param_key, encode.wiring.name);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TiedInnerProduct {
    /// Name and blobs.
    #[serde(flatten)]
    pub wiring: Wiring,
    /// The owner of the weight: its `param_key`, or its name if it has none.
    pub tied_param_key: String,
    /// Applied to the output; identity if not set.
    #[serde(default)]
    pub neuron: Neuron,
    /// How the bias starts; 0 if not set.
    #[serde(default = "zeros")]
    pub bias_init: Initializer,
    /// The bias's regularizer; none if not set.
    #[serde(default)]
    pub bias_regu: Regularizer,
    /// The bias's norm constraint; none if not set.
    #[serde(default)]
    pub bias_cons: Constraint,
    /// The factor on the learning rate for the bias; 2 if not set.
    #[serde(default = "bias_lr")]
    pub bias_lr: f64,
    /// Layers of one net with an equal key share the bias.
    #[serde(default)]
    pub param_key: Option<String>,
}

impl TiedInnerProduct {
    /// The inner product with the weight of the layer with this `param_key` or name, transposed.
    pub fn new(name: impl Into<String>, tied_param_key: impl Into<String>) -> Self {
        TiedInnerProduct {
            wiring: Wiring::named(name),
            tied_param_key: tied_param_key.into(),
            neuron: Neuron::Identity,
            bias_init: zeros(),
            bias_regu: Regularizer::None,
            bias_cons: Constraint::None,
            bias_lr: bias_lr(),
            param_key: None,
        }
    }

    /// Sets the neuron.
    pub fn neuron(mut self, neuron: Neuron) -> Self {
        self.neuron = neuron;
        self
    }

    /// Sets how the bias starts.
    pub fn bias_init(mut self, init: Initializer) -> Self {
        self.bias_init = init;
        self
    }

    /// Sets the bias's regularizer.
    pub fn bias_regu(mut self, regularizer: Regularizer) -> Self {
        self.bias_regu = regularizer;
        self
    }

    /// Sets the bias's norm constraint.
    pub fn bias_cons(mut self, constraint: Constraint) -> Self {
        self.bias_cons = constraint;
        self
    }

    /// Sets the factor on the learning rate for the bias.
    pub fn bias_lr(mut self, factor: f64) -> Self {
        self.bias_lr = factor;
        self
    }

    /// Shares the bias with the layers of the net that have the same key.
    pub fn param_key(mut self, key: impl Into<String>) -> Self {
        self.param_key = Some(key.into());
        self
    }
}

impl Wired for TiedInnerProduct {
    fn wiring_mut(&mut self) -> &mut Wiring {
        &mut self.wiring
    }
}

impl Layer for TiedInnerProduct {
    fn kind(&self) -> &'static str {
        "TiedInnerProduct"
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
        let owned = setup.param_of(&self.tied_param_key, "weight")?;
        let (outputs, inputs) = (owned.data().shape().axis(0), owned.data().shape().axis(1));
        let weight = setup.alloc(Shape::new(&[inputs, outputs])?, Role::Param)?;
        let bias = setup.param(ParamSpec {
            name: "bias",
            shape: Shape::new(&[inputs])?,
            init: self.bias_init,
            regularizer: self.bias_regu,
            constraint: self.bias_cons,
            learning_rate: self.bias_lr,
        })?;
        let mut state = State { owned, weight, bias, branches: Vec::new(), flops: 0.0 };
        for bottom in setup.bottoms().to_vec() {
            let shape = bottom.data.shape();
            if shape.sample_len() != outputs {
                return Err(Error::Value {
                    what: format!("the number of elements of a sample of the bottom of shape {shape}"),
                    found: shape.sample_len().to_string(),
                    expected: format!("{outputs}, the number of outputs of `{}`", self.tied_param_key),
                });
            }
            let operation =
                ops::InnerProduct { input: shape, dtype: setup.dtype(), outputs: inputs, neuron: self.neuron };
            let top = setup.add_top(operation.output()?)?;
            let (neuron, tail) = Tail::behind_plan(setup, self.neuron, top.data.shape())?;
            let operation = ops::InnerProduct { neuron, ..operation };
            state.flops += operation.flops();
            state.branches.push(Branch { plan: setup.backend().inner_product(&operation)?, bottom, top, tail });
        }
        Ok(Box::new(state))
    }
}

impl Examples for TiedInnerProduct {
    fn examples() -> Vec<Example> {
        let tied = |shape: &[usize], inputs, neuron| {
            let outputs = shape[1..].iter().product();
            let owner = Example::one_to_one(InnerProduct::new("owner", outputs), &[2, inputs]);
            Example::one_to_one(TiedInnerProduct::new("tied", "owner").neuron(neuron), shape).beside(owner)
        };
        vec![
            tied(&[17, 3], 5, Neuron::Identity),
            tied(&[1, 2, 3], 1, Neuron::Tanh),
            tied(&[3, 19], 33, Neuron::Identity),
            tied(&[2, 3], 4, Neuron::Gelu),
        ]
    }
}

struct State {
    owned: Param,
    /// The owner's weight, transposed.
    weight: Tensor,
    bias: Param,
    branches: Vec<Branch>,
    flops: f64,
}

impl LayerState for State {
    fn forward(&mut self, pass: &mut Pass<'_>) -> Result<()> {
        kernels::transpose(pass.backend, self.owned.data(), &self.weight)?;
        for Branch { plan, bottom, top, tail } in &mut self.branches {
            let (weight, bias) = (&self.weight, Some(self.bias.data()));
            plan.forward(AffineForward { x: &bottom.data, weight, bias, y: tail.target(&top.data) })?;
            tail.forward(pass.backend, &top.data)?;
        }
        Ok(())
    }

    fn backward(&mut self, pass: &Pass<'_>) -> Result<()> {
        for Branch { plan, bottom, top, tail } in &mut self.branches {
            let Some(dy) = &top.diff else { continue };
            tail.backward(pass.backend, &top.data, dy)?;
            let (x, y, weight) = (&bottom.data, tail.target(&top.data), &self.weight);
            let (dx, dbias) = (bottom.diff.as_ref(), self.bias.gradient());
            plan.backward(AffineBackward { x, weight, y, dy, dx, dweight: None, dbias })?;
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

fn zeros() -> Initializer {
    Initializer::Constant { value: 0.0 }
}

fn bias_lr() -> f64 {
    2.0
}
