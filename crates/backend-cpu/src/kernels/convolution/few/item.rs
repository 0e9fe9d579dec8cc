//! One strip: out of the lanes, product, neuron, pooling, back into lanes.

use super::{super::geometry::Geometry, product::Product, result::write, strips::Strips};
use crate::{
    isa::{Isa, Kernel},
    kernels::{neuron, pooling::Windows, samples::gather},
    lane::{LANES, Lane},
    memory::Buffer,
    threads::Pieces,
};
use core_tensor::{Result, ops::Neuron};

/// What one worker needs beside operands and result.
pub(super) struct Scratch {
    /// The rows of a channel under the strip, `[row][padded column]`.
    image: Buffer<f32>,
    /// The rows of all channels, for each column of a filter those numbers that the outputs meet there:
    /// `[channel][column][row % stride][row / stride][output]`.
    shifted: Buffer<f32>,
    /// The convolution's output, `[sample][filter][pixel]`.
    sums: Buffer<f32>,
    /// A row of the convolution's output, pooled over rows, between pads that lose against every number.
    row: Buffer<f32>,
    /// A row of the result of each sample.
    results: Buffer<f32>,
}

impl Scratch {
    pub(super) fn new(strips: Strips) -> Result<Self> {
        let Windows { width, out_width, kernel, stride, pad, .. } = strips.windows;
        let reach = (out_width.next_multiple_of(LANES) - 1) * stride.1 + kernel.1;
        let mut row = Buffer::zeroed(reach.max(pad.1 + width).div_ceil(LANES) + 1)?;
        row.lanes_mut().as_flattened_mut().fill(f32::NEG_INFINITY);
        let (rows, columns) = strips.input();
        let Geometry { channels, filters, kernel: (_, across), stride: (phases, _), .. } = strips.geometry;
        let planes = channels * across * phases;
        Ok(Scratch {
            image: Buffer::zeroed((rows * columns).div_ceil(LANES) + 1)?,
            shifted: Buffer::zeroed((planes * strips.phase() * width).div_ceil(LANES) + 2)?,
            sums: Buffer::zeroed(strips.samples * filters * strips.vectors() + 1)?,
            row,
            results: Buffer::zeroed(strips.samples * strips.windows.out_width.div_ceil(LANES))?,
        })
    }
}

/// Where a strip's first output meets each term of a filter in [`Scratch::shifted`].
pub(super) fn offsets(strips: Strips) -> Vec<usize> {
    let Geometry { channels, kernel, stride: (phases, _), .. } = strips.geometry;
    let width = strips.windows.width;
    let offset = |channel, row, column| {
        let plane = (channel * kernel.1 + column) * phases + row % phases;
        (plane * strips.phase() + row / phases) * width
    };
    let terms = (0..channels).flat_map(|channel| (0..kernel.0).map(move |row| (channel, row)));
    terms.flat_map(|(channel, row)| (0..kernel.1).map(move |column| offset(channel, row, column))).collect()
}

pub(super) struct Item<'a> {
    pub(super) strips: Strips,
    pub(super) item: usize,
    pub(super) x: &'a [Lane<f32>],
    pub(super) weights: &'a [f32],
    pub(super) offsets: &'a [usize],
    pub(super) bias: Option<&'a [f32]>,
    pub(super) neuron: Neuron,
    pub(super) scratch: &'a mut Scratch,
    pub(super) y: &'a Pieces<'a, Lane<f32>>,
}

impl Kernel for Item<'_> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Item { strips, item, x, weights, offsets, bias, neuron, scratch, y } = self;
        let Geometry { channels, filters, input, .. } = strips.geometry;
        let (group, strip) = strips.of_item(item);
        let x = &x[group * channels * input.0 * input.1..];
        let weights = &weights[group * filters * offsets.len()..][..filters * offsets.len()];
        let bias = bias.map(|bias| &bias[group * filters..][..filters]);
        let Scratch { image, shifted, sums, row, results } = scratch;
        let (image, shifted) = (image.lanes_mut().as_flattened_mut(), shifted.lanes_mut().as_flattened_mut());
        let vectors = strips.vectors();
        for (sample, sums) in sums.lanes_mut().chunks_exact_mut(filters * vectors).take(strips.samples).enumerate() {
            shift(strips, strip, x, sample, image, shifted);
            Product { vectors, weights, offsets, bias, shifted, sums }.run::<I>();
            neuron::apply::<I, f32>(neuron, sums);
        }
        let sums = sums.lanes().as_flattened();
        for filter in 0..filters {
            let y = y.take(group * filters + filter, strip);
            let sums = &sums[filter * vectors * LANES..];
            write::<I>(
                strips,
                strip,
                sums,
                row.lanes_mut().as_flattened_mut(),
                results.lanes_mut().as_flattened_mut(),
                y,
            );
        }
    }
}

/// Takes the rows under the strip out of their lanes and shifts them. Rows are copied in whole lanes, first to last, so that
/// each overwrites what the one before has copied too much.
#[inline(always)]
fn shift(strips: Strips, strip: usize, x: &[Lane<f32>], sample: usize, image: &mut [f32], shifted: &mut [f32]) {
    let Geometry { channels, kernel, stride, pad, input: (height, width), output: (_, outputs), .. } = strips.geometry;
    let (first, end) = strips.convolved(strip);
    let (rows, columns) = ((end - first - 1) * stride.0 + kernel.0, strips.input().1);
    let plane = strips.phase() * outputs;
    for channel in 0..channels {
        for (row, image) in image.chunks_exact_mut(columns).take(rows).enumerate() {
            let image = &mut image[pad.1..pad.1 + width];
            match (first * stride.0 + row).checked_sub(pad.0) {
                Some(row) if row < height => gather(&x[(channel * height + row) * width..], sample, image),
                _ => image.fill(0.0),
            }
        }
        for column in 0..kernel.1 {
            for phase in 0..stride.0 {
                let shifted = &mut shifted[((channel * kernel.1 + column) * stride.0 + phase) * plane..];
                for (to, row) in (phase..rows).step_by(stride.0).enumerate() {
                    let (target, source) = (&mut shifted[to * outputs..], &image[row * columns + column..]);
                    if stride.1 == 1 {
                        let room = outputs.next_multiple_of(LANES);
                        let source = source[..room].as_chunks::<LANES>().0;
                        let target = target[..room].as_chunks_mut::<LANES>().0;
                        target.iter_mut().zip(source).for_each(|(target, source)| *target = *source);
                    } else {
                        let source = source.iter().step_by(stride.1);
                        target[..outputs].iter_mut().zip(source).for_each(|(target, source)| *target = *source);
                    }
                }
            }
        }
    }
}
