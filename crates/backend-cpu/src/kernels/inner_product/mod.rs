//! Inner products: whole blocks of samples at a time (`lanes`), or a `few` samples without their padding.

mod backward;
mod few;
mod forward;
mod lanes;

use crate::{
    Cpu,
    lane::{LANES, Lane, Real, horizontal_sum},
    memory::blocks,
    threads::Pool,
};
use core_tensor::{
    DType, Error, Result, Shape, Tensor,
    ops::{AffinePlan, InnerProduct, Neuron},
};
use few::Few;
use lanes::Lanes;

/// Prepares the fastest algorithm for an inner product.
pub(crate) fn plan(cpu: &Cpu, description: &InnerProduct) -> Result<Box<dyn AffinePlan>> {
    Ok(match description.dtype {
        DType::F32 if few::suits(cpu, description) => Box::new(Few::new(cpu, description)?),
        DType::F32 => Box::new(Lanes::<f32>::new(cpu, description)?),
        DType::F64 => Box::new(Lanes::<f64>::new(cpu, description)?),
    })
}

/// What is computed, and a check of the operands.
struct Product {
    input: Shape,
    output: Shape,
    neuron: Neuron,
}

#[derive(Clone, Copy)]
struct Sizes {
    inputs: usize,
    outputs: usize,
    blocks: usize,
    batch: usize,
}

impl Product {
    fn new(description: &InnerProduct) -> Result<Self> {
        Ok(Product { input: description.input, output: description.output()?, neuron: description.neuron })
    }

    fn sizes(&self) -> Sizes {
        let (inputs, outputs) = (self.input.sample_len(), self.output.sample_len());
        Sizes { inputs, outputs, blocks: blocks(self.input.batch()), batch: self.input.batch() }
    }

    fn check(
        &self,
        operation: &'static str,
        x: &Tensor,
        weight: &Tensor,
        bias: Option<&Tensor>,
        y: &Tensor,
    ) -> Result<()> {
        let Sizes { inputs, outputs, .. } = self.sizes();
        let weight_shape = Shape::new(&[outputs, inputs])?;
        let operands =
            [("the input", x, self.input), ("the output", y, self.output), ("the weight", weight, weight_shape)];
        for (what, tensor, expected) in operands {
            if tensor.shape() != expected {
                return Err(Error::Shape { operation, what, found: tensor.shape(), expected });
            }
        }
        match bias {
            Some(bias) if bias.shape().len() != outputs => {
                let expected = Shape::new(&[outputs])?;
                Err(Error::Shape { operation, what: "the bias", found: bias.shape(), expected })
            }
            _ => Ok(()),
        }
    }
}

/// Sums gradients over samples and positions: `target[channel]` from `dy` as `[block][channel][position]`.
pub(crate) fn bias_gradient<T: Real>(pool: &Pool, dy: &[Lane<T>], positions: usize, add: bool, target: &mut [T]) {
    let channels = target.len();
    let worth_sharing = dy.len() > BIAS_LANES;
    pool.chunks(target, if worth_sharing { 1 } else { channels }, |first, target| {
        for (channel, target) in target.iter_mut().enumerate() {
            let mut sum = [T::ZERO; LANES];
            for block in dy.chunks_exact((channels * positions).max(1)) {
                let dy = &block[(first + channel) * positions..][..positions];
                dy.iter().for_each(|dy| crate::lane::add(&mut sum, dy));
            }
            let sum = horizontal_sum(&sum);
            *target = if add { *target + sum } else { sum };
        }
    });
}

/// Lanes whose sum is not worth a second thread.
const BIAS_LANES: usize = 4096;
