//! Setting every element to one value.

use super::dtype;
use crate::{
    Cpu,
    lane::LANES,
    memory::{Stored, write},
};
use core_tensor::{DType, Launch, Result, Role};

pub(crate) fn launch(_: &Cpu, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    (kernel == "constant").then(|| match dtype(&call) {
        DType::F32 => constant::<f32>(call),
        DType::F64 => constant::<f64>(call),
    })
}

fn constant<T: Stored>(call: Launch<'_>) -> Result<()> {
    let (y, value) = (call.writes[0], T::from_f64(call.scalars[0]));
    let mut lanes = write::<T>(call.kernel, "the result", y)?;
    lanes.as_flattened_mut().fill(value);
    // A gradient's pad stays zero.
    let (batch, features) = (y.shape().batch(), y.shape().sample_len());
    if y.role() == Role::Diff && !batch.is_multiple_of(LANES) {
        for lane in &mut lanes[batch / LANES * features..] {
            lane[batch % LANES..].fill(T::ZERO);
        }
    }
    Ok(())
}
