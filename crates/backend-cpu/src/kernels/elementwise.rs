//! Element by element over whole tensors; padding is computed along, it costs less than skipping it.

use super::{chunk, dtype, same_layout};
use crate::{
    Cpu,
    isa::{Isa, Kernel},
    lane::{Lane, accumulate_scaled},
    memory::{Stored, read, write},
};
use core_tensor::{DType, Launch, Result};

pub(crate) fn launch(cpu: &Cpu, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    match (kernel, dtype(&call)) {
        ("copy", DType::F32) => Some(copy::<f32>(cpu, call)),
        ("copy", DType::F64) => Some(copy::<f64>(cpu, call)),
        ("axpy", DType::F32) => Some(axpy::<f32>(cpu, call)),
        ("axpy", DType::F64) => Some(axpy::<f64>(cpu, call)),
        _ => None,
    }
}

fn copy<T: Stored>(cpu: &Cpu, call: Launch<'_>) -> Result<()> {
    same_layout(&call)?;
    let x = read::<T>(call.kernel, "the source", call.reads[0])?;
    let mut y = write::<T>(call.kernel, "the target", call.writes[0])?;
    let length = chunk(y.len());
    cpu.pool().chunks(&mut y, length, |i, y| y.copy_from_slice(&x[i * length..][..y.len()]));
    Ok(())
}

fn axpy<T: Stored>(cpu: &Cpu, call: Launch<'_>) -> Result<()> {
    same_layout(&call)?;
    let alpha = T::from_f64(call.scalars[0]);
    let x = read::<T>(call.kernel, "the summand", call.reads[0])?;
    let mut y = write::<T>(call.kernel, "the sum", call.writes[0])?;
    let length = chunk(y.len());
    cpu.pool().chunks(&mut y, length, |i, y| cpu.level().run(Axpy { alpha, x: &x[i * length..][..y.len()], y }));
    Ok(())
}

struct Axpy<'a, T> {
    alpha: T,
    x: &'a [Lane<T>],
    y: &'a mut [Lane<T>],
}

impl<T: Stored> Kernel for Axpy<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        for (y, x) in self.y.iter_mut().zip(self.x) {
            accumulate_scaled::<I, T>(y, self.alpha, x);
        }
    }
}
