//! The neuron at the end of a layer: in place where its derivative can be had from the output, else from a blob of its own.

use crate::{Result, Setup};
use core_tensor::{
    Backend, Role, Shape, Tensor,
    ops::{Neuron, kernels},
};

/// A neuron, and in a net that learns what goes into it if the derivative needs that.
pub(super) struct Tail {
    neuron: Neuron,
    input: Option<Tensor>,
}

impl Tail {
    /// For a top of this shape.
    pub(super) fn new(setup: &Setup<'_>, neuron: Neuron, shape: Shape) -> Result<Self> {
        neuron.check()?;
        let keeps_input = neuron.needs_input() && setup.is_training();
        let input = keeps_input.then(|| setup.alloc(shape, Role::Data)).transpose()?;
        Ok(Tail { neuron, input })
    }

    /// The tail of an operation that computes a neuron along with it: the neuron that the operation gets, and what is left.
    pub(super) fn behind_plan(setup: &Setup<'_>, neuron: Neuron, shape: Shape) -> Result<(Neuron, Self)> {
        neuron.check()?;
        let (fused, rest) = if neuron.needs_input() { (Neuron::Identity, neuron) } else { (neuron, Neuron::Identity) };
        Ok((fused, Tail::new(setup, rest, shape)?))
    }

    /// Where the layer puts its numbers before the neuron.
    pub(super) fn target<'a>(&'a self, top: &'a Tensor) -> &'a Tensor {
        self.input.as_ref().unwrap_or(top)
    }

    /// Applies the neuron to what is in [`Tail::target`].
    pub(super) fn forward(&self, backend: &dyn Backend, top: &Tensor) -> Result<()> {
        if let Some(input) = &self.input {
            kernels::copy(backend, input, top)?;
        }
        Ok(kernels::neuron_forward(backend, self.neuron, top)?)
    }

    /// Multiplies the top's gradient by the neuron's derivative.
    pub(super) fn backward(&self, backend: &dyn Backend, top: &Tensor, dy: &Tensor) -> Result<()> {
        Ok(kernels::neuron_backward(backend, self.neuron, self.target(top), dy)?)
    }
}
