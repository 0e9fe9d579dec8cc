//! One number for each channel: scaling and shifting by it, and sums over everything else.
//!
//! A blob is a list of planes, one for each channel of each block of samples. Passes over a blob take a few planes at a time;
//! sums take a channel at a time, so that each is made in the same order whatever the number of threads.

use super::{AxisView, chunk, dtype};
use crate::{
    Cpu,
    isa::{Isa, Kernel},
    lane::{LANES, Lane, Real, add, horizontal_sum, mul_add},
    memory::{Stored, read, write},
};
use core_tensor::{DType, Launch, Result};

pub(crate) fn launch(cpu: &Cpu, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    match (kernel, dtype(&call)) {
        ("affine", DType::F32) => Some(affine::<f32>(cpu, call)),
        ("affine", DType::F64) => Some(affine::<f64>(cpu, call)),
        ("shift", DType::F32) => Some(shift::<f32>(cpu, call)),
        ("shift", DType::F64) => Some(shift::<f64>(cpu, call)),
        ("sum", DType::F32) => Some(sum::<f32>(cpu, call)),
        ("sum", DType::F64) => Some(sum::<f64>(cpu, call)),
        ("dot", DType::F32) => Some(dot::<f32>(cpu, call)),
        ("dot", DType::F64) => Some(dot::<f64>(cpu, call)),
        _ => None,
    }
}

/// Cuts `y` into a few planes each and runs `body(first lane, channel of the first plane, planes)`.
pub(super) fn for_planes<T: Stored>(
    cpu: &Cpu,
    view: AxisView,
    y: &mut [Lane<T>],
    body: impl Fn(usize, usize, &mut [Lane<T>]) + Sync,
) {
    let planes = (chunk(y.len()) / view.inner.max(1)).max(1);
    let length = planes * view.inner;
    cpu.pool().chunks(y, length, |i, y| body(i * length, i * planes % view.axis, y));
}

/// The channels of neighbouring planes, from `first` on and around again.
#[inline(always)]
pub(super) fn channels(view: AxisView, first: usize) -> impl Iterator<Item = usize> {
    (0..view.axis).cycle().skip(first)
}

/// `target[channel] = value(channel)`, or `+=`. Small sums are not worth a second thread.
pub(super) fn for_channels<T: Stored>(
    cpu: &Cpu,
    lanes: usize,
    add: bool,
    target: &mut [T],
    value: impl Fn(usize) -> T + Sync,
) {
    let channels = target.len();
    let length = if chunk(lanes) < lanes { 1 } else { channels };
    cpu.pool().chunks(target, length, |item, target| {
        for (i, target) in target.iter_mut().enumerate() {
            let value = value(item * length + i);
            *target = if add { *target + value } else { value };
        }
    });
}

fn affine<T: Stored>(cpu: &Cpu, call: Launch<'_>) -> Result<()> {
    let [axis, has_scale, has_shift] = std::array::from_fn(|i| call.sizes[i]);
    let parameter = |there: usize, place: usize, what| {
        (there == 1).then(|| read::<T>(call.kernel, what, call.reads[place])).transpose()
    };
    let (scale, shift) = (parameter(has_scale, 1, "the scale")?, parameter(has_shift, 1 + has_scale, "the shift")?);
    let (scale, shift) = (scale.as_deref().map(flat), shift.as_deref().map(flat));
    let view = AxisView::new(call.reads[0].shape(), axis);
    let x = read::<T>(call.kernel, "the input", call.reads[0])?;
    let mut y = write::<T>(call.kernel, "the output", call.writes[0])?;
    for_planes(cpu, view, &mut y, |first, channel, y| {
        cpu.level().run(Affine { view, channel, scale, shift, x: &x[first..][..y.len()], y });
    });
    Ok(())
}

struct Affine<'a, T> {
    view: AxisView,
    channel: usize,
    scale: Option<&'a [T]>,
    shift: Option<&'a [T]>,
    x: &'a [Lane<T>],
    y: &'a mut [Lane<T>],
}

impl<T: Real> Kernel for Affine<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let (view, planes) =
            (self.view, self.y.chunks_exact_mut(self.view.inner).zip(self.x.chunks_exact(self.view.inner)));
        for ((y, x), c) in planes.zip(channels(view, self.channel)) {
            let scale = self.scale.map_or(T::ONE, |scale| scale[c]);
            let shift = self.shift.map_or(T::ZERO, |shift| shift[c]);
            for (y, x) in y.iter_mut().zip(x) {
                for l in 0..LANES {
                    y[l] = mul_add::<I, T>(scale, x[l], shift);
                }
            }
        }
    }
}

fn shift<T: Stored>(cpu: &Cpu, call: Launch<'_>) -> Result<()> {
    let view = AxisView::new(call.writes[0].shape(), call.sizes[0]);
    let shift = read::<T>(call.kernel, "the shift", call.reads[0])?;
    let mut y = write::<T>(call.kernel, "the blob", call.writes[0])?;
    for_planes(cpu, view, &mut y, |_, channel, y| {
        cpu.level().run(Shift { view, channel, shift: flat(&shift), y });
    });
    Ok(())
}

struct Shift<'a, T> {
    view: AxisView,
    channel: usize,
    shift: &'a [T],
    y: &'a mut [Lane<T>],
}

impl<T: Real> Kernel for Shift<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        for (y, c) in self.y.chunks_exact_mut(self.view.inner).zip(channels(self.view, self.channel)) {
            for y in y {
                for l in 0..LANES {
                    y[l] += self.shift[c];
                }
            }
        }
    }
}

fn sum<T: Stored>(cpu: &Cpu, call: Launch<'_>) -> Result<()> {
    let view = AxisView::new(call.reads[0].shape(), call.sizes[0]);
    let dy = read::<T>(call.kernel, "the gradient", call.reads[0])?;
    let mut target = write::<T>(call.kernel, "the result", call.writes[0])?;
    for_channels(cpu, dy.len(), call.sizes[1] == 1, &mut target.as_flattened_mut()[..view.axis], |channel| {
        let mut sum = [T::ZERO; LANES];
        cpu.level().run(Sum { view, channel, dy: &dy, sum: &mut sum });
        horizontal_sum(&sum)
    });
    Ok(())
}

struct Sum<'a, T> {
    view: AxisView,
    channel: usize,
    dy: &'a [Lane<T>],
    sum: &'a mut Lane<T>,
}

impl<T: Real> Kernel for Sum<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let mut sum = [T::ZERO; LANES];
        for dy in planes_of(self.view, self.channel, self.dy) {
            dy.iter().for_each(|dy| add(&mut sum, dy));
        }
        *self.sum = sum;
    }
}

fn dot<T: Stored>(cpu: &Cpu, call: Launch<'_>) -> Result<()> {
    let view = AxisView::new(call.reads[0].shape(), call.sizes[0]);
    let dy = read::<T>(call.kernel, "the gradient", call.reads[0])?;
    let x = read::<T>(call.kernel, "the input", call.reads[1])?;
    let mut target = write::<T>(call.kernel, "the result", call.writes[0])?;
    for_channels(cpu, dy.len(), call.sizes[1] == 1, &mut target.as_flattened_mut()[..view.axis], |channel| {
        let mut sum = [T::ZERO; LANES];
        cpu.level().run(Dot { view, channel, dy: &dy, x: &x, sum: &mut sum });
        horizontal_sum(&sum)
    });
    Ok(())
}

struct Dot<'a, T> {
    view: AxisView,
    channel: usize,
    dy: &'a [Lane<T>],
    x: &'a [Lane<T>],
    sum: &'a mut Lane<T>,
}

impl<T: Real> Kernel for Dot<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let mut sum = [T::ZERO; LANES];
        let planes = planes_of(self.view, self.channel, self.dy).zip(planes_of(self.view, self.channel, self.x));
        for (dy, x) in planes {
            for (dy, x) in dy.iter().zip(x) {
                for l in 0..LANES {
                    sum[l] = mul_add::<I, T>(dy[l], x[l], sum[l]);
                }
            }
        }
        *self.sum = sum;
    }
}

/// One channel's planes, block after block.
#[inline(always)]
pub(super) fn planes_of<T>(view: AxisView, channel: usize, lanes: &[Lane<T>]) -> impl Iterator<Item = &[Lane<T>]> {
    lanes.chunks_exact(view.axis * view.inner).map(move |row| &row[channel * view.inner..][..view.inner])
}

/// A parameter's numbers; what follows them is padding.
pub(super) fn flat<T>(lanes: &[Lane<T>]) -> &[T] {
    lanes.as_flattened()
}
