//! Pooling along one axis, 16 samples at a time. The backward pass of a maximum looks for it again rather than remember where
//! it was: windows along an axis are short.

use super::{AxisView, dtype};
use crate::{
    Cpu,
    isa::{Isa, Kernel},
    lane::{LANES, Lane, Real},
    memory::{Stored, read, write},
};
use core_tensor::{DType, Launch, Result, ops::PoolMethod};
use std::ops::Range;

pub(crate) fn launch(cpu: &Cpu, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    let method = if kernel.starts_with("max_") { PoolMethod::Max } else { PoolMethod::Mean };
    match (kernel, dtype(&call)) {
        ("max_forward" | "mean_forward", DType::F32) => Some(forward::<f32>(cpu, method, call)),
        ("max_forward" | "mean_forward", DType::F64) => Some(forward::<f64>(cpu, method, call)),
        ("max_backward" | "mean_backward", DType::F32) => Some(backward::<f32>(cpu, method, call)),
        ("max_backward" | "mean_backward", DType::F64) => Some(backward::<f64>(cpu, method, call)),
        _ => None,
    }
}

fn forward<T: Stored>(cpu: &Cpu, method: PoolMethod, call: Launch<'_>) -> Result<()> {
    let windows = Windows::new(&call, call.writes[0].shape().axis(call.sizes[0]));
    let x = read::<T>(call.kernel, "the input", call.reads[0])?;
    let mut y = write::<T>(call.kernel, "the output", call.writes[0])?;
    let (length_x, length_y) = (windows.view.axis * windows.view.inner, windows.count * windows.view.inner);
    cpu.pool().chunks(&mut y, length_y, |i, y| {
        cpu.level().run(Forward { method, windows, x: &x[i * length_x..][..length_x], y });
    });
    Ok(())
}

fn backward<T: Stored>(cpu: &Cpu, method: PoolMethod, call: Launch<'_>) -> Result<()> {
    let windows = Windows::new(&call, call.reads[1].shape().axis(call.sizes[0]));
    let x = read::<T>(call.kernel, "the input", call.reads[0])?;
    let dy = read::<T>(call.kernel, "the gradient", call.reads[1])?;
    let mut dx = write::<T>(call.kernel, "the result", call.writes[0])?;
    let (length_x, length_y) = (windows.view.axis * windows.view.inner, windows.count * windows.view.inner);
    cpu.pool().chunks(&mut dx, length_x, |i, dx| {
        let (x, dy) = (&x[i * length_x..][..length_x], &dy[i * length_y..][..length_y]);
        cpu.level().run(Backward { method, windows, x, dy, dx });
    });
    Ok(())
}

/// Where the windows lie.
#[derive(Clone, Copy)]
struct Windows {
    /// The input.
    view: AxisView,
    count: usize,
    kernel: usize,
    stride: usize,
    pad: usize,
}

impl Windows {
    /// The windows along the axis of the call's first operand.
    fn new(call: &Launch<'_>, count: usize) -> Self {
        let [axis, kernel, stride, pad] = std::array::from_fn(|i| call.sizes[i]);
        Windows { view: AxisView::new(call.reads[0].shape(), axis), count, kernel, stride, pad }
    }

    /// The elements of a window, clipped; never none.
    #[inline(always)]
    fn window(&self, i: usize) -> Range<usize> {
        let start = i * self.stride;
        start.saturating_sub(self.pad)..(start + self.kernel).saturating_sub(self.pad).min(self.view.axis)
    }
}

struct Forward<'a, T> {
    method: PoolMethod,
    windows: Windows,
    x: &'a [Lane<T>],
    y: &'a mut [Lane<T>],
}

impl<T: Real> Kernel for Forward<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let inner = self.windows.view.inner;
        let share = T::ONE / T::from_f64(self.windows.kernel as f64);
        for (i, y) in self.y.chunks_exact_mut(inner).enumerate() {
            let window = self.windows.window(i);
            for (p, y) in y.iter_mut().enumerate() {
                let element = |c: usize| &self.x[c * inner + p];
                *y = match self.method {
                    PoolMethod::Max => largest(window.clone(), element).0,
                    PoolMethod::Mean => {
                        let mut sum = [T::ZERO; LANES];
                        window.clone().for_each(|c| crate::lane::add(&mut sum, element(c)));
                        sum.map(|sum| sum * share)
                    }
                };
            }
        }
    }
}

struct Backward<'a, T> {
    method: PoolMethod,
    windows: Windows,
    x: &'a [Lane<T>],
    dy: &'a [Lane<T>],
    dx: &'a mut [Lane<T>],
}

impl<T: Real> Kernel for Backward<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let inner = self.windows.view.inner;
        let share = T::ONE / T::from_f64(self.windows.kernel as f64);
        self.dx.fill([T::ZERO; LANES]);
        for (i, dy) in self.dy.chunks_exact(inner).enumerate() {
            let window = self.windows.window(i);
            for (p, dy) in dy.iter().enumerate() {
                match self.method {
                    PoolMethod::Max => {
                        let (_, place) = largest(window.clone(), |c| &self.x[c * inner + p]);
                        for l in 0..LANES {
                            self.dx[place[l] * inner + p][l] += dy[l];
                        }
                    }
                    PoolMethod::Mean => {
                        for c in window.clone() {
                            let dx = &mut self.dx[c * inner + p];
                            for l in 0..LANES {
                                dx[l] += share * dy[l];
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The largest elements of a window and where they are, the first of equals. A NaN at the window's start stays.
#[inline(always)]
fn largest<'a, T: Real>(window: Range<usize>, element: impl Fn(usize) -> &'a Lane<T>) -> (Lane<T>, [usize; LANES]) {
    let (mut largest, mut place) = (*element(window.start), [window.start; LANES]);
    for c in window.start + 1..window.end {
        let x = element(c);
        for l in 0..LANES {
            let is_larger = x[l] > largest[l];
            place[l] = if is_larger { c } else { place[l] };
            largest[l] = if is_larger { x[l] } else { largest[l] };
        }
    }
    (largest, place)
}
