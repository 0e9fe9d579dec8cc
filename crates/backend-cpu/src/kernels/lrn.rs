//! Local response normalization, 16 samples at a time. The formulas stand at [`core_tensor::ops::kernels::lrn_forward`].
//!
//! What forward keeps is the *inverse* of the scale: then neither the power (two square roots for 0.75) nor a term of the
//! backward sum needs a division. Sums are taken anew for each window rather than by adding the newest element and
//! subtracting the oldest, which would leave the rounding errors of all elements that came by. Windows across channels are
//! short sums over planes; windows within a channel are summed down the columns, then along the rows.

use super::{AxisView, SERIAL_LANES, dtype};
use crate::{
    Cpu,
    isa::{Isa, Kernel},
    lane::{LANES, Lane, Real, add, mul_add},
    memory::{Stored, read, write},
};
use core_tensor::{DType, Launch, Result};
use std::ops::Range;

pub(crate) fn launch(cpu: &Cpu, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    match (kernel, dtype(&call)) {
        ("across_forward", DType::F32) => Some(across_forward::<f32>(cpu, call)),
        ("across_forward", DType::F64) => Some(across_forward::<f64>(cpu, call)),
        ("across_backward", DType::F32) => Some(across_backward::<f32>(cpu, call)),
        ("across_backward", DType::F64) => Some(across_backward::<f64>(cpu, call)),
        ("within_forward", DType::F32) => Some(within_forward::<f32>(cpu, call)),
        ("within_forward", DType::F64) => Some(within_forward::<f64>(cpu, call)),
        ("within_backward", DType::F32) => Some(within_backward::<f32>(cpu, call)),
        ("within_backward", DType::F64) => Some(within_backward::<f64>(cpu, call)),
        _ => None,
    }
}

fn across_forward<T: Stored>(cpu: &Cpu, call: Launch<'_>) -> Result<()> {
    let (view, lrn) = (AxisView::new(call.reads[0].shape(), call.sizes[1]), Coefficients::new(&call, 1));
    let x = read::<T>(call.kernel, "the input", call.reads[0])?;
    let mut y = write::<T>(call.kernel, "the output", call.writes[0])?;
    let mut inverse = write::<T>(call.kernel, "the inverse scale", call.writes[1])?;
    let planes = planes_per_item(view);
    let length = planes * view.inner;
    cpu.pool().chunks2((&mut y, length), (&mut inverse, length), |i, y, inverse| {
        cpu.level().run(AcrossForward { view, lrn, first_plane: i * planes, x: &x, y, inverse });
    });
    Ok(())
}

fn across_backward<T: Stored>(cpu: &Cpu, call: Launch<'_>) -> Result<()> {
    let (view, lrn) = (AxisView::new(call.reads[0].shape(), call.sizes[1]), Coefficients::new(&call, 1));
    let kept = Kept::<T>::read(&call)?;
    let mut dx = write::<T>(call.kernel, "the result", call.writes[0])?;
    let planes = planes_per_item(view);
    cpu.pool().chunks(&mut dx, planes * view.inner, |i, dx| {
        cpu.level().run(AcrossBackward { view, lrn, first_plane: i * planes, kept: kept.all(), dx });
    });
    Ok(())
}

fn within_forward<T: Stored>(cpu: &Cpu, call: Launch<'_>) -> Result<()> {
    let (shape, lrn) = (call.reads[0].shape(), Coefficients::new(&call, 2));
    let (width, plane) = (shape.axis(3), shape.axis(2) * shape.axis(3));
    let x = read::<T>(call.kernel, "the input", call.reads[0])?;
    let mut y = write::<T>(call.kernel, "the output", call.writes[0])?;
    let mut inverse = write::<T>(call.kernel, "the inverse scale", call.writes[1])?;
    cpu.pool().chunks2((&mut y, plane), (&mut inverse, plane), |i, y, inverse| {
        cpu.level().run(WithinForward { width, lrn, x: &x[i * plane..][..plane], y, inverse });
    });
    Ok(())
}

fn within_backward<T: Stored>(cpu: &Cpu, call: Launch<'_>) -> Result<()> {
    let (shape, lrn) = (call.reads[0].shape(), Coefficients::new(&call, 2));
    let (width, plane) = (shape.axis(3), shape.axis(2) * shape.axis(3));
    let kept = Kept::<T>::read(&call)?;
    let mut dx = write::<T>(call.kernel, "the result", call.writes[0])?;
    cpu.pool().chunks(&mut dx, plane, |i, dx| {
        cpu.level().run(WithinBackward { width, lrn, kept: kept.part(i * plane..(i + 1) * plane), dx });
    });
    Ok(())
}

/// Planes of `view.inner` lanes that make an item worth a thread's while.
fn planes_per_item(view: AxisView) -> usize {
    (SERIAL_LANES / view.inner.max(1)).max(1)
}

/// What the backward pass reads, locked.
struct Kept<'a, T: Stored> {
    x: crate::memory::Read<'a, T>,
    y: crate::memory::Read<'a, T>,
    inverse: crate::memory::Read<'a, T>,
    dy: crate::memory::Read<'a, T>,
}

/// A part of what the backward pass reads.
#[derive(Clone, Copy)]
struct Lanes<'a, T> {
    x: &'a [Lane<T>],
    y: &'a [Lane<T>],
    inverse: &'a [Lane<T>],
    dy: &'a [Lane<T>],
}

impl<'a, T: Stored> Kept<'a, T> {
    fn read(call: &Launch<'a>) -> Result<Self> {
        Ok(Kept {
            x: read(call.kernel, "the input", call.reads[0])?,
            y: read(call.kernel, "the output", call.reads[1])?,
            inverse: read(call.kernel, "the inverse scale", call.reads[2])?,
            dy: read(call.kernel, "the gradient", call.reads[3])?,
        })
    }

    fn all(&self) -> Lanes<'_, T> {
        self.part(0..self.x.len())
    }

    fn part(&self, range: Range<usize>) -> Lanes<'_, T> {
        Lanes {
            x: &self.x[range.clone()],
            y: &self.y[range.clone()],
            inverse: &self.inverse[range.clone()],
            dy: &self.dy[range],
        }
    }
}

impl<T: Real> Lanes<'_, T> {
    /// `sum += dy y inverse`, the term that element `at` adds to the gradient of each element in its window.
    #[inline(always)]
    fn add_term<I: Isa>(&self, at: usize, sum: &mut Lane<T>) {
        let (dy, y, inverse) = (&self.dy[at], &self.y[at], &self.inverse[at]);
        for l in 0..LANES {
            sum[l] = mul_add::<I, T>(dy[l] * y[l], inverse[l], sum[l]);
        }
    }
}

/// Window and coefficients.
#[derive(Clone, Copy)]
struct Coefficients<T> {
    /// The window's elements before and after its own.
    before: usize,
    after: usize,
    /// `scale` divided by the elements of a window.
    scale: T,
    shift: T,
    power: Power<T>,
    /// `-2 power scale`, divided by the elements of a window.
    slope: T,
}

/// Exponents that square roots can do are told apart from the others, for which the library's `powf` makes the forward pass
/// across channels nine times slower.
#[derive(Clone, Copy)]
enum Power<T> {
    ThreeQuarters,
    Half,
    One,
    Other(T),
}

impl<T: Real> Coefficients<T> {
    fn new(call: &Launch<'_>, dimensions: i32) -> Self {
        let (kernel, [scale, shift, power]) = (call.sizes[0], std::array::from_fn(|i| call.scalars[i]));
        let scale = scale / (kernel as f64).powi(dimensions);
        let before = kernel.saturating_sub(1) / 2;
        Coefficients {
            before,
            after: kernel.saturating_sub(1) - before,
            scale: T::from_f64(scale),
            shift: T::from_f64(shift),
            power: match power {
                0.75 => Power::ThreeQuarters,
                0.5 => Power::Half,
                1.0 => Power::One,
                other => Power::Other(T::from_f64(other)),
            },
            slope: T::from_f64(-2.0 * power * scale),
        }
    }

    /// The window of `position`, clipped to `0..length`.
    #[inline(always)]
    fn window(&self, position: usize, length: usize) -> Range<usize> {
        position.saturating_sub(self.before)..(position + self.after + 1).min(length)
    }

    /// The elements in whose window `position` is: the same window seen from the other end.
    #[inline(always)]
    fn mirrored(self) -> Self {
        Coefficients { before: self.after, after: self.before, ..self }
    }

    /// `inverse` holds sums of squares and becomes `1 / (shift + scale sum)`; `y = x inverse^power`.
    #[inline(always)]
    fn finish_forward<I: Isa>(&self, x: &Lane<T>, y: &mut Lane<T>, inverse: &mut Lane<T>) {
        for l in 0..LANES {
            inverse[l] = T::ONE / mul_add::<I, T>(self.scale, inverse[l], self.shift);
        }
        let factor = self.power.of(inverse);
        for l in 0..LANES {
            y[l] = x[l] * factor[l];
        }
    }

    /// `dx` holds the sum of the terms and becomes the gradient.
    #[inline(always)]
    fn finish_backward<I: Isa>(&self, kept: &Lanes<'_, T>, at: usize, dx: &mut Lane<T>) {
        let factor = self.power.of(&kept.inverse[at]);
        let (x, dy) = (&kept.x[at], &kept.dy[at]);
        for l in 0..LANES {
            dx[l] = mul_add::<I, T>(dy[l], factor[l], self.slope * x[l] * dx[l]);
        }
    }
}

impl<T: Real> Power<T> {
    #[inline(always)]
    fn of(self, base: &Lane<T>) -> Lane<T> {
        let mut result = *base;
        match self {
            Power::ThreeQuarters => {
                for value in &mut result {
                    let root = value.sqrt();
                    *value = root * root.sqrt();
                }
            }
            Power::Half => result.iter_mut().for_each(|value| *value = value.sqrt()),
            Power::One => {}
            Power::Other(power) => result.iter_mut().for_each(|value| *value = value.powf(power)),
        }
        result
    }
}

struct AcrossForward<'a, T> {
    view: AxisView,
    lrn: Coefficients<T>,
    /// The item's first plane, counted over all channels of all blocks.
    first_plane: usize,
    x: &'a [Lane<T>],
    y: &'a mut [Lane<T>],
    inverse: &'a mut [Lane<T>],
}

impl<T: Real> Kernel for AcrossForward<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let AxisView { axis, inner, .. } = self.view;
        let planes = self.y.chunks_exact_mut(inner).zip(self.inverse.chunks_exact_mut(inner));
        for ((y, inverse), plane) in planes.zip(self.first_plane..) {
            let (window, first) = (self.lrn.window(plane % axis, axis), plane - plane % axis);
            for p in 0..inner {
                let mut sum = [T::ZERO; LANES];
                for channel in window.clone() {
                    add_square::<I, T>(&self.x[(first + channel) * inner + p], &mut sum);
                }
                inverse[p] = sum;
                self.lrn.finish_forward::<I>(&self.x[plane * inner + p], &mut y[p], &mut inverse[p]);
            }
        }
    }
}

struct AcrossBackward<'a, T> {
    view: AxisView,
    lrn: Coefficients<T>,
    first_plane: usize,
    kept: Lanes<'a, T>,
    dx: &'a mut [Lane<T>],
}

impl<T: Real> Kernel for AcrossBackward<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let AxisView { axis, inner, .. } = self.view;
        for (dx, plane) in self.dx.chunks_exact_mut(inner).zip(self.first_plane..) {
            let (window, first) = (self.lrn.mirrored().window(plane % axis, axis), plane - plane % axis);
            for p in 0..inner {
                let mut sum = [T::ZERO; LANES];
                for channel in window.clone() {
                    self.kept.add_term::<I>((first + channel) * inner + p, &mut sum);
                }
                self.lrn.finish_backward::<I>(&self.kept, plane * inner + p, &mut sum);
                dx[p] = sum;
            }
        }
    }
}

/// One plane, that is one channel of one block.
struct WithinForward<'a, T> {
    width: usize,
    lrn: Coefficients<T>,
    x: &'a [Lane<T>],
    y: &'a mut [Lane<T>],
    inverse: &'a mut [Lane<T>],
}

impl<T: Real> Kernel for WithinForward<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let (height, mut tile) = (self.x.len() / self.width, [[T::ZERO; LANES]; TILE]);
        let rows = self.y.chunks_exact_mut(self.width).zip(self.inverse.chunks_exact_mut(self.width));
        for (row, (y, inverse)) in rows.enumerate() {
            let window = self.lrn.window(row, height);
            sum_windows(&self.lrn, &mut tile, inverse, |column| {
                let mut sum = [T::ZERO; LANES];
                for row in window.clone() {
                    add_square::<I, T>(&self.x[row * self.width + column], &mut sum);
                }
                sum
            });
            for (column, (y, inverse)) in y.iter_mut().zip(inverse).enumerate() {
                self.lrn.finish_forward::<I>(&self.x[row * self.width + column], y, inverse);
            }
        }
    }
}

struct WithinBackward<'a, T> {
    width: usize,
    lrn: Coefficients<T>,
    kept: Lanes<'a, T>,
    dx: &'a mut [Lane<T>],
}

impl<T: Real> Kernel for WithinBackward<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let (height, mirrored) = (self.dx.len() / self.width, self.lrn.mirrored());
        let mut tile = [[T::ZERO; LANES]; TILE];
        for (row, dx) in self.dx.chunks_exact_mut(self.width).enumerate() {
            let window = mirrored.window(row, height);
            sum_windows(&mirrored, &mut tile, dx, |column| {
                let mut sum = [T::ZERO; LANES];
                for row in window.clone() {
                    self.kept.add_term::<I>(row * self.width + column, &mut sum);
                }
                sum
            });
            for (column, dx) in dx.iter_mut().enumerate() {
                self.lrn.finish_backward::<I>(&self.kept, row * self.width + column, dx);
            }
        }
    }
}

/// Columns whose sums are on the stack at a time.
const TILE: usize = 32;

/// Overwrites a row by the sums of `column_sum(column)` over each window, a tile of columns at a time: a window that reaches
/// over several tiles gets a share from each.
#[inline(always)]
fn sum_windows<T: Real>(
    lrn: &Coefficients<T>,
    tile: &mut [Lane<T>; TILE],
    row: &mut [Lane<T>],
    column_sum: impl Fn(usize) -> Lane<T>,
) {
    let (width, mut begun) = (row.len(), 0);
    for start in (0..width).step_by(TILE) {
        let end = (start + TILE).min(width);
        for (sum, column) in tile.iter_mut().zip(start..end) {
            *sum = column_sum(column);
        }
        let reach = (end + lrn.before).min(width);
        for column in start.saturating_sub(lrn.after)..reach {
            let window = lrn.window(column, width);
            let mut sum = if column < begun { row[column] } else { [T::ZERO; LANES] };
            for share in &tile[window.start.max(start) - start..window.end.min(end) - start] {
                add(&mut sum, share);
            }
            row[column] = sum;
        }
        begun = reach;
    }
}

#[inline(always)]
fn add_square<I: Isa, T: Real>(x: &Lane<T>, sum: &mut Lane<T>) {
    for l in 0..LANES {
        sum[l] = mul_add::<I, T>(x[l], x[l], sum[l]);
    }
}
