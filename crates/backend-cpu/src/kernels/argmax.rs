//! From scores to class indices and back, 16 samples at a time.

use super::{AxisView, counted, dtype};
use crate::{
    Cpu,
    isa::{Isa, Kernel},
    lane::{LANES, Lane, Real},
    memory::{Stored, blocks, read, write},
};
use core_tensor::{DType, Launch, Result};

pub(crate) fn launch(cpu: &Cpu, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    match (kernel, dtype(&call)) {
        ("forward", DType::F32) => Some(forward::<f32>(cpu, call)),
        ("forward", DType::F64) => Some(forward::<f64>(cpu, call)),
        ("onehot", DType::F32) => Some(onehot::<f32>(cpu, call)),
        ("onehot", DType::F64) => Some(onehot::<f64>(cpu, call)),
        _ => None,
    }
}

fn forward<T: Stored>(cpu: &Cpu, call: Launch<'_>) -> Result<()> {
    let view = AxisView::new(call.reads[0].shape(), call.sizes[0]);
    let x = read::<T>(call.kernel, "the scores", call.reads[0])?;
    let mut y = write::<T>(call.kernel, "the indices", call.writes[0])?;
    let length = view.axis * view.inner;
    cpu.pool().chunks(&mut y, view.inner, |i, y| {
        cpu.level().run(Largest { view, x: &x[i * length..][..length], y });
    });
    Ok(())
}

struct Largest<'a, T> {
    view: AxisView,
    x: &'a [Lane<T>],
    y: &'a mut [Lane<T>],
}

impl<T: Real> Kernel for Largest<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let AxisView { axis, inner, .. } = self.view;
        for p in 0..inner {
            let (mut largest, mut index) = (self.x[p], [T::ZERO; LANES]);
            let mut class = T::ZERO;
            for c in 1..axis {
                class += T::ONE;
                let x = &self.x[c * inner + p];
                for l in 0..LANES {
                    let is_larger = x[l] > largest[l];
                    index[l] = if is_larger { class } else { index[l] };
                    largest[l] = if is_larger { x[l] } else { largest[l] };
                }
            }
            self.y[p] = index;
        }
    }
}

fn onehot<T: Stored>(cpu: &Cpu, call: Launch<'_>) -> Result<()> {
    let (axis, samples) = (call.sizes[0], call.sizes[1]);
    let shape = call.writes[0].shape();
    let view = AxisView::new(shape, axis);
    let x = read::<T>(call.kernel, "the indices", call.reads[0])?;
    let mut y = write::<T>(call.kernel, "the one-hot vectors", call.writes[0])?;
    let mut result = write::<T>(call.kernel, "the result", call.writes[1])?;
    cpu.pool().chunks(&mut y, view.axis * view.inner, |i, y| {
        cpu.level().run(OneHot { inner: view.inner, x: &x[i * view.inner..][..view.inner], y });
    });
    let lanes_per_block = (x.len() / blocks(shape.batch()).max(1)).max(1);
    let is_bad = |value: &T| !(value.to_f64().fract() == 0.0 && (0.0..view.axis as f64).contains(&value.to_f64()));
    let bad = x.chunks(lanes_per_block).enumerate().flat_map(|(block, lanes)| {
        let counted = counted(block, samples.min(shape.batch()));
        lanes.iter().flat_map(move |lane| &lane[..counted])
    });
    result.as_flattened_mut()[0] = T::from_f64(bad.filter(|value| is_bad(value)).count() as f64);
    Ok(())
}

struct OneHot<'a, T> {
    inner: usize,
    x: &'a [Lane<T>],
    y: &'a mut [Lane<T>],
}

impl<T: Real> Kernel for OneHot<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let mut class = T::ZERO;
        for y in self.y.chunks_exact_mut(self.inner) {
            for (y, x) in y.iter_mut().zip(self.x) {
                for l in 0..LANES {
                    y[l] = if x[l] == class { T::ONE } else { T::ZERO };
                }
            }
            class += T::ONE;
        }
    }
}
