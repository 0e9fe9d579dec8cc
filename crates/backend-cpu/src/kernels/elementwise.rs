//! Element by element over whole tensors; padding is computed along, it costs less than skipping it. In the pad of a gradient
//! that leaves zeros, unless the last sample itself has an infinite or undefined gradient.

use super::{chunk, dtype, same_layout};
use crate::{
    Cpu,
    isa::{Isa, Kernel},
    lane::{LANES, Lane, Real, accumulate_scaled},
    memory::{Stored, read, write},
};
use core_tensor::{DType, Launch, Result, ops::ElementWiseOperation};

pub(crate) fn launch(cpu: &Cpu, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    if let Some(operation) = ElementWiseOperation::ALL.into_iter().find(|operation| operation.kernel() == call.kernel) {
        return Some(match dtype(&call) {
            DType::F32 => binary::<f32>(cpu, operation, call),
            DType::F64 => binary::<f64>(cpu, operation, call),
        });
    }
    match (kernel, dtype(&call)) {
        ("copy", DType::F32) => Some(copy::<f32>(cpu, call)),
        ("copy", DType::F64) => Some(copy::<f64>(cpu, call)),
        ("axpy", DType::F32) => Some(axpy::<f32>(cpu, call)),
        ("axpy", DType::F64) => Some(axpy::<f64>(cpu, call)),
        ("scale", DType::F32) => Some(scale::<f32>(cpu, call)),
        ("scale", DType::F64) => Some(scale::<f64>(cpu, call)),
        ("quotient_backward", DType::F32) => Some(quotient_backward::<f32>(cpu, call)),
        ("quotient_backward", DType::F64) => Some(quotient_backward::<f64>(cpu, call)),
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

fn scale<T: Stored>(cpu: &Cpu, call: Launch<'_>) -> Result<()> {
    same_layout(&call)?;
    let alpha = T::from_f64(call.scalars[0]);
    let x = read::<T>(call.kernel, "the source", call.reads[0])?;
    let mut y = write::<T>(call.kernel, "the target", call.writes[0])?;
    let length = chunk(y.len());
    cpu.pool().chunks(&mut y, length, |i, y| cpu.level().run(Scale { alpha, x: &x[i * length..][..y.len()], y }));
    Ok(())
}

struct Scale<'a, T> {
    alpha: T,
    x: &'a [Lane<T>],
    y: &'a mut [Lane<T>],
}

impl<T: Stored> Kernel for Scale<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        for (y, x) in self.y.iter_mut().zip(self.x) {
            for l in 0..LANES {
                y[l] = self.alpha * x[l];
            }
        }
    }
}

fn binary<T: Stored>(cpu: &Cpu, operation: ElementWiseOperation, call: Launch<'_>) -> Result<()> {
    same_layout(&call)?;
    let a = read::<T>(call.kernel, "the first operand", call.reads[0])?;
    let b = read::<T>(call.kernel, "the second operand", call.reads[1])?;
    let mut y = write::<T>(call.kernel, "the result", call.writes[0])?;
    let length = chunk(y.len());
    cpu.pool().chunks(&mut y, length, |i, y| {
        let (a, b) = (&a[i * length..][..y.len()], &b[i * length..][..y.len()]);
        cpu.level().run(Combine { operation, a, b, y });
    });
    Ok(())
}

struct Combine<'a, T> {
    operation: ElementWiseOperation,
    a: &'a [Lane<T>],
    b: &'a [Lane<T>],
    y: &'a mut [Lane<T>],
}

impl<T: Real> Kernel for Combine<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        match self.operation {
            ElementWiseOperation::Add => zip(self, |a, b| a + b),
            ElementWiseOperation::Subtract => zip(self, |a, b| a - b),
            ElementWiseOperation::Multiply => zip(self, |a, b| a * b),
            ElementWiseOperation::Divide => zip(self, |a, b| a / b),
        }
    }
}

#[inline(always)]
fn zip<T: Real>(lanes: Combine<'_, T>, f: impl Fn(T, T) -> T) {
    for ((y, a), b) in lanes.y.iter_mut().zip(lanes.a).zip(lanes.b) {
        for l in 0..LANES {
            y[l] = f(a[l], b[l]);
        }
    }
}

fn quotient_backward<T: Stored>(cpu: &Cpu, call: Launch<'_>) -> Result<()> {
    same_layout(&call)?;
    let divisor = read::<T>(call.kernel, "the divisor", call.reads[0])?;
    let quotient = read::<T>(call.kernel, "the quotient", call.reads[1])?;
    let dy = read::<T>(call.kernel, "the gradient", call.reads[2])?;
    let mut dx = write::<T>(call.kernel, "the result", call.writes[0])?;
    let length = chunk(dx.len());
    cpu.pool().chunks(&mut dx, length, |i, dx| {
        let part = i * length..i * length + dx.len();
        let (divisor, quotient, dy) = (&divisor[part.clone()], &quotient[part.clone()], &dy[part]);
        cpu.level().run(QuotientBackward { divisor, quotient, dy, dx });
    });
    Ok(())
}

struct QuotientBackward<'a, T> {
    divisor: &'a [Lane<T>],
    quotient: &'a [Lane<T>],
    dy: &'a [Lane<T>],
    dx: &'a mut [Lane<T>],
}

impl<T: Real> Kernel for QuotientBackward<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        for (i, dx) in self.dx.iter_mut().enumerate() {
            for l in 0..LANES {
                dx[l] = -(self.dy[i][l] * self.quotient[i][l]) / self.divisor[i][l];
            }
        }
    }
}
