//! A rectified linear unit whose slope below zero is learnt. A single slope sees all features as one channel.

use super::{
    AxisView,
    channel::{channels, flat, for_channels, for_planes, planes_of},
    dtype,
};
use crate::{
    Cpu,
    isa::{Isa, Kernel},
    lane::{LANES, Lane, Real, horizontal_sum, mul_add},
    memory::{Stored, blocks, read, write},
};
use core_tensor::{DType, Launch, Result, Shape, Tensor};

pub(crate) fn launch(cpu: &Cpu, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    match (kernel, dtype(&call)) {
        ("forward", DType::F32) => Some(forward::<f32>(cpu, call)),
        ("forward", DType::F64) => Some(forward::<f64>(cpu, call)),
        ("backward", DType::F32) => Some(backward::<f32>(cpu, call)),
        ("backward", DType::F64) => Some(backward::<f64>(cpu, call)),
        ("slope_gradient", DType::F32) => Some(slope_gradient::<f32>(cpu, call)),
        ("slope_gradient", DType::F64) => Some(slope_gradient::<f64>(cpu, call)),
        _ => None,
    }
}

fn view(shape: Shape, axis: usize, slope: &Tensor) -> AxisView {
    if slope.shape().len() == 1 {
        return AxisView { outer: blocks(shape.batch()), axis: 1, inner: shape.sample_len() };
    }
    AxisView::new(shape, axis)
}

fn forward<T: Stored>(cpu: &Cpu, call: Launch<'_>) -> Result<()> {
    let x = read::<T>(call.kernel, "the input", call.reads[0])?;
    select(cpu, call, &x, &x)
}

fn backward<T: Stored>(cpu: &Cpu, call: Launch<'_>) -> Result<()> {
    let x = read::<T>(call.kernel, "the input", call.reads[0])?;
    let dy = read::<T>(call.kernel, "the gradient", call.reads[2])?;
    select(cpu, call, &x, &dy)
}

/// `y = v` where x is positive, else `slope v`: forward with x itself for v, backward with the gradient.
fn select<T: Stored>(cpu: &Cpu, call: Launch<'_>, x: &[Lane<T>], v: &[Lane<T>]) -> Result<()> {
    let view = view(call.reads[0].shape(), call.sizes[0], call.reads[1]);
    let slope = read::<T>(call.kernel, "the slope", call.reads[1])?;
    let slope = flat(&slope);
    let mut y = write::<T>(call.kernel, "the result", call.writes[0])?;
    for_planes(cpu, view, &mut y, |first, channel, y| {
        let (x, v) = (&x[first..][..y.len()], &v[first..][..y.len()]);
        cpu.level().run(Select { view, channel, slope, x, v, y });
    });
    Ok(())
}

struct Select<'a, T> {
    view: AxisView,
    channel: usize,
    slope: &'a [T],
    x: &'a [Lane<T>],
    v: &'a [Lane<T>],
    y: &'a mut [Lane<T>],
}

impl<T: Real> Kernel for Select<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let inner = self.view.inner;
        let planes = self.y.chunks_exact_mut(inner).zip(self.x.chunks_exact(inner)).zip(self.v.chunks_exact(inner));
        for (((y, x), v), c) in planes.zip(channels(self.view, self.channel)) {
            let slope = self.slope[c];
            for ((y, x), v) in y.iter_mut().zip(x).zip(v) {
                for l in 0..LANES {
                    y[l] = if x[l] > T::ZERO { v[l] } else { slope * v[l] };
                }
            }
        }
    }
}

fn slope_gradient<T: Stored>(cpu: &Cpu, call: Launch<'_>) -> Result<()> {
    let view = view(call.reads[0].shape(), call.sizes[0], call.writes[0]);
    let dy = read::<T>(call.kernel, "the gradient", call.reads[0])?;
    let x = read::<T>(call.kernel, "the input", call.reads[1])?;
    let mut target = write::<T>(call.kernel, "the result", call.writes[0])?;
    for_channels(cpu, dy.len(), call.sizes[1] == 1, &mut target.as_flattened_mut()[..view.axis], |channel| {
        let mut sum = [T::ZERO; LANES];
        cpu.level().run(SlopeGradient { view, channel, dy: &dy, x: &x, sum: &mut sum });
        horizontal_sum(&sum)
    });
    Ok(())
}

struct SlopeGradient<'a, T> {
    view: AxisView,
    channel: usize,
    dy: &'a [Lane<T>],
    x: &'a [Lane<T>],
    sum: &'a mut Lane<T>,
}

impl<T: Real> Kernel for SlopeGradient<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let mut sum = [T::ZERO; LANES];
        let planes = planes_of(self.view, self.channel, self.dy).zip(planes_of(self.view, self.channel, self.x));
        for (dy, x) in planes {
            for (dy, x) in dy.iter().zip(x) {
                for l in 0..LANES {
                    let below = if x[l] > T::ZERO { T::ZERO } else { x[l] };
                    sum[l] = mul_add::<I, T>(dy[l], below, sum[l]);
                }
            }
        }
        *self.sum = sum;
    }
}
