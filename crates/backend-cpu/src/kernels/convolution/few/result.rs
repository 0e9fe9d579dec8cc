//! From a strip of sums to lanes, with pooling or without it.

use super::strips::Strips;
use crate::{
    isa::Isa,
    kernels::{pooling::Windows, samples::spread},
    lane::{LANES, Lane},
};

/// Pools one filter's outputs and puts the result into lanes.
#[inline(always)]
pub(super) fn write<I: Isa>(
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
