//! Activation functions, applied in place to a layer's output.
//!
//! The derivative is written in terms of the *output*, as in Mocha (`src/neurons.jl`), so that the input need not be kept.

use serde::{Deserialize, Serialize};

/// The activation that a layer applies to its output.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Neuron {
    /// `y = x`.
    #[default]
    Identity,
    /// `y = max(x, epsilon)`; derivative 1 where `y > epsilon`, else 0.
    #[serde(rename = "ReLU")]
    Relu {
        /// The floor, 0 in nearly every net.
        #[serde(default)]
        epsilon: f64,
    },
    /// `y = x` where positive, else `0.01 x`.
    #[serde(rename = "LReLU")]
    LeakyRelu,
    /// `y = 1 / (1 + exp(-x))`.
    Sigmoid,
    /// `y = tanh x`.
    Tanh,
    /// `y = exp x`.
    Exponential,
}

impl Neuron {
    /// The rectified linear unit with floor 0.
    #[allow(non_upper_case_globals)] // reads like the variants beside it: `Neuron::Tanh`, `Neuron::ReLU`
    pub const ReLU: Neuron = Neuron::Relu { epsilon: 0.0 };

    /// The number that kernels know the function by (also in `kernels/neuron.cu`).
    pub fn code(self) -> usize {
        match self {
            Neuron::Identity => 0,
            Neuron::Relu { .. } => 1,
            Neuron::LeakyRelu => 2,
            Neuron::Sigmoid => 3,
            Neuron::Tanh => 4,
            Neuron::Exponential => 5,
        }
    }

    /// The function's one coefficient; 0 where it has none.
    pub fn coefficient(self) -> f64 {
        match self {
            Neuron::Relu { epsilon } => epsilon,
            _ => 0.0,
        }
    }
}
