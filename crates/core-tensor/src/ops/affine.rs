//! Convolution and inner product: `y = neuron(W x + b)` with a weight that is shared over positions, or not.
//!
//! Both have the same operands, so one pair of call structs and one plan trait serve both. A plan owns what must survive
//! from forward to backward (transformed inputs, for Winograd) and its workspace; the tensors stay the caller's. The neuron
//! is part of the operation so that a backend can apply it while the numbers are still in registers.

use super::{Neuron, windows};
use crate::{DType, Error, Result, Shape, Size2, Tensor};
use serde::{Deserialize, Serialize};

/// Which convolution algorithm to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Algorithm {
    /// The fastest that the backend has for the shape.
    #[default]
    Auto,
    /// Multiply and add in the order of the definition; the most exact (about 8e-7 of the largest value in f32).
    Direct,
}

/// A two-dimensional cross-correlation with bias and neuron; Caffe's and Mocha's "convolution".
#[derive(Debug, Clone, PartialEq)]
pub struct Convolution {
    /// The input blob, (N, C, H, W).
    pub input: Shape,
    /// The element type.
    pub dtype: DType,
    /// The number of filters, that is of output channels.
    pub filters: usize,
    /// The filter's size.
    pub kernel: Size2,
    /// The step between neighbouring positions.
    pub stride: Size2,
    /// Rows and columns of zeros around the input.
    pub pad: Size2,
    /// The step between neighbouring taps of the filter; (1, 1) if they are neighbouring pixels.
    pub dilation: Size2,
    /// Channels and filters fall into this many groups that do not see each other.
    pub groups: usize,
    /// Applied to the output.
    pub neuron: Neuron,
    /// Which algorithm to use.
    pub algorithm: Algorithm,
}

impl Convolution {
    /// The output blob, (N, filters, H', W'), rounded down as Caffe and Mocha do.
    ///
    /// # Errors
    /// [`Error::Value`] for a shape that is not an image blob, a zero stride or dilation, a kernel that does not fit, or groups
    /// that divide neither channels nor filters.
    pub fn output(&self) -> Result<Shape> {
        if self.input.rank() != 4 || self.input.is_empty() {
            return Err(Error::Value {
                what: "the bottom blob's shape".into(),
                found: self.input.to_string(),
                expected: "a non-empty image blob (N, channels, height, width)".into(),
            });
        }
        let channels = self.input.axis(1);
        for (what, count) in [("input channels", channels), ("filters", self.filters)] {
            if self.groups == 0 || count == 0 || count % self.groups != 0 {
                return Err(Error::Value {
                    what: format!("the number of {what}"),
                    found: count.to_string(),
                    expected: format!("a positive multiple of the {} groups", self.groups),
                });
            }
        }
        let (extent, stride, pad) = (self.extent()?, self.stride, self.pad);
        let height = windows("height", self.input.axis(2), extent.height, stride.height, pad.height, false)?;
        let width = windows("width", self.input.axis(3), extent.width, stride.width, pad.width, false)?;
        Shape::new(&[self.input.batch(), self.filters, height, width])
    }

    /// Rows and columns from the filter's first tap to its last: the kernel, stretched by the dilation.
    ///
    /// # Errors
    /// [`Error::Value`] for a zero dilation.
    pub fn extent(&self) -> Result<Size2> {
        let Size2 { width, height } = self.dilation;
        if width == 0 || height == 0 {
            return Err(Error::Value {
                what: "the dilation".into(),
                found: self.dilation.to_string(),
                expected: "at least 1 on both axes, 1 for taps on neighbouring pixels".into(),
            });
        }
        let stretch = |kernel: usize, dilation: usize| kernel.saturating_sub(1) * dilation + kernel.min(1);
        Ok(Size2 { width: stretch(self.kernel.width, width), height: stretch(self.kernel.height, height) })
    }

    /// Whether the filter's taps lie on neighbouring pixels.
    pub fn is_dense(&self) -> bool {
        self.dilation == Size2 { width: 1, height: 1 }
    }

    /// The filter's shape, (filters, channels / groups, kernel height, kernel width).
    ///
    /// # Errors
    /// As [`Convolution::output`].
    pub fn filter(&self) -> Result<Shape> {
        self.output()?;
        Shape::new(&[self.filters, self.input.axis(1) / self.groups, self.kernel.height, self.kernel.width])
    }

    /// Floating point operations of one forward pass, a multiply-add counted as two.
    pub fn flops(&self) -> f64 {
        match (self.output(), self.filter()) {
            (Ok(output), Ok(filter)) => 2.0 * output.len() as f64 * filter.sample_len() as f64,
            _ => 0.0,
        }
    }
}

/// A fully connected layer with bias and neuron: `y = neuron(W x + b)` over flattened samples.
#[derive(Debug, Clone, PartialEq)]
pub struct InnerProduct {
    /// The input blob, (N, anything); samples are flattened in logical order.
    pub input: Shape,
    /// The element type.
    pub dtype: DType,
    /// The number of outputs.
    pub outputs: usize,
    /// Applied to the output.
    pub neuron: Neuron,
}

impl InnerProduct {
    /// The output blob, (N, outputs).
    ///
    /// # Errors
    /// [`Error::Value`] for an empty input or no outputs.
    pub fn output(&self) -> Result<Shape> {
        if self.input.is_empty() || self.outputs == 0 {
            return Err(Error::Value {
                what: "the inner product".into(),
                found: format!("{} inputs of shape {}, {} outputs", self.input.sample_len(), self.input, self.outputs),
                expected: "at least one input and one output".into(),
            });
        }
        Shape::new(&[self.input.batch(), self.outputs])
    }

    /// The weight's shape, (outputs, inputs).
    ///
    /// # Errors
    /// As [`InnerProduct::output`].
    pub fn weight(&self) -> Result<Shape> {
        self.output()?;
        Shape::new(&[self.outputs, self.input.sample_len()])
    }

    /// Floating point operations of one forward pass, a multiply-add counted as two.
    pub fn flops(&self) -> f64 {
        2.0 * self.input.len() as f64 * self.outputs as f64
    }
}

/// The operands of a forward pass.
#[derive(Debug, Clone, Copy)]
pub struct AffineForward<'a> {
    /// The input blob.
    pub x: &'a Tensor,
    /// The filter or weight.
    pub weight: &'a Tensor,
    /// One number per output channel, or no bias.
    pub bias: Option<&'a Tensor>,
    /// The output blob, overwritten.
    pub y: &'a Tensor,
}

/// The operands of a backward pass. What is `None` is not computed.
#[derive(Debug, Clone, Copy)]
pub struct AffineBackward<'a> {
    /// The input blob of the forward pass.
    pub x: &'a Tensor,
    /// The filter or weight of the forward pass.
    pub weight: &'a Tensor,
    /// The output blob of the forward pass.
    pub y: &'a Tensor,
    /// The gradient with respect to `y`. Used up: with a neuron it is multiplied by the neuron's derivative in place.
    pub dy: &'a Tensor,
    /// The gradient with respect to `x`, overwritten.
    pub dx: Option<&'a Tensor>,
    /// The gradient with respect to the weight.
    pub dweight: Option<Gradient<'a>>,
    /// The gradient with respect to the bias.
    pub dbias: Option<Gradient<'a>>,
}

/// Where a parameter's gradient goes.
#[derive(Debug, Clone, Copy)]
pub struct Gradient<'a> {
    /// The gradient's tensor, of the parameter's shape.
    pub target: &'a Tensor,
    /// Add to what is there (shared parameters, several bottoms, accumulated batches) instead of overwriting it.
    pub add: bool,
}

/// A prepared convolution or inner product.
pub trait AffinePlan: Send {
    /// Computes `y`.
    ///
    /// # Errors
    /// Operands whose shape, element type or backend do not fit the description.
    fn forward(&mut self, call: AffineForward<'_>) -> Result<()>;

    /// Computes the gradients that are asked for. Must follow a `forward` with the same operands, except for an inner product
    /// without a neuron, which keeps nothing.
    ///
    /// # Errors
    /// Operands whose shape, element type or backend do not fit the description.
    fn backward(&mut self, call: AffineBackward<'_>) -> Result<()>;

    /// Computes `dx` from `dy` alone, without a forward pass before: the transposed operation, without bias and neuron. A
    /// convolution with [`Algorithm::Direct`] can.
    ///
    /// # Errors
    /// A plan that cannot, or operands whose shape, element type or backend do not fit the description.
    fn transposed(&mut self, weight: &Tensor, dy: &Tensor, dx: &Tensor) -> Result<()> {
        let _ = (weight, dy, dx);
        Err(Error::Value {
            what: "the algorithm of a transposed operation".into(),
            found: self.algorithm().into(),
            expected: "that of a convolution with `Algorithm::Direct`".into(),
        })
    }

    /// The algorithm in use, for the net's summary, e.g. `direct` or `winograd F(4x4,5x5)`.
    fn algorithm(&self) -> &'static str;
}
