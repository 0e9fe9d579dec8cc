//! Convolution: `few` for a few samples, `winograd` where it does fewer multiplications and the shape allows, `direct` for
//! everything else.

mod direct;
mod few;
mod geometry;
mod pooled;
mod winograd;

use crate::{Cpu, memory::Stored};
use core_tensor::{
    DType, Result,
    ops::{AffinePlan, Algorithm, Convolution, Pooling},
};
use direct::Direct;

/// Prepares the fastest algorithm for a convolution.
pub(crate) fn plan(cpu: &Cpu, description: &Convolution) -> Result<Box<dyn AffinePlan>> {
    if may_round_more(description)
        && let Some(plan) = few::plan(cpu, description, None)?
    {
        return Ok(plan);
    }
    lanes(cpu, description)
}

/// Prepares a convolution together with the pooling that follows, where that is faster than one after the other.
pub(crate) fn pooled_plan(
    cpu: &Cpu,
    convolution: &Convolution,
    pooling: &Pooling,
) -> Result<Option<Box<dyn AffinePlan>>> {
    if !may_round_more(convolution) {
        return Ok(None);
    }
    match few::plan(cpu, convolution, Some(pooling))? {
        None => winograd::plan(cpu, convolution, Some(pooling)),
        few => Ok(few),
    }
}

/// Prepares the fastest algorithm that computes whole lanes.
fn lanes(cpu: &Cpu, description: &Convolution) -> Result<Box<dyn AffinePlan>> {
    if may_round_more(description)
        && let Some(plan) = winograd::plan(cpu, description, None)?
    {
        return Ok(plan);
    }
    Ok(match description.dtype {
        DType::F32 => direct::<f32>(cpu, description)?,
        DType::F64 => direct::<f64>(cpu, description)?,
    })
}

/// Whether the algorithms other than `direct` may be asked: in f32, for taps on neighbouring pixels.
fn may_round_more(description: &Convolution) -> bool {
    description.algorithm == Algorithm::Auto && description.dtype == DType::F32 && description.is_dense()
}

fn direct<T: Stored>(cpu: &Cpu, description: &Convolution) -> Result<Box<dyn AffinePlan>> {
    Ok(Box::new(Direct::<T>::new(cpu, description)?))
}
