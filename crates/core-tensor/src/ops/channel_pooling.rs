//! Pooling over windows along one axis.

use super::PoolMethod;
use crate::{Error, Result, Shape};

/// One-dimensional pooling along any axis but the batch. As in Mocha the output is rounded up, windows are clipped to the
/// axis, and the mean divides by the full window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelPooling {
    /// How a window becomes one number.
    pub method: PoolMethod,
    /// The axis.
    pub axis: usize,
    /// The window's size.
    pub kernel: usize,
    /// The step between neighbouring windows.
    pub stride: usize,
    /// Places before and after the axis that belong to no element.
    pub pad: [usize; 2],
}

impl ChannelPooling {
    /// The output's shape: along the axis `⌈(size + pads − kernel) / stride⌉ + 1`, less one if the last window would start
    /// behind the last element.
    ///
    /// # Errors
    /// [`Error::Value`] for an axis that the blob does not have or that is the batch, a window or stride of zero, a window that
    /// does not fit, or a pad before the axis that is as large as the window, which would see no element.
    pub fn output(&self, input: Shape) -> Result<Shape> {
        let fail = |what: &str, found: String, expected: String| {
            Err(Error::Value { what: format!("the channel pooling's {what}"), found, expected })
        };
        if self.axis == 0 || self.axis >= input.rank() {
            let found = format!("{} for a bottom of shape {input}", self.axis);
            return fail("axis", found, format!("from 1 to {}; axis 0 is the batch", input.rank().saturating_sub(1)));
        }
        for (what, value) in [("kernel", self.kernel), ("stride", self.stride)] {
            if value == 0 {
                return fail(what, "0".into(), "at least 1".into());
            }
        }
        let (size, [before, after]) = (input.axis(self.axis), self.pad);
        if before >= self.kernel || after >= self.kernel {
            let expected =
                format!("less than the kernel {} on both sides, or a window would see no element", self.kernel);
            return fail("pad", format!("({before}, {after})"), expected);
        }
        let Some(room) = (size + before + after).checked_sub(self.kernel) else {
            let expected = format!("at most {}, which is axis {} with its pads", size + before + after, self.axis);
            return fail("kernel", self.kernel.to_string(), expected);
        };
        let steps = room.div_ceil(self.stride);
        let behind = steps * self.stride >= size + before;
        input.with_axis(self.axis, steps + 1 - usize::from(behind))
    }
}
