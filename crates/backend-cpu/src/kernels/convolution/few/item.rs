//! One strip: patches, product, neuron, pooling, lanes.

use super::{super::geometry::Geometry, strips::Strips};
use crate::{
    isa::{Isa, Kernel},
    kernels::{
        neuron,
        pooling::Windows,
        samples::{gather, spread},
    },
    lane::{LANES, Lane},
    memory::Buffer,
    threads::Pieces,
    vector::Vector,
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
        for (sample, sums) in sums.lanes_mut().chunks_exact_mut(filters * vectors).enumerate() {
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

/// The outputs of a strip before the neuron, as a product of matrices: filters times terms, terms times pixels.
struct Product<'a> {
    vectors: usize,
    /// `[filter][term]`.
    weights: &'a [f32],
    offsets: &'a [usize],
    bias: Option<&'a [f32]>,
    shifted: &'a [f32],
    /// `[filter][vector]`.
    sums: &'a mut [Lane<f32>],
}

impl Product<'_> {
    #[inline(always)]
    fn run<I: Isa>(mut self) {
        let room = I::REGISTER_BYTES / size_of::<Lane<f32>>();
        let filters = self.weights.len() / self.offsets.len();
        let mut filter = 0;
        while filter < filters {
            let left = filters - filter;
            filter += match room {
                32.. if left >= 10 => self.filters::<I, 10, 2>(filter),
                32.. if left >= 5 => self.filters::<I, 5, 2>(filter),
                32.. if left >= 2 => self.filters::<I, 2, 2>(filter),
                8.. if left >= 5 => self.filters::<I, 5, 1>(filter),
                _ if left >= 2 => self.filters::<I, 2, 1>(filter),
                _ => self.filters::<I, 1, 1>(filter),
            };
        }
    }

    /// `F` filters, `V` vectors of pixels at a time.
    #[inline(always)]
    fn filters<I: Isa, const F: usize, const V: usize>(&mut self, filter: usize) -> usize {
        let mut vector = 0;
        while vector + V <= self.vectors {
            self.tile::<I, F, V>(filter, vector);
            vector += V;
        }
        while vector < self.vectors {
            self.tile::<I, F, 1>(filter, vector);
            vector += 1;
        }
        F
    }

    #[inline(always)]
    fn tile<I: Isa, const F: usize, const V: usize>(&mut self, filter: usize, vector: usize) {
        let (terms, vectors) = (self.offsets.len(), self.vectors);
        let rows: [&[f32]; F] = std::array::from_fn(|f| &self.weights[(filter + f) * terms..][..terms]);
        let mut sums: [[I::Single; V]; F] =
            std::array::from_fn(|f| [Vector::splat(self.bias.map_or(0.0, |bias| bias[filter + f])); V]);
        let shifted = &self.shifted[vector * LANES..];
        for (term, &offset) in self.offsets.iter().enumerate() {
            let inputs = shifted[offset..][..V * LANES].as_chunks().0;
            let inputs: [I::Single; V] = std::array::from_fn(|v| Vector::load(&inputs[v]));
            for f in 0..F {
                let weight = I::Single::splat(rows[f][term]);
                for v in 0..V {
                    sums[f][v] = inputs[v].mul_add(weight, sums[f][v]);
                }
            }
        }
        for f in 0..F {
            for v in 0..V {
                sums[f][v].store(&mut self.sums[(filter + f) * vectors + vector + v]);
            }
        }
    }
}

/// Pools one filter's outputs and puts the result into lanes.
#[inline(always)]
fn write<I: Isa>(
    strips: Strips,
    strip: usize,
    sums: &[f32],
    row: &mut [f32],
    results: &mut [f32],
    y: &mut [Lane<f32>],
) {
    let Strips { windows, samples, .. } = strips;
    let pitch = strips.geometry.filters * strips.vectors() * LANES;
    let (across, width) = (windows.width, windows.out_width);
    let (start, _) = strips.convolved(strip);
    let (first, end) = strips.results(strip);
    if windows.kernel == (1, 1) && windows.stride == (1, 1) {
        spread::<I>(sums, pitch, samples, y);
        return;
    }
    let room = width.next_multiple_of(LANES);
    let reach = (width - 1) * windows.stride.1 + windows.kernel.1;
    for (result, y) in (first..end).zip(y.chunks_exact_mut(width)) {
        let (row0, row1) = windows.rows(result);
        for sample in 0..samples {
            let sums = &sums[sample * pitch + (row0 - start) * across..];
            largest_of_rows(sums, across, row1 - row0, &mut row[windows.pad.1..]);
            let end = windows.pad.1 + across;
            if end < reach {
                row[end..reach].fill(f32::NEG_INFINITY);
            }
            largest_of_columns(row, windows, &mut results[sample * room..][..room]);
        }
        spread::<I>(results, room, samples, y);
    }
}

/// The largest of each column of `rows` rows, in whole lanes.
#[inline(always)]
fn largest_of_rows(sums: &[f32], across: usize, rows: usize, row: &mut [f32]) {
    for x in (0..across).step_by(LANES) {
        let mut best = [0.0; LANES];
        best.copy_from_slice(&sums[x..][..LANES]);
        for other in 1..rows {
            let other = &sums[other * across + x..][..LANES];
            for l in 0..LANES {
                best[l] = larger(best[l], other[l]);
            }
        }
        row[x..][..LANES].copy_from_slice(&best);
    }
}

/// The largest of each window of a row.
#[inline(always)]
fn largest_of_columns(row: &[f32], windows: Windows, results: &mut [f32]) {
    let (kernel, stride) = (windows.kernel.1, windows.stride.1);
    if (kernel, stride) == (2, 2) {
        let pairs = row[..2 * results.len()].as_chunks::<2>().0;
        for (result, pair) in results.iter_mut().zip(pairs) {
            *result = larger(pair[0], pair[1]);
        }
        return;
    }
    for (column, result) in results[..windows.out_width].iter_mut().enumerate() {
        let window = &row[column * stride..][..kernel];
        *result = window[1..].iter().fold(window[0], |best, &value| larger(best, value));
    }
}

/// The larger of two, or a NaN, so that divergence shows.
#[inline(always)]
fn larger(best: f32, value: f32) -> f32 {
    if (value > best) | value.is_nan() { value } else { best }
}
