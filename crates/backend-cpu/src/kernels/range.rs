//! Copying a range along one axis. Along the batch, whose samples stand side by side in a lane, single numbers are moved;
//! along any other axis whole lanes.

use super::{AxisView, dtype};
use crate::{
    Cpu,
    lane::{LANES, Lane},
    memory::{Stored, read, write},
};
use core_tensor::{DType, Launch, Result, Role};

pub(crate) fn launch(cpu: &Cpu, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    (kernel == "copy").then(|| match dtype(&call) {
        DType::F32 => copy::<f32>(cpu, call),
        DType::F64 => copy::<f64>(cpu, call),
    })
}

fn copy<T: Stored>(cpu: &Cpu, call: Launch<'_>) -> Result<()> {
    let [axis, from, to, count] = std::array::from_fn(|i| call.sizes[i]);
    let (source, target) = (call.reads[0].shape(), call.writes[0].shape());
    let x = read::<T>(call.kernel, "the source", call.reads[0])?;
    let mut y = write::<T>(call.kernel, "the target", call.writes[0])?;
    if axis == 0 {
        let samples = Samples { from, to, count, batch: target.batch(), role: call.writes[0].role() };
        let features = target.sample_len().max(1);
        cpu.pool().chunks(&mut y, features, |block, y| samples.copy_into_block(block, &x, y));
        return Ok(());
    }
    let (source, target) = (AxisView::new(source, axis), AxisView::new(target, axis));
    let (start_x, start_y, length) = (from * source.inner, to * target.inner, count * target.inner);
    let (outer_x, outer_y) = (source.axis * source.inner, target.axis * target.inner);
    cpu.pool().chunks(&mut y, outer_y, |i, y| {
        y[start_y..][..length].copy_from_slice(&x[i * outer_x + start_x..][..length]);
    });
    Ok(())
}

/// A range of samples, and where it goes.
struct Samples {
    from: usize,
    to: usize,
    count: usize,
    /// Samples in the target.
    batch: usize,
    role: Role,
}

impl Samples {
    /// Copies those samples that go to this block of the target.
    fn copy_into_block<T: Stored>(&self, block: usize, x: &[Lane<T>], y: &mut [Lane<T>]) {
        let first = block * LANES;
        let range = self.to.max(first)..(self.to + self.count).min(first + LANES);
        for sample in range.clone() {
            let source = sample - self.to + self.from;
            let x = &x[source / LANES * y.len()..][..y.len()];
            for (y, x) in y.iter_mut().zip(x) {
                y[sample - first] = x[source % LANES];
            }
        }
        // The pad of data repeats the last sample; that of a gradient is zero, whoever had the memory before.
        if range.end == self.batch {
            for y in y {
                let pad = if self.role == Role::Data { y[self.batch - 1 - first] } else { T::ZERO };
                y[self.batch - first..].fill(pad);
            }
        }
    }
}
