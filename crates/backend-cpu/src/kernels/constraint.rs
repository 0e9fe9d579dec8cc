//! Keeping the norm of each output unit's weights within a limit.

use super::dtype;
use crate::{
    Cpu,
    memory::{Stored, write},
};
use core_tensor::{DType, Launch, Result};

pub(crate) fn launch(_: &Cpu, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    (kernel == "row_norms").then(|| match dtype(&call) {
        DType::F32 => row_norms::<f32>(call),
        DType::F64 => row_norms::<f64>(call),
    })
}

fn row_norms<T: Stored>(call: Launch<'_>) -> Result<()> {
    let (rows, threshold) = (call.sizes[0], call.scalars[0]);
    let elements = call.writes[0].shape().len();
    let mut w = write::<T>(call.kernel, "the parameter", call.writes[0])?;
    for row in w.as_flattened_mut()[..elements].chunks_exact_mut((elements / rows).max(1)) {
        let norm = row.iter().map(|w| w.to_f64() * w.to_f64()).sum::<f64>().sqrt();
        if norm > threshold {
            let factor = T::from_f64(threshold / norm);
            row.iter_mut().for_each(|w| *w = *w * factor);
        }
    }
    Ok(())
}
