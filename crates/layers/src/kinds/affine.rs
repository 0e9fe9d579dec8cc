//! What convolution and inner product have in common once they are set up: a weight, a bias, and one plan for each bottom.
//!
//! Each bottom has a plan of its own because a plan keeps what it computed forward for the backward pass.

use crate::{Blob, LayerState, Param, Pass, Result};
use core_tensor::ops::{AffineBackward, AffineForward, AffinePlan};
use std::any::Any;

/// The state of `Convolution` and `InnerProduct`.
pub(super) struct AffineState {
    pub(super) weight: Param,
    pub(super) bias: Param,
    pub(super) branches: Vec<Branch>,
    pub(super) flops: f64,
}

/// One bottom, its top, and the plan between them.
pub(super) struct Branch {
    pub(super) plan: Box<dyn AffinePlan>,
    pub(super) bottom: Blob,
    pub(super) top: Blob,
}

impl LayerState for AffineState {
    fn forward(&mut self, _: &mut Pass<'_>) -> Result<()> {
        let (weight, bias) = (self.weight.data(), Some(self.bias.data()));
        for Branch { plan, bottom, top } in &mut self.branches {
            plan.forward(AffineForward { x: &bottom.data, weight, bias, y: &top.data })?;
        }
        Ok(())
    }

    fn backward(&mut self, _: &Pass<'_>) -> Result<()> {
        let weight = self.weight.data();
        for Branch { plan, bottom, top } in &mut self.branches {
            let Some(dy) = &top.diff else { continue };
            let (dweight, dbias) = (self.weight.gradient(), self.bias.gradient());
            let (x, y, dx) = (&bottom.data, &top.data, bottom.diff.as_ref());
            plan.backward(AffineBackward { x, weight, y, dy, dx, dweight, dbias })?;
        }
        Ok(())
    }

    fn flops(&self) -> f64 {
        self.flops
    }

    fn algorithm(&self) -> Option<&'static str> {
        self.branches.first().map(|branch| branch.plan.algorithm())
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}
