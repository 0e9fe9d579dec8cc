//! Local response normalization: its coefficients and what its windows are.

use crate::{Error, Result, Shape};
use serde::{Deserialize, Serialize};

/// What a window of local response normalization spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum LrnMode {
    /// Neighbouring channels at one place of the image.
    #[default]
    AcrossChannel,
    /// Neighbouring places, `kernel` x `kernel`, of one channel.
    WithinChannel,
}

/// `y = x (shift + scale mean(x^2))^-power`, the mean taken over a window around each element.
///
/// The window of element i reaches from `i - (kernel - 1) / 2` (rounded down) over `kernel` elements; what lies outside of the
/// blob counts as zero, so that the mean always divides by the full window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lrn {
    /// What a window spans.
    pub mode: LrnMode,
    /// The axis of the channels; `WithinChannel` takes windows of axes 2 and 3 whatever it says.
    pub axis: usize,
    /// The elements of a window along each axis that it spans.
    pub kernel: usize,
    /// The factor on the mean of squares.
    pub scale: f64,
    /// What is added to it.
    pub shift: f64,
    /// The exponent of the divisor.
    pub power: f64,
}

impl Lrn {
    /// Checks the coefficients, and that a blob of this shape can be normalized.
    ///
    /// # Errors
    /// [`Error::Value`] for an empty window, coefficients that could make the divisor zero or negative, an axis that the
    /// blob does not have or that is the batch, and for `WithinChannel` a blob that is no image.
    pub fn check(&self, input: Shape) -> Result<()> {
        let fail = |what: &str, found: String, expected: String| {
            Err(Error::Value { what: format!("the normalization's {what}"), found, expected })
        };
        if self.kernel == 0 {
            return fail("kernel", "0".into(), "at least 1".into());
        }
        if !(self.shift > 0.0 && self.shift.is_finite()) {
            return fail("shift", self.shift.to_string(), "a number above 0, or the divisor could become 0".into());
        }
        if !(self.scale >= 0.0 && self.scale.is_finite()) {
            return fail("scale", self.scale.to_string(), "a number from 0 up, or the divisor could become 0".into());
        }
        if !self.power.is_finite() {
            return fail("power", self.power.to_string(), "a finite number".into());
        }
        match self.mode {
            LrnMode::AcrossChannel if self.axis == 0 || self.axis >= input.rank() => fail(
                "channel axis",
                format!("{} for a bottom of shape {input}", self.axis),
                format!("from 1 to {}; axis 0 is the batch", input.rank().saturating_sub(1)),
            ),
            LrnMode::WithinChannel if input.rank() != 4 => fail(
                "bottom's shape",
                input.to_string(),
                "an image blob (N, channels, height, width), since windows within a channel are two-dimensional".into(),
            ),
            _ => Ok(()),
        }
    }
}
