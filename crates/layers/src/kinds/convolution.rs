//! Convolution over images, with bias and neuron.
//!
//! Caffe: `src/caffe/layers/conv_layer.cpp`; Mocha: `src/layers/convolution.jl`. The computing is the backend's.

use super::{
    Pooling,
    affine::{AffineState, Branch},
    tail::Tail,
};
use crate::{
    Arity, Constraint, Count, Error, Example, ExampleBottom, Examples, Initializer, Layer, LayerState, Param,
    ParamSpec, Regularizer, Result, Setup, Wired, Wiring,
};
use core_tensor::{
    Shape, Size2,
    ops::{self, Algorithm, Neuron},
};
use serde::{Deserialize, Serialize};

/// Two-dimensional convolution (without flipping the filter, as in Caffe and Mocha), then bias and neuron.
///
/// Bottom (N, C, H, W), top (N, n_filter, H', W') with `H' = (H + 2 pad - extent) / stride + 1`, rounded down, where
/// the extent is `(kernel - 1) dilation + 1`. Parameters:
/// `filter` (n_filter, C / n_group, kernel height, kernel width) and, unless [`Convolution::bias_term`] is off, `bias` (n_filter). Several bottoms, each with a top,
/// share the filter.
///
/// ```
/// use layers::prelude::*;
/// let conv = Convolution::new("conv1", 20, (5, 5)).stride((2, 1)).neuron(Neuron::ReLU).bottom("data").top("conv1");
/// assert_eq!((conv.stride.width, conv.stride.height), (2, 1));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Convolution {
    /// Name and blobs.
    #[serde(flatten)]
    pub wiring: Wiring,
    /// The number of filters, that is of output channels.
    pub n_filter: usize,
    /// The filter's size.
    pub kernel: Size2,
    /// The step between neighbouring positions; (1, 1) if not set.
    #[serde(default = "one")]
    pub stride: Size2,
    /// Rows and columns of zeros around the image; (0, 0) if not set.
    #[serde(default = "zero")]
    pub pad: Size2,
    /// The step between neighbouring taps of the filter; (1, 1), neighbouring pixels, if not set.
    #[serde(default = "one")]
    pub dilation: Size2,
    /// Channels and filters fall into this many groups that do not see each other; 1 if not set.
    #[serde(default = "one_group")]
    pub n_group: usize,
    /// Whether there is a bias; yes if not set. Before a [`BatchNorm`](crate::BatchNorm) it has no effect.
    #[serde(default = "yes")]
    pub bias_term: bool,
    /// Applied to the output; identity if not set.
    #[serde(default)]
    pub neuron: Neuron,
    /// How the filter starts; Xavier if not set.
    #[serde(default = "xavier")]
    pub filter_init: Initializer,
    /// How the bias starts; 0 if not set.
    #[serde(default = "zeros")]
    pub bias_init: Initializer,
    /// The filter's regularizer; L2 with coefficient 1 if not set.
    #[serde(default = "l2")]
    pub filter_regu: Regularizer,
    /// The bias's regularizer; none if not set.
    #[serde(default)]
    pub bias_regu: Regularizer,
    /// The filter's norm constraint; none if not set.
    #[serde(default)]
    pub filter_cons: Constraint,
    /// The bias's norm constraint; none if not set.
    #[serde(default)]
    pub bias_cons: Constraint,
    /// The factor on the learning rate for the filter; 1 if not set.
    #[serde(default = "filter_lr")]
    pub filter_lr: f64,
    /// The factor on the learning rate for the bias; 2 if not set.
    #[serde(default = "bias_lr")]
    pub bias_lr: f64,
    /// Layers of one net with an equal key share filter and bias.
    #[serde(default)]
    pub param_key: Option<String>,
    /// Which algorithm to use; the backend's choice if not set.
    #[serde(default)]
    pub algorithm: Algorithm,
}

impl Convolution {
    /// A convolution with `n_filter` filters of `kernel` (width, height).
    pub fn new(name: impl Into<String>, n_filter: usize, kernel: impl Into<Size2>) -> Self {
        Convolution {
            wiring: Wiring::named(name),
            n_filter,
            kernel: kernel.into(),
            stride: one(),
            pad: zero(),
            dilation: one(),
            n_group: one_group(),
            bias_term: yes(),
            neuron: Neuron::Identity,
            filter_init: xavier(),
            bias_init: zeros(),
            filter_regu: l2(),
            bias_regu: Regularizer::None,
            filter_cons: Constraint::None,
            bias_cons: Constraint::None,
            filter_lr: filter_lr(),
            bias_lr: bias_lr(),
            param_key: None,
            algorithm: Algorithm::Auto,
        }
    }

    /// Sets the step between neighbouring positions, (width, height).
    pub fn stride(mut self, stride: impl Into<Size2>) -> Self {
        self.stride = stride.into();
        self
    }

    /// Sets the columns and rows of zeros around the image, (width, height).
    pub fn pad(mut self, pad: impl Into<Size2>) -> Self {
        self.pad = pad.into();
        self
    }

    /// Sets the step between neighbouring taps of the filter, (width, height).
    pub fn dilation(mut self, dilation: impl Into<Size2>) -> Self {
        self.dilation = dilation.into();
        self
    }

    /// Sets the number of groups.
    pub fn n_group(mut self, n_group: usize) -> Self {
        self.n_group = n_group;
        self
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

    /// Sets how the filter starts.
    pub fn filter_init(mut self, init: Initializer) -> Self {
        self.filter_init = init;
        self
    }

    /// Sets how the bias starts.
    pub fn bias_init(mut self, init: Initializer) -> Self {
        self.bias_init = init;
        self
    }

    /// Sets the filter's regularizer.
    pub fn filter_regu(mut self, regularizer: Regularizer) -> Self {
        self.filter_regu = regularizer;
        self
    }

    /// Sets the bias's regularizer.
    pub fn bias_regu(mut self, regularizer: Regularizer) -> Self {
        self.bias_regu = regularizer;
        self
    }

    /// Sets the filter's norm constraint.
    pub fn filter_cons(mut self, constraint: Constraint) -> Self {
        self.filter_cons = constraint;
        self
    }

    /// Sets the bias's norm constraint.
    pub fn bias_cons(mut self, constraint: Constraint) -> Self {
        self.bias_cons = constraint;
        self
    }

    /// Sets the factor on the learning rate for the filter.
    pub fn filter_lr(mut self, factor: f64) -> Self {
        self.filter_lr = factor;
        self
    }

    /// Sets the factor on the learning rate for the bias.
    pub fn bias_lr(mut self, factor: f64) -> Self {
        self.bias_lr = factor;
        self
    }

    /// Shares filter and bias with the layers of the net that have the same key.
    pub fn param_key(mut self, key: impl Into<String>) -> Self {
        self.param_key = Some(key.into());
        self
    }

    /// Sets the algorithm.
    pub fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    fn params(&self, setup: &mut Setup<'_>, filter_shape: Shape) -> Result<(Param, Option<Param>)> {
        let filter = setup.param(ParamSpec {
            name: "filter",
            shape: filter_shape,
            init: self.filter_init,
            regularizer: self.filter_regu,
            constraint: self.filter_cons,
            learning_rate: self.filter_lr,
        })?;
        let bias = ParamSpec {
            name: "bias",
            shape: Shape::new(&[self.n_filter])?,
            init: self.bias_init,
            regularizer: self.bias_regu,
            constraint: self.bias_cons,
            learning_rate: self.bias_lr,
        };
        let bias = self.bias_term.then(|| setup.param(bias)).transpose()?;
        Ok((filter, bias))
    }

    fn operation(&self, setup: &Setup<'_>, input: Shape) -> ops::Convolution {
        ops::Convolution {
            input,
            dtype: setup.dtype(),
            filters: self.n_filter,
            kernel: self.kernel,
            stride: self.stride,
            pad: self.pad,
            dilation: self.dilation,
            groups: self.n_group,
            neuron: self.neuron,
            algorithm: self.algorithm,
        }
    }
}

impl Wired for Convolution {
    fn wiring_mut(&mut self) -> &mut Wiring {
        &mut self.wiring
    }
}

impl Layer for Convolution {
    fn kind(&self) -> &'static str {
        "Convolution"
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
        let filter_shape = self.operation(setup, setup.bottom(0).data.shape()).filter()?;
        let (weight, bias) = self.params(setup, filter_shape)?;
        let mut state = AffineState { weight, bias, branches: Vec::new(), flops: 0.0 };
        for bottom in bottoms {
            let operation = self.operation(setup, bottom.data.shape());
            if operation.filter()? != filter_shape {
                return Err(Error::Value {
                    what: format!("the filter shape for a bottom of shape {}", bottom.data.shape()),
                    found: operation.filter()?.to_string(),
                    expected: format!("{filter_shape} as for the first bottom, since all bottoms share the filter"),
                });
            }
            let top = setup.add_top(operation.output()?)?;
            let (neuron, tail) = Tail::behind_plan(setup, self.neuron, top.data.shape())?;
            let operation = ops::Convolution { neuron, ..operation };
            state.flops += operation.flops();
            state.branches.push(Branch { plan: setup.backend().convolution(&operation)?, bottom, top, tail });
        }
        Ok(Box::new(state))
    }

    fn setup_fused(&self, next: &dyn Layer, setup: &mut Setup<'_>) -> Result<Option<Box<dyn LayerState>>> {
        let Some(pooling) = next.as_any().downcast_ref::<Pooling>() else { return Ok(None) };
        let bottom = setup.bottom(0).clone();
        let operation = self.operation(setup, bottom.data.shape());
        let (filter_shape, between) = (operation.filter()?, operation.output()?);
        let then = pooling.operation(setup, between);
        // What is wrong with the pooling is told when it is set up by itself, under its own name.
        let Ok(output) = then.output() else { return Ok(None) };
        if pooling.neuron != Neuron::Identity || self.neuron.needs_input() {
            return Ok(None);
        }
        let Some(plan) = setup.backend().convolution_pooling(&operation, &then)? else { return Ok(None) };
        let (weight, bias) = self.params(setup, filter_shape)?;
        setup.fused_blob(between);
        let top = setup.add_top(output)?;
        let tail = Tail::new(setup, Neuron::Identity, output)?;
        let branches = vec![Branch { plan, bottom, top, tail }];
        Ok(Some(Box::new(AffineState { weight, bias, branches, flops: operation.flops() })))
    }
}

impl Examples for Convolution {
    fn examples() -> Vec<Example> {
        let conv = |n_filter, kernel: (usize, usize)| Convolution::new("conv", n_filter, kernel);
        let two = vec![ExampleBottom::Numbers(vec![2, 2, 5, 4]), ExampleBottom::Numbers(vec![3, 2, 4, 6])];
        vec![
            Example::one_to_one(conv(3, (3, 2)), &[1, 2, 5, 7]),
            Example::one_to_one(conv(2, (5, 5)), &[17, 1, 6, 6]),
            Example::one_to_one(conv(3, (1, 1)).neuron(Neuron::Tanh), &[3, 4, 2, 3]),
            Example::one_to_one(conv(4, (3, 4)).n_group(2).pad((2, 1)).stride((1, 2)), &[2, 4, 5, 3]),
            Example::one_to_one(conv(3, (2, 3)).stride((3, 2)).neuron(Neuron::ReLU), &[5, 3, 7, 8]),
            Example::one_to_one(conv(2, (3, 3)).algorithm(Algorithm::Direct), &[2, 1, 4, 4]),
            Example::one_to_one(conv(3, (3, 3)).bias_term(false).neuron(Neuron::ELU), &[17, 2, 4, 5]),
            Example::one_to_one(conv(2, (2, 2)).neuron(Neuron::Gelu), &[3, 1, 4, 3]),
            Example::one_to_one(conv(2, (3, 2)).dilation((2, 3)).pad((1, 2)), &[18, 2, 5, 6]),
            Example::one_to_one(conv(2, (3, 3)).dilation((2, 4)).stride((4, 3)).pad((3, 4)), &[2, 1, 7, 9]),
            Example::new(conv(2, (3, 3)).neuron(Neuron::Sigmoid), two.clone(), 2),
            Example::new(conv(2, (3, 3)).neuron(Neuron::Silu), two, 2),
        ]
    }
}

fn one() -> Size2 {
    (1, 1).into()
}

fn zero() -> Size2 {
    (0, 0).into()
}

fn one_group() -> usize {
    1
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

fn filter_lr() -> f64 {
    1.0
}

fn bias_lr() -> f64 {
    2.0
}
