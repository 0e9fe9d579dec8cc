//! The shape of a convolution in the terms that kernels use, and which taps of the filter meet the image where.

use crate::memory::blocks;
use core_tensor::{Error, Result, Shape, Tensor, ops::Convolution};

/// Sizes of a convolution; pairs are (vertical, horizontal).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Geometry {
    pub(crate) blocks: usize,
    pub(crate) groups: usize,
    /// Input channels of one group.
    pub(crate) channels: usize,
    /// Filters of one group.
    pub(crate) filters: usize,
    pub(crate) input: (usize, usize),
    pub(crate) output: (usize, usize),
    pub(crate) kernel: (usize, usize),
    pub(crate) stride: (usize, usize),
    pub(crate) pad: (usize, usize),
    pub(crate) dilation: (usize, usize),
}

impl Geometry {
    pub(crate) fn new(description: &Convolution) -> Result<Self> {
        let (input, output) = (description.input, description.output()?);
        Ok(Geometry {
            blocks: blocks(input.batch()),
            groups: description.groups,
            channels: input.axis(1) / description.groups,
            filters: description.filters / description.groups,
            input: (input.axis(2), input.axis(3)),
            output: (output.axis(2), output.axis(3)),
            kernel: (description.kernel.height, description.kernel.width),
            stride: (description.stride.height, description.stride.width),
            pad: (description.pad.height, description.pad.width),
            dilation: (description.dilation.height, description.dilation.width),
        })
    }

    /// The window along both axes.
    #[inline(always)]
    pub(crate) fn windows(&self) -> (Window, Window) {
        let Geometry { kernel, stride, dilation, pad, .. } = *self;
        (
            Window { kernel: kernel.0, stride: stride.0, dilation: dilation.0, pad: pad.0 },
            Window { kernel: kernel.1, stride: stride.1, dilation: dilation.1, pad: pad.1 },
        )
    }

    /// Pixels of an input plane.
    pub(crate) fn input_plane(&self) -> usize {
        self.input.0 * self.input.1
    }

    /// Pixels of an output plane.
    pub(crate) fn output_plane(&self) -> usize {
        self.output.0 * self.output.1
    }

    /// Taps of one filter in one channel.
    pub(crate) fn taps(&self) -> usize {
        self.kernel.0 * self.kernel.1
    }
}

/// A window along one axis.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
    pub(crate) dilation: usize,
    pub(crate) pad: usize,
}

impl Window {
    /// The taps that meet the image, for the window of output `position`: (first tap, end tap, input position of the first);
    /// each further tap meets the image `dilation` further on.
    #[inline(always)]
    pub(crate) fn taps_of_output(self, position: usize, size: usize) -> (usize, usize, usize) {
        let Window { kernel, stride, pad, .. } = self;
        let start = position * stride;
        let first = self.taps_within(pad.saturating_sub(start)).min(kernel);
        let end = kernel.min(self.taps_within((size + pad).saturating_sub(start)));
        (first, end.max(first), (start + first * self.dilation).saturating_sub(pad).min(size))
    }

    /// The taps through which input `position` reaches an output: (first tap, end tap, output position of the first tap). Every
    /// [`Window::tap_step`]-th of them does, and reaches the output [`Window::output_step`] before.
    #[inline(always)]
    pub(crate) fn taps_of_input(self, position: usize, outputs: usize) -> (usize, usize, usize) {
        let Window { kernel, stride, dilation, pad } = self;
        let reach = position + pad;
        // Output o is reached through tap t where t * dilation + o * stride is `reach`.
        let last_output = (reach / stride).min(outputs.saturating_sub(1));
        let least = self.taps_within(reach - last_output * stride);
        if dilation == 1 {
            return (least, (reach + 1).min(kernel).max(least), last_output);
        }
        let end = (reach / dilation + 1).min(kernel);
        let reaches = |tap: &usize| (reach - tap * dilation).is_multiple_of(stride);
        match (least..end).take(stride).find(reaches) {
            Some(first) => (first, end, (reach - first * dilation) / stride),
            None => (0, 0, 0),
        }
    }

    /// From one tap that reaches an output to the next.
    pub(crate) fn tap_step(self) -> usize {
        self.stride / common_divisor(self.stride, self.dilation)
    }

    /// By how much their outputs differ.
    pub(crate) fn output_step(self) -> usize {
        self.dilation / common_divisor(self.stride, self.dilation)
    }

    /// The outputs whose window meets the image with this tap: (first, end).
    #[inline(always)]
    pub(crate) fn outputs_of_tap(self, tap: usize, size: usize, outputs: usize) -> (usize, usize) {
        let Window { stride, dilation, pad, .. } = self;
        let first = pad.saturating_sub(tap * dilation).div_ceil(stride);
        let end = (size + pad).saturating_sub(tap * dilation).div_ceil(stride).min(outputs);
        (first.min(end), end)
    }

    /// Taps before the one at this place or behind it. A division costs as much as a few taps, and dilation is rare.
    #[inline(always)]
    fn taps_within(self, places: usize) -> usize {
        if self.dilation == 1 { places } else { places.div_ceil(self.dilation) }
    }
}

fn common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

/// Compares an operand's shape with what the plan was made for.
pub(crate) fn check(operation: &'static str, what: &'static str, tensor: &Tensor, expected: Shape) -> Result<()> {
    if tensor.shape() == expected {
        return Ok(());
    }
    Err(Error::Shape { operation, what, found: tensor.shape(), expected })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn taps_agree_with_the_definition(
            size in 1usize..12, kernel in 1usize..6, stride in 1usize..5, dilation in 1usize..5, pad in 0usize..4,
        ) {
            let extent = (kernel - 1) * dilation + 1;
            prop_assume!(size + 2 * pad >= extent);
            let outputs = (size + 2 * pad - extent) / stride + 1;
            let window = Window { kernel, stride, dilation, pad };
            let (mut pairs, mut reverse, mut by_tap) = (Vec::new(), Vec::new(), Vec::new());
            for output in 0..outputs {
                let (first, end, start) = window.taps_of_output(output, size);
                for tap in first..end {
                    let input = start + (tap - first) * dilation;
                    prop_assert!(input < size);
                    pairs.push((output, tap, input));
                }
            }
            for input in 0..size {
                let (first, end, output) = window.taps_of_input(input, outputs);
                for (step, tap) in (first..end).step_by(window.tap_step()).enumerate() {
                    reverse.push((output - step * window.output_step(), tap, input));
                }
            }
            for tap in 0..kernel {
                let (first, end) = window.outputs_of_tap(tap, size, outputs);
                by_tap.extend((first..end).map(|output| (output, tap, output * stride + tap * dilation - pad)));
            }
            let all = (0..outputs).flat_map(|o| (0..kernel).map(move |k| (o, k, o * stride + k * dilation)));
            let meeting = all.filter(|(_, _, place)| (pad..size + pad).contains(place));
            let mut naive: Vec<_> = meeting.map(|(o, k, place)| (o, k, place - pad)).collect();
            for found in [&mut naive, &mut pairs, &mut reverse, &mut by_tap] {
                found.sort_unstable();
            }
            prop_assert_eq!(&pairs, &naive);
            prop_assert_eq!(&reverse, &naive);
            prop_assert_eq!(&by_tap, &naive);
        }
    }
}
