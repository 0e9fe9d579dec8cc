//! Pooling over windows of an image blob.

use super::windows;
use crate::{DType, Error, Result, Shape, Size2, Tensor};
use serde::{Deserialize, Serialize};

/// How a window becomes one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum PoolMethod {
    /// The largest; the first in row-major order where several are equal (Caffe's rule).
    #[default]
    Max,
    /// The sum divided by the *full* kernel area, also where the window is clipped at the border (Mocha's rule).
    Mean,
}

/// Two-dimensional pooling. The output is rounded up, as in Caffe and Mocha; windows are clipped to the image.
#[derive(Debug, Clone, PartialEq)]
pub struct Pooling {
    /// The input blob, (N, C, H, W).
    pub input: Shape,
    /// The element type.
    pub dtype: DType,
    /// How a window becomes one number.
    pub method: PoolMethod,
    /// The window's size.
    pub kernel: Size2,
    /// The step between neighbouring windows.
    pub stride: Size2,
    /// Rows and columns around the input that belong to no pixel.
    pub pad: Size2,
}

impl Pooling {
    /// The output blob, (N, C, H', W').
    ///
    /// # Errors
    /// [`Error::Value`] for a shape that is not an image blob, a zero stride, a kernel that does not fit, or a pad as large
    /// as the kernel (a window would see no pixel).
    pub fn output(&self) -> Result<Shape> {
        if self.input.rank() != 4 || self.input.is_empty() {
            return Err(Error::Value {
                what: "the bottom blob's shape".into(),
                found: self.input.to_string(),
                expected: "a non-empty image blob (N, channels, height, width)".into(),
            });
        }
        let (kernel, stride, pad) = (self.kernel, self.stride, self.pad);
        if pad.width >= kernel.width.max(1) || pad.height >= kernel.height.max(1) {
            return Err(Error::Value {
                what: "the pad".into(),
                found: pad.to_string(),
                expected: format!("less than the kernel {kernel} on both axes, or a window would see no pixel"),
            });
        }
        let height = windows("height", self.input.axis(2), kernel.height, stride.height, pad.height, true)?;
        let width = windows("width", self.input.axis(3), kernel.width, stride.width, pad.width, true)?;
        Shape::new(&[self.input.batch(), self.input.axis(1), height, width])
    }

    /// Operations of one forward pass: one comparison or addition for each place of each window.
    pub fn flops(&self) -> f64 {
        self.output().map_or(0.0, |output| (output.len() * self.kernel.width * self.kernel.height) as f64)
    }
}

/// A prepared pooling.
pub trait PoolPlan: Send {
    /// Pools `x` into `y`.
    ///
    /// # Errors
    /// Operands whose shape, element type or backend do not fit the description.
    fn forward(&mut self, x: &Tensor, y: &Tensor) -> Result<()>;

    /// Overwrites `dx` with the gradient. Must follow a `forward`, whose winners it remembers.
    ///
    /// # Errors
    /// Operands whose shape, element type or backend do not fit the description.
    fn backward(&mut self, dy: &Tensor, dx: &Tensor) -> Result<()>;
}
