//! What parameters must satisfy after an update.

use crate::{Error, Result};
use core_tensor::ops::kernels;
use layers::{Constraint, Net};

/// Checks that all constraints of the net make sense.
pub(crate) fn check(net: &Net) -> Result<()> {
    for param in net.params() {
        let Constraint::L2 { threshold, every_n_iter } = param.spec().constraint else { continue };
        let wrong = |what: &str, found: String, expected: &str| Error::Value {
            what: format!("{what} of the L2 constraint on `{}`", param.key()),
            found,
            expected: expected.into(),
        };
        if !threshold.is_finite() || threshold < 0.0 {
            return Err(wrong("the threshold", threshold.to_string(), "a finite number, 0 or more"));
        }
        if every_n_iter == 0 {
            return Err(wrong("every_n_iter", "0".into(), "at least 1"));
        }
    }
    Ok(())
}

/// Enforces the constraints that are due at this iteration: each output unit's weights are one row, a bias is one as a whole
/// (Mocha's `src/constraints.jl`).
pub(crate) fn enforce(net: &Net, iteration: u64) -> Result<()> {
    for param in net.params() {
        let Constraint::L2 { threshold, every_n_iter } = param.spec().constraint else { continue };
        if iteration.is_multiple_of(every_n_iter) && !param.is_frozen() {
            let shape = param.data().shape();
            let rows = if shape.rank() > 1 { shape.batch() } else { 1 };
            kernels::limit_row_norms(net.backend(), rows, threshold, param.data())?;
        }
    }
    Ok(())
}
