//! Inner products: three matrix products by cuBLAS, one pass for bias and neuron, one for the bias's gradient.

use super::{count, neuron};
use crate::{
    Cuda,
    blas::{Matrix, Sizes},
    driver::Address,
    launch::{Entry, Grid, Signature},
    memory::{address, check_not_aliased, lock},
};
use core_tensor::{
    DType, Error, Result, Shape, Tensor,
    ops::{AffineBackward, AffineForward, AffinePlan, InnerProduct, Neuron, kernels},
};

const OUTPUT: Entry<(Address, Address, u32, u32, u32, f64)> = Entry::new("inner_product_output");
const BIAS_GRADIENT: Entry<(Address, Address, u32, u32, u32)> = Entry::new("inner_product_bias_gradient");
pub(super) const SIGNATURES: &[Signature] = &[OUTPUT.signature(), BIAS_GRADIENT.signature()];

/// A prepared inner product.
pub(crate) struct Plan {
    cuda: Cuda,
    dtype: DType,
    input: Shape,
    output: Shape,
    weight: Shape,
    neuron: Neuron,
}

impl Plan {
    pub(crate) fn new(cuda: &Cuda, description: &InnerProduct) -> Result<Self> {
        let (input, output, weight) = (description.input, description.output()?, description.weight()?);
        Ok(Plan { cuda: cuda.clone(), dtype: description.dtype, input, output, weight, neuron: description.neuron })
    }

    /// The batch, the inputs and the outputs.
    fn sizes(&self) -> (usize, usize, usize) {
        (self.input.batch(), self.input.sample_len(), self.output.sample_len())
    }

    fn product(&self, sizes: Sizes, a: Matrix, b: Matrix, c: Address, add: bool) -> Result<()> {
        lock(&self.cuda.0.blas).product(self.dtype, sizes, a, b, c, add)
    }
}

impl AffinePlan for Plan {
    fn forward(&mut self, call: AffineForward<'_>) -> Result<()> {
        const NAME: &str = "inner product forward";
        check_not_aliased(NAME, &[call.x, call.weight, call.bias.unwrap_or(call.weight)], &[call.y])?;
        let operands = AffineOperands { cuda: &self.cuda, operation: NAME, dtype: self.dtype };
        let (batch, inputs, outputs) = self.sizes();
        let x = operands.place("the input", call.x, self.input)?;
        let weight = operands.place("the weight", call.weight, self.weight)?;
        let bias = operands.bias("the bias", call.bias, outputs)?;
        let y = operands.place("the output", call.y, self.output)?;
        let a = Matrix { address: x, columns: inputs, transposed: false };
        let b = Matrix { address: weight, columns: inputs, transposed: true };
        self.product(Sizes { rows: batch, columns: outputs, depth: inputs }, a, b, y, false)?;
        if call.bias.is_none() && self.neuron == Neuron::Identity {
            return Ok(());
        }
        let (n, (code, coefficient)) = (count(self.output.len())?, neuron::encode(self.neuron)?);
        let parameters = (bias, y, n, count(outputs)?, code, coefficient);
        OUTPUT.launch(&self.cuda, self.dtype, Grid::over(&self.cuda, n), parameters)
    }

    fn backward(&mut self, call: AffineBackward<'_>) -> Result<()> {
        const NAME: &str = "inner product backward";
        let operands = AffineOperands { cuda: &self.cuda, operation: NAME, dtype: self.dtype };
        let (batch, inputs, outputs) = self.sizes();
        let x = operands.place("the input", call.x, self.input)?;
        let weight = operands.place("the weight", call.weight, self.weight)?;
        let dy = operands.place("the gradient", call.dy, self.output)?;
        kernels::neuron_backward(&self.cuda, self.neuron, call.y, call.dy)?;
        let dy_matrix = |transposed| Matrix { address: dy, columns: outputs, transposed };
        if let Some(dx) = call.dx {
            check_not_aliased(NAME, &[call.dy, call.weight], &[dx])?;
            let dx = operands.place("the input's gradient", dx, self.input)?;
            let b = Matrix { address: weight, columns: inputs, transposed: false };
            self.product(Sizes { rows: batch, columns: inputs, depth: outputs }, dy_matrix(false), b, dx, false)?;
        }
        if let Some(gradient) = call.dweight {
            check_not_aliased(NAME, &[call.dy, call.x], &[gradient.target])?;
            let target = operands.place("the weight's gradient", gradient.target, self.weight)?;
            let (a, b) = (dy_matrix(true), Matrix { address: x, columns: inputs, transposed: false });
            self.product(Sizes { rows: outputs, columns: inputs, depth: batch }, a, b, target, gradient.add)?;
        }
        if let Some(gradient) = call.dbias {
            check_not_aliased(NAME, &[call.dy], &[gradient.target])?;
            let target = operands.bias("the bias's gradient", Some(gradient.target), outputs)?;
            let outputs = count(outputs)?;
            let parameters = (dy, target, count(batch)?, outputs, u32::from(gradient.add));
            BIAS_GRADIENT.launch(&self.cuda, self.dtype, Grid::over(&self.cuda, outputs), parameters)?;
        }
        Ok(())
    }

    fn algorithm(&self) -> &'static str {
        "cuBLAS"
    }
}

/// Finds and checks the operands of an inner product or a convolution.
pub(super) struct AffineOperands<'a> {
    pub(super) cuda: &'a Cuda,
    pub(super) operation: &'static str,
    pub(super) dtype: DType,
}

impl AffineOperands<'_> {
    /// A tensor's place, if it has this shape.
    pub(super) fn place(&self, what: &'static str, tensor: &Tensor, expected: Shape) -> Result<Address> {
        if tensor.shape() != expected {
            return Err(Error::Shape { operation: self.operation, what, found: tensor.shape(), expected });
        }
        address(self.cuda, self.operation, what, tensor, self.dtype)
    }

    /// The place of a bias of so many numbers in any shape, or null.
    pub(super) fn bias(&self, what: &'static str, bias: Option<&Tensor>, outputs: usize) -> Result<Address> {
        match bias {
            None => Ok(Address::default()),
            Some(bias) if bias.shape().len() == outputs => self.place(what, bias, bias.shape()),
            Some(bias) => self.place(what, bias, Shape::new(&[outputs])?),
        }
    }
}
