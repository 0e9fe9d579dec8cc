//! Scale, shift and a power, element by element.
//!
//! Mocha: `src/layers/power.jl`; Caffe: `src/caffe/layers/power_layer.cpp`.

use crate::{Arity, Blob, Count, Error, Example, Examples, Layer, LayerState, Pass, Result, Setup, Wired, Wiring};
use core_tensor::ops::kernels;
use serde::{Deserialize, Serialize};
use std::any::Any;

/// `y = (scale x + shift)^power` for each bottom, giving a top of the same shape.
///
/// A negative base gives NaN unless the power is a whole number; with power 0 the tops are 1 everywhere.
///
/// ```
/// use layers::prelude::*;
/// let half = Power::new("half").scale(0.5).bottom("x").top("y");
/// assert_eq!((half.power, half.shift), (1.0, 0.0));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Power {
    /// Name and blobs.
    #[serde(flatten)]
    pub wiring: Wiring,
    /// The exponent; 1 if not set.
    #[serde(default = "one")]
    pub power: f64,
    /// The factor; 1 if not set.
    #[serde(default = "one")]
    pub scale: f64,
    /// What is added; 0 if not set.
    #[serde(default)]
    pub shift: f64,
}

impl Power {
    /// The identity, to be changed.
    pub fn new(name: impl Into<String>) -> Self {
        Power { wiring: Wiring::named(name), power: one(), scale: one(), shift: 0.0 }
    }

    /// Sets the exponent.
    pub fn power(mut self, power: f64) -> Self {
        self.power = power;
        self
    }

    /// Sets the factor.
    pub fn scale(mut self, scale: f64) -> Self {
        self.scale = scale;
        self
    }

    /// Sets what is added.
    pub fn shift(mut self, shift: f64) -> Self {
        self.shift = shift;
        self
    }
}

impl Wired for Power {
    fn wiring_mut(&mut self) -> &mut Wiring {
        &mut self.wiring
    }
}

impl Layer for Power {
    fn kind(&self) -> &'static str {
        "Power"
    }

    fn wiring(&self) -> &Wiring {
        &self.wiring
    }

    fn arity(&self) -> Arity {
        Arity { bottoms: Count::AtLeast(1), tops: Count::SameAsBottoms }
    }

    fn setup(&self, setup: &mut Setup<'_>) -> Result<Box<dyn LayerState>> {
        for (what, value) in [("power", self.power), ("scale", self.scale), ("shift", self.shift)] {
            if !value.is_finite() {
                let (what, found) = (format!("the {what}"), value.to_string());
                return Err(Error::Value { what, found, expected: "a finite number".into() });
            }
        }
        let mut branches = Vec::new();
        for bottom in setup.bottoms().to_vec() {
            let top = setup.add_top(bottom.data.shape())?;
            branches.push((bottom, top));
        }
        let power = kernels::Power { scale: self.scale, shift: self.shift, power: self.power };
        Ok(Box::new(State { power, branches }))
    }
}

impl Examples for Power {
    fn examples() -> Vec<Example> {
        let power = |power| Power::new("power").power(power);
        vec![
            Example::one_to_one(power(1.0).scale(2.0).shift(-1.0), &[17, 2, 3]),
            Example::one_to_one(power(2.0).scale(0.5), &[1, 5]),
            Example::one_to_one(power(3.0).scale(-0.7).shift(0.2), &[3, 4]),
            Example::one_to_one(power(0.0).scale(3.0), &[2, 3]),
            Example::one_to_one(power(-1.0).scale(0.5).shift(4.0), &[5, 3, 1, 2]),
            Example::one_to_one(power(0.5).scale(0.3).shift(3.0), &[4, 3]),
            Example::one_to_one(power(1.7).scale(0.3).shift(3.0), &[2, 7]),
        ]
    }
}

struct State {
    power: kernels::Power,
    branches: Vec<(Blob, Blob)>,
}

impl LayerState for State {
    fn forward(&mut self, pass: &mut Pass<'_>) -> Result<()> {
        for (bottom, top) in &self.branches {
            kernels::power_forward(pass.backend, &self.power, &bottom.data, &top.data)?;
        }
        Ok(())
    }

    fn backward(&mut self, pass: &Pass<'_>) -> Result<()> {
        for (bottom, top) in &self.branches {
            let (Some(dy), Some(dx)) = (&top.diff, &bottom.diff) else { continue };
            kernels::power_backward(pass.backend, &self.power, &bottom.data, dy, dx)?;
        }
        Ok(())
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

fn one() -> f64 {
    1.0
}
