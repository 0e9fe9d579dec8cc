//! Softmax followed by the cross entropy with a distribution over classes. The sum is taken in f64.

use super::{AxisView, counted, dtype, softmax::softmax, sums::add_up};
use crate::{
    Cpu,
    isa::{Isa, Kernel},
    lane::{LANES, Lane, Real, add, horizontal_sum},
    memory::{Stored, blocks, read, write},
};
use core_tensor::{DType, Launch, Result};
use std::ops::Range;

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
    let places = Places::new(&call);
    let x = read::<T>(call.kernel, "the logits", call.reads[0])?;
    let q = read::<T>(call.kernel, "the targets", call.reads[1])?;
    let mut prob = write::<T>(call.kernel, "the probabilities", call.writes[0])?;
    softmax(cpu, places.view, &x, &mut prob);
    let prob = &*prob;
    let [sum] = add_up(cpu, places.view.outer * places.view.inner, |range, sums| {
        cpu.level().run(Sum { places, range, x: &x, q: &q, prob, sum: &mut sums[0] });
    });
    let mut result = write::<T>(call.kernel, "the result", call.writes[1])?;
    result.as_flattened_mut()[0] = T::from_f64(sum);
    Ok(())
}

fn backward<T: Stored>(cpu: &Cpu, call: Launch<'_>) -> Result<()> {
    let (places, scale) = (Places::new(&call), T::from_f64(call.scalars[0]));
    let prob = read::<T>(call.kernel, "the probabilities", call.reads[0])?;
    let q = read::<T>(call.kernel, "the targets", call.reads[1])?;
    let mut dx = write::<T>(call.kernel, "the gradient", call.writes[0])?;
    let length = places.view.axis * places.view.inner;
    cpu.pool().chunks(&mut dx, length, |outer, dx| {
        let (prob, q) = (&prob[outer * length..][..length], &q[outer * length..][..length]);
        cpu.level().run(Slope { places, outer, scale, prob, q, dx });
    });
    Ok(())
}

/// The positions of a blob, each with a distribution over classes.
#[derive(Clone, Copy)]
struct Places {
    view: AxisView,
    /// Values of `view.outer` in a block of samples.
    outer_per_block: usize,
    samples: usize,
}

impl Places {
    fn new(call: &Launch<'_>) -> Self {
        let shape = call.reads[0].shape();
        let view = AxisView::new(shape, call.sizes[0]);
        let outer_per_block = (view.outer / blocks(shape.batch()).max(1)).max(1);
        Places { view, outer_per_block, samples: call.sizes[1].min(shape.batch()) }
    }

    /// Samples of the lanes at this outer index that count.
    #[inline(always)]
    fn counted(&self, outer: usize) -> usize {
        counted(outer / self.outer_per_block, self.samples)
    }
}

struct Sum<'a, T> {
    places: Places,
    /// Positions, numbered through outer and inner.
    range: Range<usize>,
    x: &'a [Lane<T>],
    q: &'a [Lane<T>],
    prob: &'a [Lane<T>],
    sum: &'a mut f64,
}

impl<T: Real> Kernel for Sum<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let AxisView { axis, inner, .. } = self.places.view;
        let mut sums = [0.0; LANES];
        for position in self.range {
            let first = position / inner * axis * inner + position % inner;
            // log p(c) = x(c) - x(r) + log p(r) with the likeliest class r, whose probability is no small number.
            let (mut logit, mut likeliest) = (self.x[first], self.prob[first]);
            for c in 1..axis {
                let (x, p) = (&self.x[first + c * inner], &self.prob[first + c * inner]);
                for l in 0..LANES {
                    let is_larger = x[l] > logit[l];
                    logit[l] = if is_larger { x[l] } else { logit[l] };
                    likeliest[l] = if is_larger { p[l] } else { likeliest[l] };
                }
            }
            for l in 0..LANES {
                logit[l] = logit[l] - likeliest[l].ln();
            }
            let counted = self.places.counted(position / inner);
            for c in 0..axis {
                let (x, q) = (&self.x[first + c * inner], &self.q[first + c * inner]);
                for l in 0..LANES {
                    let value = (-(q[l] * (x[l] - logit[l]))).to_f64();
                    sums[l] += if l < counted { value } else { 0.0 };
                }
            }
        }
        *self.sum += horizontal_sum(&sums);
    }
}

struct Slope<'a, T> {
    places: Places,
    outer: usize,
    scale: T,
    prob: &'a [Lane<T>],
    q: &'a [Lane<T>],
    dx: &'a mut [Lane<T>],
}

impl<T: Real> Kernel for Slope<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let AxisView { axis, inner, .. } = self.places.view;
        let counted = self.places.counted(self.outer);
        for p in 0..inner {
            let mut mass = [T::ZERO; LANES];
            (0..axis).for_each(|c| add(&mut mass, &self.q[c * inner + p]));
            for at in (p..axis * inner).step_by(inner) {
                let (prob, q, dx) = (&self.prob[at], &self.q[at], &mut self.dx[at]);
                for l in 0..LANES {
                    dx[l] = self.scale * (prob[l] * mass[l] - q[l]);
                }
                dx[counted..].fill(T::ZERO);
            }
        }
    }
}
