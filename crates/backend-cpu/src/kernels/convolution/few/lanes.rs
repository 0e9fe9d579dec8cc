//! The backward pass, over whole lanes.
//!
//! A net that computes a few samples seldom learns from them, so there are no gradients of its own here: the forward pass is
//! computed again by the plans for whole lanes, which keep what their backward pass needs, and then they go backward.

use crate::Cpu;
use core_tensor::{
    Backend, Result, Role, Tensor,
    ops::{
        AffineBackward, AffineForward, AffinePlan, Convolution, Neuron, PoolPlan, Pooling, kernels::neuron_backward,
    },
};

/// A convolution over whole lanes, and the pooling that follows.
pub(super) struct Lanes {
    cpu: Cpu,
    neuron: Neuron,
    convolution: Box<dyn AffinePlan>,
    /// The convolution's output.
    y: Tensor,
    pooling: Option<Pooled>,
}

struct Pooled {
    plan: Box<dyn PoolPlan>,
    /// The pooled output, and the gradient of what is pooled.
    y: Tensor,
    dx: Tensor,
}

impl Lanes {
    pub(super) fn new(cpu: &Cpu, convolution: &Convolution, pooling: Option<&Pooling>) -> Result<Self> {
        let blob = |shape, role| cpu.alloc(shape, convolution.dtype, role);
        let pooled = |pooling: &Pooling| -> Result<Pooled> {
            let (y, dx) = (blob(pooling.output()?, Role::Data)?, blob(pooling.input, Role::Diff)?);
            Ok(Pooled { plan: cpu.pooling(pooling)?, y, dx })
        };
        // Before a pooling the neuron is left out: neurons do not fall, so it does not change who wins, and its derivative is
        // taken from the pooled output.
        let neuron = if pooling.is_some() { Neuron::Identity } else { convolution.neuron };
        Ok(Lanes {
            cpu: cpu.clone(),
            neuron: convolution.neuron,
            convolution: super::super::lanes(cpu, &Convolution { neuron, ..convolution.clone() })?,
            y: blob(convolution.output()?, Role::Data)?,
            pooling: pooling.map(pooled).transpose()?,
        })
    }

    pub(super) fn backward(&mut self, call: AffineBackward<'_>) -> Result<()> {
        let Lanes { cpu, neuron, convolution, y, pooling } = self;
        // The bias changes neither the winners nor any gradient.
        convolution.forward(AffineForward { x: call.x, weight: call.weight, bias: None, y })?;
        let Some(Pooled { plan, y: pooled, dx }) = pooling else { return convolution.backward(call) };
        neuron_backward(cpu, *neuron, call.y, call.dy)?;
        plan.forward(y, pooled)?;
        plan.backward(call.dy, dx)?;
        convolution.backward(AffineBackward { y, dy: dx, ..call })
    }
}
