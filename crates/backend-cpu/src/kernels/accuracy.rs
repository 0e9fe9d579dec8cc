//! Counting predictions that have the value at the label's index among their largest.

use super::{
    AxisView, dtype,
    softmax_loss::{class_of, for_each_position},
};
use crate::{
    Cpu,
    memory::{Stored, read, write},
};
use core_tensor::{DType, Launch, Result};

pub(crate) fn launch(_: &Cpu, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    (kernel == "count").then(|| match dtype(&call) {
        DType::F32 => count::<f32>(call),
        DType::F64 => count::<f64>(call),
    })
}

fn count<T: Stored>(call: Launch<'_>) -> Result<()> {
    let [axis, samples, top_k] = std::array::from_fn(|i| call.sizes[i]);
    let shape = call.reads[0].shape();
    let view = AxisView::new(shape, axis);
    let x = read::<T>(call.kernel, "the prediction", call.reads[0])?;
    let labels = read::<T>(call.kernel, "the label", call.reads[1])?;
    let (mut correct, mut bad) = (0u32, 0u32);
    for_each_position(view, shape.batch(), samples, |position, class_lane, lane| {
        let value = |class: usize| x[class_lane(class)][lane];
        match class_of(&labels, position, lane, view.axis) {
            Some(class) => {
                // Of equals the first is ahead; a NaN is ahead of nothing and never right.
                let chosen = value(class);
                let is_ahead = |&other: &usize| value(other) > chosen || other < class && value(other) == chosen;
                let rank = (0..view.axis).filter(is_ahead).count();
                correct += u32::from(!chosen.is_nan() && rank < top_k);
            }
            None => bad += 1,
        }
    });
    let mut result = write::<T>(call.kernel, "the result", call.writes[0])?;
    let result = result.as_flattened_mut();
    (result[0], result[1]) = (T::from_f64(f64::from(correct)), T::from_f64(f64::from(bad)));
    Ok(())
}
