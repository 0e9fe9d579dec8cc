//! What convolution and inner product have in common once they are set up: a weight, maybe a bias, and one plan for each
//! bottom.
//!
//! Each bottom has a plan of its own because a plan keeps what it computed forward for the backward pass.

use super::tail::Tail;
use crate::{Blob, LayerState, Param, Pass, Result};
use core_tensor::ops::{AffineBackward, AffineForward, AffinePlan};
use std::any::Any;

/// The state of `Convolution` and `InnerProduct`.
pub(super) struct AffineState {
    pub(super) weight: Param,
    pub(super) bias: Option<Param>,
    pub(super) branches: Vec<Branch>,
    pub(super) flops: f64,
}

/// One bottom, its top, and between them the plan and what it leaves of the neuron.
pub(super) struct Branch {
    pub(super) plan: Box<dyn AffinePlan>,
    pub(super) bottom: Blob,
    pub(super) top: Blob,
    pub(super) tail: Tail,
}

impl LayerState for AffineState {
    fn forward(&mut self, pass: &mut Pass<'_>) -> Result<()> {
        let (weight, bias) = (self.weight.data(), self.bias.as_ref().map(Param::data));
        for Branch { plan, bottom, top, tail } in &mut self.branches {
            plan.forward(AffineForward { x: &bottom.data, weight, bias, y: tail.target(&top.data) })?;
            tail.forward(pass.backend, &top.data)?;
        }
        Ok(())
    }

    fn backward(&mut self, pass: &Pass<'_>) -> Result<()> {
        let weight = self.weight.data();
        for Branch { plan, bottom, top, tail } in &mut self.branches {
            let Some(dy) = &top.diff else { continue };
            tail.backward(pass.backend, &top.data, dy)?;
            let (dweight, dbias) = (self.weight.gradient(), self.bias.as_ref().and_then(Param::gradient));
            let (x, y, dx) = (&bottom.data, tail.target(&top.data), bottom.diff.as_ref());
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
