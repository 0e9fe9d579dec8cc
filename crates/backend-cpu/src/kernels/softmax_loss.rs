//! Softmax and multinomial logistic loss in one.
//!
//! The loss is summed in f64 over the samples in order, on the caller's thread: it is a few hundred additions, and the order
//! never changes.

use super::{AxisView, counted, dtype, softmax::softmax};
use crate::{
    Cpu,
    lane::{LANES, Lane},
    memory::{Read, Stored, read, write},
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
    let (axis, samples) = (call.sizes[0], call.sizes[1]);
    let shape = call.reads[0].shape();
    let view = AxisView::new(shape, axis);
    let x = read::<T>(call.kernel, "the logits", call.reads[0])?;
    let labels = read::<T>(call.kernel, "the label", call.reads[1])?;
    let mut prob = write::<T>(call.kernel, "the probabilities", call.writes[0])?;
    softmax(cpu, view, &x, &mut prob);

    let (mut loss, mut bad) = (0.0, 0);
    for_each_position(view, shape.batch(), samples, |position, class_lane, lane| {
        match class_of(&labels, position, lane, view.axis) {
            Some(class) => loss -= prob[class_lane(class)][lane].to_f64().max(SMALLEST_PROBABILITY).ln(),
            None => bad += 1,
        }
    });
    // A NaN among the logits hides in `max`; it must not.
    if prob.as_flattened().iter().any(|p| p.to_f64().is_nan()) {
        loss = f64::NAN;
    }
    let mut result = write::<T>(call.kernel, "the result", call.writes[1])?;
    let result = result.as_flattened_mut();
    (result[0], result[1]) = (T::from_f64(loss), T::from_f64(f64::from(bad)));
    Ok(())
}

/// Where the logarithm is cut off, as in Caffe and Mocha.
const SMALLEST_PROBABILITY: f64 = 1e-20;

fn backward<T: Stored>(_: &Cpu, call: Launch<'_>) -> Result<()> {
    let (axis, samples, scale) = (call.sizes[0], call.sizes[1], T::from_f64(call.scalars[0]));
    let shape = call.reads[0].shape();
    let view = AxisView::new(shape, axis);
    let prob = read::<T>(call.kernel, "the probabilities", call.reads[0])?;
    let labels = read::<T>(call.kernel, "the label", call.reads[1])?;
    let mut dx = write::<T>(call.kernel, "the gradient", call.writes[0])?;
    let lanes_per_block = dx.len() / super::blocks(shape.batch()).max(1);
    for (block, dx) in dx.chunks_exact_mut(lanes_per_block.max(1)).enumerate() {
        let counted = counted(block, samples);
        for (dx, prob) in dx.iter_mut().zip(&prob[block * lanes_per_block..]) {
            for l in 0..LANES {
                dx[l] = if l < counted { scale * prob[l] } else { T::ZERO };
            }
        }
    }
    for_each_position(view, shape.batch(), samples, |position, class_lane, lane| {
        if let Some(class) = class_of(&labels, position, lane, view.axis) {
            let target = &mut dx[class_lane(class)][lane];
            *target = *target - scale;
        }
    });
    Ok(())
}

/// Calls `body(label's lane index, class -> its lane index in the blob, number within the lane)` for every position of the
/// samples that count.
pub(super) fn for_each_position(
    view: AxisView,
    batch: usize,
    samples: usize,
    mut body: impl FnMut(usize, &dyn Fn(usize) -> usize, usize),
) {
    let outer_per_block = view.outer / super::blocks(batch).max(1);
    for outer in 0..view.outer {
        let counted = counted(outer / outer_per_block.max(1), samples);
        for inner in 0..view.inner {
            let class_lane = |class: usize| (outer * view.axis + class) * view.inner + inner;
            for lane in 0..counted {
                body(outer * view.inner + inner, &class_lane, lane);
            }
        }
    }
}

/// The class index at a position, if the label is one.
pub(super) fn class_of<T: Stored>(labels: &Read<'_, T>, position: usize, lane: usize, classes: usize) -> Option<usize> {
    let label: Lane<T> = labels[position];
    let value = label[lane].to_f64();
    (value >= 0.0 && value < classes as f64 && value.fract() == 0.0).then_some(value as usize)
}
