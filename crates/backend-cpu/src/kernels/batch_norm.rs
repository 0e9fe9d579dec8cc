//! Batch normalization. The moments are those of the samples, so the pad of a block is left out of the sums; a sum is made in
//! the element type over one plane and in f64 over planes, which keeps f32 exact enough over millions of elements.

use super::{
    AxisView,
    channel::{channels, flat, for_planes, planes_of},
    counted, dtype,
};
use crate::{
    Cpu,
    isa::{Isa, Kernel},
    lane::{LANES, Lane, Real, mul_add},
    memory::{Stored, blocks, read, write},
};
use core_tensor::{DType, Launch, Result};

pub(crate) fn launch(cpu: &Cpu, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    match (kernel, dtype(&call)) {
        ("moments", DType::F32) => Some(moments::<f32>(cpu, call)),
        ("moments", DType::F64) => Some(moments::<f64>(cpu, call)),
        ("gather", DType::F32) => Some(gather::<f32>(call)),
        ("gather", DType::F64) => Some(gather::<f64>(call)),
        ("expected", DType::F32) => Some(expected::<f32>(call)),
        ("expected", DType::F64) => Some(expected::<f64>(call)),
        ("normalize", DType::F32) => Some(normalize::<f32>(cpu, call)),
        ("normalize", DType::F64) => Some(normalize::<f64>(cpu, call)),
        ("backward", DType::F32) => Some(backward::<f32>(cpu, call)),
        ("backward", DType::F64) => Some(backward::<f64>(cpu, call)),
        _ => None,
    }
}

fn moments<T: Stored>(cpu: &Cpu, call: Launch<'_>) -> Result<()> {
    let shape = call.reads[0].shape();
    let (view, batch) = (AxisView::new(shape, call.sizes[0]), shape.batch());
    let x = read::<T>(call.kernel, "the input", call.reads[0])?;
    let mut mean = write::<T>(call.kernel, "the mean", call.writes[0])?;
    let mut variance = write::<T>(call.kernel, "the variance", call.writes[1])?;
    let mean = &mut mean.as_flattened_mut()[..view.axis];
    let variance = &mut variance.as_flattened_mut()[..view.axis];
    cpu.pool().chunks2((mean, 1), (variance, 1), |channel, mean, variance| {
        let (mut first, mut second) = (0.0, 0.0);
        cpu.level().run(Deviations { view, batch, channel, x: &x, from: T::ZERO, sum: &mut first, squares: &mut 0.0 });
        let count = (shape.len() / view.axis) as f64;
        let center = T::from_f64(first / count);
        // The mean is rounded; what its rounding leaves of the sum of deviations is taken out of their squares.
        cpu.level().run(Deviations {
            view,
            batch,
            channel,
            x: &x,
            from: center,
            sum: &mut first,
            squares: &mut second,
        });
        mean[0] = center;
        variance[0] = T::from_f64((second - first * first / count) / count);
    });
    Ok(())
}

/// The sum of deviations of one channel from a number, and of their squares.
struct Deviations<'a, T> {
    view: AxisView,
    batch: usize,
    channel: usize,
    x: &'a [Lane<T>],
    from: T,
    sum: &'a mut f64,
    squares: &'a mut f64,
}

impl<T: Stored> Kernel for Deviations<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let rows_per_block = self.view.outer / blocks(self.batch);
        let (mut total, mut total_squares) = (0.0, 0.0);
        for (row, x) in planes_of(self.view, self.channel, self.x).enumerate() {
            let (mut sum, mut squares) = ([T::ZERO; LANES], [T::ZERO; LANES]);
            for x in x {
                for l in 0..LANES {
                    let deviation = x[l] - self.from;
                    sum[l] += deviation;
                    squares[l] = mul_add::<I, T>(deviation, deviation, squares[l]);
                }
            }
            for l in 0..counted(row / rows_per_block, self.batch) {
                total += sum[l].to_f64();
                total_squares += squares[l].to_f64();
            }
        }
        (*self.sum, *self.squares) = (total, total_squares);
    }
}

fn gather<T: Stored>(call: Launch<'_>) -> Result<()> {
    let fraction = T::from_f64(call.scalars[0]);
    let factors = [T::ONE, T::from_f64(call.scalars[1])];
    for (i, factor) in factors.into_iter().enumerate() {
        let moment = read::<T>(call.kernel, "the moment", call.reads[i])?;
        let mut running = write::<T>(call.kernel, "the running moment", call.writes[i])?;
        for (running, &moment) in running.as_flattened_mut().iter_mut().zip(flat(&moment)) {
            *running = fraction * *running + factor * moment;
        }
    }
    let mut weight = write::<T>(call.kernel, "the weight", call.writes[2])?;
    let weight = &mut weight.as_flattened_mut()[0];
    *weight = fraction * *weight + T::ONE;
    Ok(())
}

fn expected<T: Stored>(call: Launch<'_>) -> Result<()> {
    let weight = flat(&read::<T>(call.kernel, "the weight", call.reads[2])?)[0];
    for (i, unknown) in [T::ZERO, T::ONE].into_iter().enumerate() {
        let running = read::<T>(call.kernel, "the running moment", call.reads[i])?;
        let mut moment = write::<T>(call.kernel, "the moment", call.writes[i])?;
        for (moment, &running) in moment.as_flattened_mut().iter_mut().zip(flat(&running)) {
            *moment = if weight == T::ZERO { unknown } else { running / weight };
        }
    }
    Ok(())
}

fn normalize<T: Stored>(cpu: &Cpu, call: Launch<'_>) -> Result<()> {
    let view = AxisView::new(call.reads[0].shape(), call.sizes[0]);
    let epsilon = T::from_f64(call.scalars[0]);
    let x = read::<T>(call.kernel, "the input", call.reads[0])?;
    let mean = read::<T>(call.kernel, "the mean", call.reads[1])?;
    let variance = read::<T>(call.kernel, "the variance", call.reads[2])?;
    let (mean, variance) = (flat(&mean), flat(&variance));
    let mut y = write::<T>(call.kernel, "the output", call.writes[0])?;
    for_planes(cpu, view, &mut y, |first, channel, y| {
        cpu.level().run(Normalize { view, channel, epsilon, mean, variance, x: &x[first..][..y.len()], y });
    });
    Ok(())
}

struct Normalize<'a, T> {
    view: AxisView,
    channel: usize,
    epsilon: T,
    mean: &'a [T],
    variance: &'a [T],
    x: &'a [Lane<T>],
    y: &'a mut [Lane<T>],
}

impl<T: Real> Kernel for Normalize<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let inner = self.view.inner;
        let planes = self.y.chunks_exact_mut(inner).zip(self.x.chunks_exact(inner));
        for ((y, x), c) in planes.zip(channels(self.view, self.channel)) {
            let (mean, inverse) = (self.mean[c], T::ONE / (self.variance[c] + self.epsilon).sqrt());
            for (y, x) in y.iter_mut().zip(x) {
                for l in 0..LANES {
                    y[l] = (x[l] - mean) * inverse;
                }
            }
        }
    }
}

fn backward<T: Stored>(cpu: &Cpu, call: Launch<'_>) -> Result<()> {
    let shape = call.reads[0].shape();
    let (view, batch) = (AxisView::new(shape, call.sizes[0]), shape.batch());
    let (epsilon, share) = (T::from_f64(call.scalars[0]), T::from_f64(view.axis as f64 / shape.len() as f64));
    let y = read::<T>(call.kernel, "the output", call.reads[0])?;
    let dy = read::<T>(call.kernel, "the gradient", call.reads[1])?;
    let variance = read::<T>(call.kernel, "the variance", call.reads[2])?;
    let sum = read::<T>(call.kernel, "the gradient's sum", call.reads[3])?;
    let dot = read::<T>(call.kernel, "the sum of its product", call.reads[4])?;
    let (variance, sum, dot) = (flat(&variance), flat(&sum), flat(&dot));
    let mut dx = write::<T>(call.kernel, "the result", call.writes[0])?;
    let block = shape.sample_len();
    for_planes(cpu, view, &mut dx, |first, channel, dx| {
        let (y, dy) = (&y[first..][..dx.len()], &dy[first..][..dx.len()]);
        cpu.level().run(Backward { view, channel, epsilon, share, variance, sum, dot, y, dy, dx });
        // The pad of a gradient is zero.
        for (i, dx) in dx.iter_mut().enumerate().skip((batch / LANES * block).saturating_sub(first)) {
            dx[counted((first + i) / block, batch)..].fill(T::ZERO);
        }
    });
    Ok(())
}

struct Backward<'a, T> {
    view: AxisView,
    channel: usize,
    epsilon: T,
    /// One divided by the elements of a channel.
    share: T,
    variance: &'a [T],
    sum: &'a [T],
    dot: &'a [T],
    y: &'a [Lane<T>],
    dy: &'a [Lane<T>],
    dx: &'a mut [Lane<T>],
}

impl<T: Real> Kernel for Backward<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let inner = self.view.inner;
        let planes = self.dx.chunks_exact_mut(inner).zip(self.y.chunks_exact(inner)).zip(self.dy.chunks_exact(inner));
        for (((dx, y), dy), c) in planes.zip(channels(self.view, self.channel)) {
            let inverse = T::ONE / (self.variance[c] + self.epsilon).sqrt();
            let (mean, along) = (self.sum[c] * self.share, self.dot[c] * self.share);
            for ((dx, y), dy) in dx.iter_mut().zip(y).zip(dy) {
                for l in 0..LANES {
                    dx[l] = (dy[l] - mean - y[l] * along) * inverse;
                }
            }
        }
    }
}
