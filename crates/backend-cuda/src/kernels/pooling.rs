//! Pooling. Max pooling remembers for each output which place of its window won, two bytes as on the CPU.

use super::count;
use crate::{
    Cuda,
    driver::Address,
    launch::{Entry, Grid, Kind, Parameter, Signature},
    memory::{Block, address, check_not_aliased},
};
use core_tensor::{
    DType, Error, Result, Shape, Tensor,
    ops::{PoolMethod, PoolPlan, Pooling},
};

const MAX_FORWARD: Entry<(Address, Address, Address, u32, Windows)> = Entry::new("pooling_max_forward");
const MAX_BACKWARD: Entry<(Address, Address, Address, u32, Windows)> = Entry::new("pooling_max_backward");
const MEAN_FORWARD: Entry<(Address, Address, u32, Windows)> = Entry::new("pooling_mean_forward");
const MEAN_BACKWARD: Entry<(Address, Address, u32, Windows)> = Entry::new("pooling_mean_backward");
pub(super) const SIGNATURES: &[Signature] =
    &[MAX_FORWARD.signature(), MAX_BACKWARD.signature(), MEAN_FORWARD.signature(), MEAN_BACKWARD.signature()];

/// Where the windows of one plane lie; `Windows` in `kernels/pooling.cu`.
#[derive(Clone, Copy)]
#[repr(C)]
struct Windows {
    height: u32,
    width: u32,
    out_height: u32,
    out_width: u32,
    kernel_height: u32,
    kernel_width: u32,
    stride_height: u32,
    stride_width: u32,
    pad_height: u32,
    pad_width: u32,
}

impl Parameter for Windows {
    const KIND: Kind = Kind::Structure(size_of::<Self>());
}

/// A prepared pooling.
pub(crate) struct Plan {
    cuda: Cuda,
    dtype: DType,
    input: Shape,
    output: Shape,
    windows: Windows,
    /// For max pooling, two bytes for each output.
    winners: Option<Block>,
}

impl Plan {
    pub(crate) fn new(cuda: &Cuda, description: &Pooling) -> Result<Self> {
        let (input, output) = (description.input, description.output()?);
        let (kernel, stride, pad) = (description.kernel, description.stride, description.pad);
        let area = kernel.width * kernel.height;
        if area > usize::from(u16::MAX) {
            return Err(Error::Value {
                what: "the pooling kernel".into(),
                found: format!("{kernel} with {area} places"),
                expected: format!("at most {} places", u16::MAX),
            });
        }
        let windows = Windows {
            height: count(input.axis(2))?,
            width: count(input.axis(3))?,
            out_height: count(output.axis(2))?,
            out_width: count(output.axis(3))?,
            kernel_height: count(kernel.height)?,
            kernel_width: count(kernel.width)?,
            stride_height: count(stride.height)?,
            stride_width: count(stride.width)?,
            pad_height: count(pad.height)?,
            pad_width: count(pad.width)?,
        };
        let remembers = description.method == PoolMethod::Max;
        let winners = remembers.then(|| cuda.memory().block(output.len() * size_of::<u16>())).transpose()?;
        Ok(Plan { cuda: cuda.clone(), dtype: description.dtype, input, output, windows, winners })
    }

    /// The places of an input-shaped and an output-shaped tensor.
    fn check(
        &self,
        operation: &'static str,
        (input_name, input): (&'static str, &Tensor),
        (output_name, output): (&'static str, &Tensor),
    ) -> Result<(Address, Address)> {
        for (what, tensor, expected) in [(input_name, input, self.input), (output_name, output, self.output)] {
            if tensor.shape() != expected {
                return Err(Error::Shape { operation, what, found: tensor.shape(), expected });
            }
        }
        check_not_aliased(operation, &[input], &[output])?;
        let place = |what, tensor| address(&self.cuda, operation, what, tensor, self.dtype);
        Ok((place(input_name, input)?, place(output_name, output)?))
    }
}

impl PoolPlan for Plan {
    fn forward(&mut self, x: &Tensor, y: &Tensor) -> Result<()> {
        let (x, y) = self.check("pooling forward", ("the input", x), ("the output", y))?;
        let (cuda, dtype, windows, n) = (&self.cuda, self.dtype, self.windows, count(self.output.len())?);
        let grid = Grid::over(cuda, n);
        match &self.winners {
            Some(winners) => MAX_FORWARD.launch(cuda, dtype, grid, (x, y, winners.address(), n, windows)),
            None => MEAN_FORWARD.launch(cuda, dtype, grid, (x, y, n, windows)),
        }
    }

    fn backward(&mut self, dy: &Tensor, dx: &Tensor) -> Result<()> {
        let (dx, dy) = self.check("pooling backward", ("the result", dx), ("the gradient", dy))?;
        let (cuda, dtype, windows, n) = (&self.cuda, self.dtype, self.windows, count(self.input.len())?);
        let grid = Grid::over(cuda, n);
        match &self.winners {
            Some(winners) => MAX_BACKWARD.launch(cuda, dtype, grid, (dy, winners.address(), dx, n, windows)),
            None => MEAN_BACKWARD.launch(cuda, dtype, grid, (dy, dx, n, windows)),
        }
    }
}
