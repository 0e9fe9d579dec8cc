//! Sums of what follows an axis, 16 samples at a time. Sums are made in f64: a sample may have a million elements.

use super::{chunk, dtype};
use crate::{
    Cpu,
    isa::{Isa, Kernel},
    lane::{LANES, Lane, Real},
    memory::{Stored, read, write},
};
use core_tensor::{DType, Launch, Result};

pub(crate) fn launch(cpu: &Cpu, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    match (kernel, dtype(&call)) {
        ("forward", DType::F32) => Some(forward::<f32>(cpu, call)),
        ("forward", DType::F64) => Some(forward::<f64>(cpu, call)),
        ("backward", DType::F32) => Some(backward::<f32>(cpu, call)),
        ("backward", DType::F64) => Some(backward::<f64>(cpu, call)),
        _ => None,
    }
}

/// Elements that fall on one element of the reduced blob.
fn elements(call: &Launch<'_>, reduced: usize) -> usize {
    call.reads[0].shape().sample_len() / reduced.max(1)
}

fn forward<T: Stored>(cpu: &Cpu, call: Launch<'_>) -> Result<()> {
    let (code, factor) = (call.sizes[0], call.scalars[0]);
    let elements = elements(&call, call.writes[0].shape().sample_len());
    let x = read::<T>(call.kernel, "the input", call.reads[0])?;
    let mut y = write::<T>(call.kernel, "the output", call.writes[0])?;
    let length = (chunk(x.len()) / elements).max(1);
    cpu.pool().chunks(&mut y, length, |i, y| {
        let x = &x[i * length * elements..][..y.len() * elements];
        cpu.level().run(Forward { code, factor, elements, x, y });
    });
    Ok(())
}

struct Forward<'a, T> {
    code: usize,
    factor: f64,
    elements: usize,
    x: &'a [Lane<T>],
    y: &'a mut [Lane<T>],
}

impl<T: Stored> Kernel for Forward<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        match self.code {
            1 => sum(self, f64::abs),
            2 => sum(self, |x| x * x),
            _ => sum(self, |x| x),
        }
    }
}

#[inline(always)]
fn sum<T: Stored>(reduction: Forward<'_, T>, f: impl Fn(f64) -> f64) {
    for (y, x) in reduction.y.iter_mut().zip(reduction.x.chunks_exact(reduction.elements)) {
        let mut sum = [0.0; LANES];
        for x in x {
            for l in 0..LANES {
                sum[l] += f(x[l].to_f64());
            }
        }
        for l in 0..LANES {
            y[l] = T::from_f64(reduction.factor * sum[l]);
        }
    }
}

fn backward<T: Stored>(cpu: &Cpu, call: Launch<'_>) -> Result<()> {
    let (code, factor) = (call.sizes[0], T::from_f64(call.scalars[0]));
    let elements = elements(&call, call.reads[1].shape().sample_len());
    let x = read::<T>(call.kernel, "the input", call.reads[0])?;
    let dy = read::<T>(call.kernel, "the gradient", call.reads[1])?;
    let mut dx = write::<T>(call.kernel, "the result", call.writes[0])?;
    let positions = (chunk(x.len()) / elements).max(1);
    cpu.pool().chunks(&mut dx, positions * elements, |i, dx| {
        let (x, dy) = (&x[i * positions * elements..][..dx.len()], &dy[i * positions..]);
        cpu.level().run(Backward { code, factor, elements, x, dy, dx });
    });
    Ok(())
}

struct Backward<'a, T> {
    code: usize,
    factor: T,
    elements: usize,
    x: &'a [Lane<T>],
    dy: &'a [Lane<T>],
    dx: &'a mut [Lane<T>],
}

impl<T: Real> Kernel for Backward<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        match self.code {
            1 => spread(self, |x| {
                if x > T::ZERO {
                    T::ONE
                } else if x < T::ZERO {
                    -T::ONE
                } else {
                    T::ZERO
                }
            }),
            2 => spread(self, |x| x + x),
            _ => spread(self, |_| T::ONE),
        }
    }
}

#[inline(always)]
fn spread<T: Real>(reduction: Backward<'_, T>, slope: impl Fn(T) -> T) {
    let Backward { factor, elements, x, dy, dx, .. } = reduction;
    for ((dx, x), dy) in dx.chunks_exact_mut(elements).zip(x.chunks_exact(elements)).zip(dy) {
        for (dx, x) in dx.iter_mut().zip(x) {
            for l in 0..LANES {
                dx[l] = factor * slope(x[l]) * dy[l];
            }
        }
    }
}
