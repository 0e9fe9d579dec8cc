//! Activation functions, applied in place to a layer's output.
//!
//! The derivative is written in terms of the *output*, as in Mocha (`src/neurons.jl`), so that the input need not be kept. Only
//! functions that are not monotone ([`Neuron::needs_input`]) cannot do without.

use crate::{Error, Result};
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
    /// `y = x` where positive, else `alpha (exp x - 1)` (Clevert et al. 2016).
    #[serde(rename = "ELU")]
    Elu {
        /// What negative outputs tend to, with the sign turned; 1 if not set.
        #[serde(default = "one")]
        alpha: f64,
    },
    /// `y = x / (1 + exp(-x))` (Elfwing et al. 2018); also called Swish (Ramachandran et al. 2017).
    #[serde(rename = "SiLU")]
    Silu,
    /// `y = x (1 + erf(x / sqrt 2)) / 2`: x times the share of the normal distribution below it (Hendrycks & Gimpel 2016).
    #[serde(rename = "GELU")]
    Gelu,
}

impl Neuron {
    /// The rectified linear unit with floor 0.
    #[allow(non_upper_case_globals)] // reads like the variants beside it: `Neuron::Tanh`, `Neuron::ReLU`
    pub const ReLU: Neuron = Neuron::Relu { epsilon: 0.0 };

    /// The exponential linear unit with `alpha` 1.
    #[allow(non_upper_case_globals)] // as above
    pub const ELU: Neuron = Neuron::Elu { alpha: 1.0 };

    /// The function with this code and coefficient, if there is one.
    pub fn from_code(code: usize, coefficient: f64) -> Option<Self> {
        let all = [
            Neuron::Identity,
            Neuron::Relu { epsilon: coefficient },
            Neuron::LeakyRelu,
            Neuron::Sigmoid,
            Neuron::Tanh,
            Neuron::Exponential,
            Neuron::Elu { alpha: coefficient },
            Neuron::Silu,
            Neuron::Gelu,
        ];
        all.into_iter().find(|neuron| neuron.code() == code)
    }

    /// Whether the derivative is a function of the input, which must then be kept, rather than of the output.
    pub fn needs_input(self) -> bool {
        matches!(self, Neuron::Silu | Neuron::Gelu)
    }

    /// Checks the coefficient.
    ///
    /// # Errors
    /// [`Error::Value`] for an `alpha` of an ELU that is negative or not finite: the output would not tell the derivative.
    pub fn check(self) -> Result<()> {
        match self {
            Neuron::Elu { alpha } if !(alpha.is_finite() && alpha >= 0.0) => Err(Error::Value {
                what: "the neuron's alpha".into(),
                found: alpha.to_string(),
                expected: "a finite number, 0 or more".into(),
            }),
            _ => Ok(()),
        }
    }

    /// The number that kernels know the function by (also in `kernels/neuron.cu`).
    pub fn code(self) -> usize {
        match self {
            Neuron::Identity => 0,
            Neuron::Relu { .. } => 1,
            Neuron::LeakyRelu => 2,
            Neuron::Sigmoid => 3,
            Neuron::Tanh => 4,
            Neuron::Exponential => 5,
            Neuron::Elu { .. } => 6,
            Neuron::Silu => 7,
            Neuron::Gelu => 8,
        }
    }

    /// The function's one coefficient; 0 where it has none.
    pub fn coefficient(self) -> f64 {
        match self {
            Neuron::Relu { epsilon } => epsilon,
            Neuron::Elu { alpha } => alpha,
            _ => 0.0,
        }
    }
}

fn one() -> f64 {
    1.0
}
