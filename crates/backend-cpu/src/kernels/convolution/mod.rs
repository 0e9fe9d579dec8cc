//! Convolution: `winograd` where it does fewer multiplications and the shape allows, `direct` for everything else.

mod direct;
mod geometry;
mod winograd;

use crate::{Cpu, memory::Stored};
use core_tensor::{
    DType, Result,
    ops::{AffinePlan, Algorithm, Convolution},
};
use direct::Direct;

/// Prepares the fastest algorithm for a convolution.
pub(crate) fn plan(cpu: &Cpu, description: &Convolution) -> Result<Box<dyn AffinePlan>> {
    let may_round_more = description.algorithm == Algorithm::Auto && description.dtype == DType::F32;
    if may_round_more && let Some(plan) = winograd::plan(cpu, description)? {
        return Ok(plan);
    }
    Ok(match description.dtype {
        DType::F32 => direct::<f32>(cpu, description)?,
        DType::F64 => direct::<f64>(cpu, description)?,
    })
}

fn direct<T: Stored>(cpu: &Cpu, description: &Convolution) -> Result<Box<dyn AffinePlan>> {
    Ok(Box::new(Direct::<T>::new(cpu, description)?))
}
