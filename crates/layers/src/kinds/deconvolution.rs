//! Transposed convolution: what a convolution does to gradients on the way back, done forward. Enlarges images.
//!
//! Caffe: `src/caffe/layers/deconv_layer.cpp`; the definition is Zeiler et al. 2010. It runs the plan of that convolution with
//! the roles of input and output exchanged.

use super::tail::Tail;
use crate::{
    Arity, Blob, Constraint, Count, Error, Example, Examples, Initializer, Layer, LayerState, Param, ParamSpec, Pass,
    Regularizer, Result, Setup, Wired, Wiring,
};
use core_tensor::{
    Shape, Size2,
    ops::{self, AffineBackward, AffineForward, AffinePlan, Algorithm, Neuron, kernels},
};
use serde::{Deserialize, Serialize};
use std::any::Any;

/// Adds each filter, times the pixel, to the output around each pixel; then bias and neuron.
///
/// Bottom (N, C, H, W), top (N, n_filter, H', W') with `H' = (H - 1) stride + extent - 2 pad`, where the extent is
/// `(kernel - 1) dilation + 1`. Parameters: `filter` (C, n_filter / n_group, kernel height, kernel width), the channels that are
/// taken first, as in Caffe, and unless [`Deconvolution::bias_term`] is off `bias` (n_filter).
///
/// ```
/// use layers::prelude::*;
/// let twice_as_large = Deconvolution::new("up1", 8, (4, 4)).stride((2, 2)).pad((1, 1)).bottom("conv3").top("up1");
/// assert_eq!(twice_as_large.n_group, 1);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deconvolution {
    /// Name and blobs.
    #[serde(flatten)]
    pub wiring: Wiring,
    /// The number of output channels.
    pub n_filter: usize,
    /// The filter's size.
    pub kernel: Size2,
    /// The step in the output between neighbouring pixels of the bottom; (1, 1) if not set.
    #[serde(default = "one")]
    pub stride: Size2,
    /// Rows and columns that are cut off the output on each side; (0, 0) if not set.
    #[serde(default = "zero")]
    pub pad: Size2,
    /// The step between neighbouring taps of the filter; (1, 1) if not set.
    #[serde(default = "one")]
    pub dilation: Size2,
    /// Channels of bottom and top fall into this many groups that do not see each other; 1 if not set.
    #[serde(default = "one_group")]
    pub n_group: usize,
    /// Whether there is a bias; yes if not set.
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
    /// The filter's regularizer; L2 with coefficient 1 if not set. The bias has none.
    #[serde(default = "l2")]
    pub filter_regu: Regularizer,
    /// The factor on the learning rate for the filter; 1 if not set.
    #[serde(default = "filter_lr")]
    pub filter_lr: f64,
    /// The factor on the learning rate for the bias; 2 if not set.
    #[serde(default = "bias_lr")]
    pub bias_lr: f64,
    /// Layers of one net with an equal key share filter and bias.
    #[serde(default)]
    pub param_key: Option<String>,
}

impl Deconvolution {
    /// A transposed convolution with `n_filter` output channels and filters of `kernel` (width, height).
    pub fn new(name: impl Into<String>, n_filter: usize, kernel: impl Into<Size2>) -> Self {
        Deconvolution {
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
            filter_lr: filter_lr(),
            bias_lr: bias_lr(),
            param_key: None,
        }
    }

    /// Sets the step in the output between neighbouring pixels of the bottom, (width, height).
    pub fn stride(mut self, stride: impl Into<Size2>) -> Self {
        self.stride = stride.into();
        self
    }

    /// Sets the columns and rows that are cut off the output on each side, (width, height).
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

    /// The convolution whose backward pass this is: from the top's shape to the bottom's.
    fn operation(&self, setup: &Setup<'_>, bottom: Shape) -> Result<ops::Convolution> {
        if bottom.rank() != 4 || bottom.is_empty() {
            return Err(Error::Value {
                what: "the bottom blob's shape".into(),
                found: bottom.to_string(),
                expected: "a non-empty image blob (N, channels, height, width)".into(),
            });
        }
        for (what, count) in [("input channels", bottom.axis(1)), ("filters", self.n_filter)] {
            if self.n_group == 0 || count == 0 || !count.is_multiple_of(self.n_group) {
                return Err(Error::Value {
                    what: format!("the number of {what}"),
                    found: count.to_string(),
                    expected: format!("a positive multiple of the {} groups", self.n_group),
                });
            }
        }
        let mut operation = ops::Convolution {
            input: bottom,
            dtype: setup.dtype(),
            filters: bottom.axis(1),
            kernel: self.kernel,
            stride: self.stride,
            pad: self.pad,
            dilation: self.dilation,
            groups: self.n_group,
            neuron: Neuron::Identity,
            algorithm: Algorithm::Direct,
        };
        let extent = operation.extent()?;
        let height = output("height", bottom.axis(2), extent.height, self.stride.height, self.pad.height)?;
        let width = output("width", bottom.axis(3), extent.width, self.stride.width, self.pad.width)?;
        operation.input = Shape::new(&[bottom.batch(), self.n_filter, height, width])?;
        Ok(operation)
    }
}

/// `(size - 1) stride + extent - 2 pad`.
fn output(what: &str, size: usize, extent: usize, stride: usize, pad: usize) -> Result<usize> {
    let whole = (size - 1) * stride + extent;
    match whole.checked_sub(2 * pad) {
        Some(left @ 1..) => Ok(left),
        _ => Err(Error::Value {
            what: format!("the pad's {what}"),
            found: pad.to_string(),
            expected: format!("less than half of {whole}, the {what} of the output before it is cut"),
        }),
    }
}

impl Wired for Deconvolution {
    fn wiring_mut(&mut self) -> &mut Wiring {
        &mut self.wiring
    }
}

impl Layer for Deconvolution {
    fn kind(&self) -> &'static str {
        "Deconvolution"
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
        let bottom = setup.bottom(0).clone();
        let operation = self.operation(setup, bottom.data.shape())?;
        let constraint = Constraint::None;
        let filter = setup.param(ParamSpec {
            name: "filter",
            shape: operation.filter()?,
            init: self.filter_init,
            regularizer: self.filter_regu,
            constraint,
            learning_rate: self.filter_lr,
        })?;
        let bias = ParamSpec {
            name: "bias",
            shape: Shape::new(&[self.n_filter])?,
            init: self.bias_init,
            regularizer: Regularizer::None,
            constraint,
            learning_rate: self.bias_lr,
        };
        let bias = self.bias_term.then(|| setup.param(bias)).transpose()?;
        let top = setup.add_top(operation.input)?;
        let tail = Tail::new(setup, self.neuron, operation.input)?;
        let plan = setup.backend().convolution(&operation)?;
        Ok(Box::new(State { plan, filter, bias, bottom, top, tail, flops: operation.flops() }))
    }
}

impl Examples for Deconvolution {
    fn examples() -> Vec<Example> {
        let deconv = |n_filter, kernel: (usize, usize)| Deconvolution::new("deconv", n_filter, kernel);
        vec![
            Example::one_to_one(deconv(3, (3, 2)), &[1, 2, 3, 4]),
            Example::one_to_one(deconv(2, (4, 4)).stride((2, 2)).pad((1, 1)), &[17, 3, 3, 2]),
            Example::one_to_one(deconv(4, (2, 3)).n_group(2).stride((3, 1)).neuron(Neuron::Tanh), &[3, 2, 3, 2]),
            Example::one_to_one(
                deconv(1, (3, 3)).bias_term(false).dilation((2, 1)).neuron(Neuron::Silu),
                &[2, 2, 2, 3],
            ),
        ]
    }
}

struct State {
    /// From the top's shape to the bottom's.
    plan: Box<dyn AffinePlan>,
    filter: Param,
    bias: Option<Param>,
    bottom: Blob,
    top: Blob,
    tail: Tail,
    flops: f64,
}

impl LayerState for State {
    fn forward(&mut self, pass: &mut Pass<'_>) -> Result<()> {
        let y = self.tail.target(&self.top.data);
        self.plan.transposed(self.filter.data(), &self.bottom.data, y)?;
        if let Some(bias) = &self.bias {
            kernels::channel_shift(pass.backend, 1, bias.data(), y)?;
        }
        self.tail.forward(pass.backend, &self.top.data)
    }

    fn backward(&mut self, pass: &Pass<'_>) -> Result<()> {
        let Some(dy) = &self.top.diff else { return Ok(()) };
        self.tail.backward(pass.backend, &self.top.data, dy)?;
        if let Some(gradient) = self.bias.as_ref().and_then(Param::gradient) {
            kernels::channel_sum(pass.backend, 1, dy, gradient)?;
        }
        let (x, weight) = (&self.bottom.data, self.filter.data());
        if let Some(dx) = &self.bottom.diff {
            self.plan.forward(AffineForward { x: dy, weight, bias: None, y: dx })?;
        }
        let dweight = self.filter.gradient();
        Ok(self.plan.backward(AffineBackward { x: dy, weight, y: x, dy: x, dx: None, dweight, dbias: None })?)
    }

    fn flops(&self) -> f64 {
        self.flops
    }

    fn algorithm(&self) -> Option<&'static str> {
        Some(self.plan.algorithm())
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
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
