//! A neuron as a layer of its own, for where the layer before has none or its output is needed both ways.

use crate::{Arity, Blob, Count, Example, Examples, Layer, LayerState, Pass, Result, Setup, Wired, Wiring};
use core_tensor::{
    Tensor,
    ops::{Neuron, kernels},
};
use serde::{Deserialize, Serialize};
use std::any::Any;

/// Applies a neuron to each bottom, giving a top of the same shape. Where a layer has a `neuron` property, that is faster.
///
/// ```
/// use layers::prelude::*;
/// let tanh = Activation::new("act1", Neuron::Tanh).bottom("sum").top("act1");
/// assert_eq!(tanh.neuron, Neuron::Tanh);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Activation {
    /// Name and blobs.
    #[serde(flatten)]
    pub wiring: Wiring,
    /// The function.
    pub neuron: Neuron,
}

impl Activation {
    /// Applies `neuron`.
    pub fn new(name: impl Into<String>, neuron: Neuron) -> Self {
        Activation { wiring: Wiring::named(name), neuron }
    }
}

impl Wired for Activation {
    fn wiring_mut(&mut self) -> &mut Wiring {
        &mut self.wiring
    }
}

impl Layer for Activation {
    fn kind(&self) -> &'static str {
        "Activation"
    }

    fn wiring(&self) -> &Wiring {
        &self.wiring
    }

    fn arity(&self) -> Arity {
        Arity { bottoms: Count::AtLeast(1), tops: Count::SameAsBottoms }
    }

    fn setup(&self, setup: &mut Setup<'_>) -> Result<Box<dyn LayerState>> {
        self.neuron.check()?;
        let mut branches = Vec::new();
        for (index, bottom) in setup.bottoms().to_vec().into_iter().enumerate() {
            let top = setup.add_top_in_place(index)?;
            branches.push((bottom, top));
        }
        Ok(Box::new(State { neuron: self.neuron, branches }))
    }
}

impl Examples for Activation {
    fn examples() -> Vec<Example> {
        let neurons = [
            Neuron::Identity,
            Neuron::ReLU,
            Neuron::Relu { epsilon: 0.1 },
            Neuron::LeakyRelu,
            Neuron::Sigmoid,
            Neuron::Tanh,
            Neuron::Exponential,
            Neuron::ELU,
            Neuron::Elu { alpha: 0.3 },
            Neuron::Silu,
            Neuron::Gelu,
        ];
        neurons.map(|neuron| Example::one_to_one(Activation::new("activation", neuron), &[3, 2, 3, 5])).into()
    }
}

struct State {
    neuron: Neuron,
    branches: Vec<(Blob, Blob)>,
}

impl LayerState for State {
    fn forward(&mut self, pass: &mut Pass<'_>) -> Result<()> {
        for (bottom, top) in &self.branches {
            copy_elsewhere(pass, &bottom.data, &top.data)?;
            kernels::neuron_forward(pass.backend, self.neuron, &top.data)?;
        }
        Ok(())
    }

    fn backward(&mut self, pass: &Pass<'_>) -> Result<()> {
        for (bottom, top) in &self.branches {
            let (Some(dy), Some(dx)) = (&top.diff, &bottom.diff) else { continue };
            copy_elsewhere(pass, dy, dx)?;
            let y = if self.neuron.needs_input() { &bottom.data } else { &top.data };
            kernels::neuron_backward(pass.backend, self.neuron, y, dx)?;
        }
        Ok(())
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

/// Copies unless both are the same memory, where the layer works in place.
fn copy_elsewhere(pass: &Pass<'_>, from: &Tensor, to: &Tensor) -> Result<()> {
    if from.same_memory(to) { Ok(()) } else { Ok(kernels::copy(pass.backend, from, to)?) }
}
