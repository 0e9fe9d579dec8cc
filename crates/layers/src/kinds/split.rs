//! Several names for one blob.
//!
//! Mocha: `src/layers/split.jl`; Caffe: `src/caffe/layers/split_layer.cpp`. Neither is needed here: a blob may have any number
//! of takers, and the net adds their gradients up. The layer is there for nets that are taken over. Mocha's `no_copy` has no
//! counterpart, since no layer changes its bottoms and so nothing is ever copied.

use crate::{Arity, Blob, Count, Example, Examples, Layer, LayerState, Pass, Result, Setup, Wired, Wiring};
use core_tensor::{Role, Tensor, ops::kernels};
use serde::{Deserialize, Serialize};
use std::any::Any;

/// Every top *is* the bottom; the bottom's gradient is the sum of the tops'.
///
/// ```
/// use layers::prelude::*;
/// let split = Split::new("split").bottom("ip1").tops(["left", "right"]);
/// assert_eq!(split.wiring.tops.len(), 2);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Split {
    /// Name and blobs.
    #[serde(flatten)]
    pub wiring: Wiring,
}

impl Split {
    /// Several names for one blob.
    pub fn new(name: impl Into<String>) -> Self {
        Split { wiring: Wiring::named(name) }
    }
}

impl Wired for Split {
    fn wiring_mut(&mut self) -> &mut Wiring {
        &mut self.wiring
    }
}

impl Layer for Split {
    fn kind(&self) -> &'static str {
        "Split"
    }

    fn wiring(&self) -> &Wiring {
        &self.wiring
    }

    fn arity(&self) -> Arity {
        Arity { bottoms: Count::Exactly(1), tops: Count::AtLeast(1) }
    }

    fn setup(&self, setup: &mut Setup<'_>) -> Result<Box<dyn LayerState>> {
        let bottom = setup.bottom(0).clone();
        let mut state = State { sum: bottom.diff.clone(), shares: Vec::new() };
        // The first top's gradient is put where the sum shall be.
        setup.add_top_sharing(bottom.clone())?;
        for _ in 1..self.wiring.tops.len() {
            let mut top = Blob { data: bottom.data.clone(), diff: None };
            if bottom.diff.is_some() {
                let share = setup.alloc(bottom.data.shape(), Role::Diff)?;
                state.shares.push(share.clone());
                top.diff = Some(share);
            }
            setup.add_top_sharing(top)?;
        }
        Ok(Box::new(state))
    }
}

impl Examples for Split {
    fn examples() -> Vec<Example> {
        let example = |shape: &[usize], tops| {
            Example::new(Split::new("split"), vec![crate::ExampleBottom::Numbers(shape.into())], tops)
        };
        vec![example(&[17, 3], 1), example(&[1, 2, 3], 2), example(&[2, 5], 3)]
    }
}

struct State {
    /// The bottom's gradient, which is the first top's too.
    sum: Option<Tensor>,
    /// The other tops' gradients.
    shares: Vec<Tensor>,
}

impl LayerState for State {
    fn forward(&mut self, _: &mut Pass<'_>) -> Result<()> {
        Ok(())
    }

    fn backward(&mut self, pass: &Pass<'_>) -> Result<()> {
        let Some(sum) = &self.sum else { return Ok(()) };
        for share in &self.shares {
            kernels::axpy(pass.backend, 1.0, share, sum)?;
        }
        Ok(())
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}
