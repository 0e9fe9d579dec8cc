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
        })
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

/// The taps that meet the image, for the window of output `position`: (first tap, end tap, input position of the first).
#[inline(always)]
pub(crate) fn taps_of_output(
    position: usize,
    kernel: usize,
    stride: usize,
    pad: usize,
    size: usize,
) -> (usize, usize, usize) {
    let start = position * stride;
    let first = pad.saturating_sub(start).min(kernel);
    let end = kernel.min((size + pad).saturating_sub(start));
    (first, end.max(first), (start + first).saturating_sub(pad).min(size))
}

/// The taps through which input `position` reaches an output, every `stride`-th of them: (first tap, end tap, output
/// position of the first tap); each further tap reaches the output one before.
#[inline(always)]
pub(crate) fn taps_of_input(
    position: usize,
    kernel: usize,
    stride: usize,
    pad: usize,
    outputs: usize,
) -> (usize, usize, usize) {
    let reach = position + pad;
    // Output o is reached through tap reach - o * stride, which must be at least 0 and below `kernel`.
    let last_output = (reach / stride).min(outputs.saturating_sub(1));
    let first = reach - last_output * stride;
    let end = (reach + 1).min(kernel);
    (first, end.max(first), last_output)
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
            size in 1usize..12, kernel in 1usize..6, stride in 1usize..4, pad in 0usize..4,
        ) {
            prop_assume!(size + 2 * pad >= kernel);
            let outputs = (size + 2 * pad - kernel) / stride + 1;
            let mut pairs = Vec::new();
            for output in 0..outputs {
                let (first, end, start) = taps_of_output(output, kernel, stride, pad, size);
                for tap in first..end {
                    prop_assert_eq!(start + tap - first + pad, output * stride + tap);
                    prop_assert!(start + tap - first < size);
                    pairs.push((output, tap, start + tap - first));
                }
            }
            let mut reverse = Vec::new();
            for input in 0..size {
                let (first, end, output) = taps_of_input(input, kernel, stride, pad, outputs);
                for (step, tap) in (first..end).step_by(stride).enumerate() {
                    reverse.push((output - step, tap, input));
                }
            }
            let all = (0..outputs).flat_map(|o| (0..kernel).map(move |k| (o, k)));
            let mut naive: Vec<_> = all
                .filter(|(o, k)| (pad..size + pad).contains(&(o * stride + k)))
                .map(|(o, k)| (o, k, o * stride + k - pad))
                .collect();
            naive.sort_unstable();
            pairs.sort_unstable();
            reverse.sort_unstable();
            prop_assert_eq!(&pairs, &naive);
            prop_assert_eq!(&reverse, &naive);
        }
    }
}
