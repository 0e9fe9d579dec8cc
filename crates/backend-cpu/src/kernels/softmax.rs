//! Softmax along one axis, 16 samples at a time.

use super::{AxisView, dtype};
use crate::{
    Cpu,
    isa::{Isa, Kernel},
    lane::{LANES, Lane, Real, mul_add},
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

fn forward<T: Stored>(cpu: &Cpu, call: Launch<'_>) -> Result<()> {
    let view = AxisView::new(call.reads[0].shape(), call.sizes[0]);
    let x = read::<T>(call.kernel, "the logits", call.reads[0])?;
    let mut y = write::<T>(call.kernel, "the probabilities", call.writes[0])?;
    softmax(cpu, view, &x, &mut y);
    Ok(())
}

/// `y = softmax(x)`; also the first half of the softmax loss.
pub(crate) fn softmax<T: Stored>(cpu: &Cpu, view: AxisView, x: &[Lane<T>], y: &mut [Lane<T>]) {
    let length = view.axis * view.inner;
    cpu.pool().chunks(y, length, |i, y| cpu.level().run(Forward { view, x: &x[i * length..][..length], y }));
}

fn backward<T: Stored>(cpu: &Cpu, call: Launch<'_>) -> Result<()> {
    let view = AxisView::new(call.reads[0].shape(), call.sizes[0]);
    let y = read::<T>(call.kernel, "the probabilities", call.reads[0])?;
    let dy = read::<T>(call.kernel, "the gradient", call.reads[1])?;
    let mut dx = write::<T>(call.kernel, "the result", call.writes[0])?;
    let length = view.axis * view.inner;
    cpu.pool().chunks(&mut dx, length, |i, dx| {
        let (y, dy) = (&y[i * length..][..length], &dy[i * length..][..length]);
        cpu.level().run(Backward { view, y, dy, dx });
    });
    Ok(())
}

struct Forward<'a, T> {
    view: AxisView,
    x: &'a [Lane<T>],
    y: &'a mut [Lane<T>],
}

impl<T: Real> Kernel for Forward<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let AxisView { axis, inner, .. } = self.view;
        for p in 0..inner {
            let mut largest = self.x[p];
            for c in 1..axis {
                for l in 0..LANES {
                    let x = self.x[c * inner + p][l];
                    largest[l] = if x > largest[l] { x } else { largest[l] };
                }
            }
            let mut sum = [T::ZERO; LANES];
            for c in 0..axis {
                for l in 0..LANES {
                    let e = (self.x[c * inner + p][l] - largest[l]).exp();
                    self.y[c * inner + p][l] = e;
                    sum[l] += e;
                }
            }
            for c in 0..axis {
                for l in 0..LANES {
                    self.y[c * inner + p][l] = self.y[c * inner + p][l] / sum[l];
                }
            }
        }
    }
}

struct Backward<'a, T> {
    view: AxisView,
    y: &'a [Lane<T>],
    dy: &'a [Lane<T>],
    dx: &'a mut [Lane<T>],
}

impl<T: Real> Kernel for Backward<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let AxisView { axis, inner, .. } = self.view;
        for p in 0..inner {
            let mut dot = [T::ZERO; LANES];
            for c in 0..axis {
                for l in 0..LANES {
                    dot[l] = mul_add::<I, T>(self.dy[c * inner + p][l], self.y[c * inner + p][l], dot[l]);
                }
            }
            for c in 0..axis {
                for l in 0..LANES {
                    let at = c * inner + p;
                    self.dx[at][l] = (self.dy[at][l] - dot[l]) * self.y[at][l];
                }
            }
        }
    }
}
