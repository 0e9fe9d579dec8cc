//! The small matrix products between transforms, on a register tile of accumulators.

use super::{GROUP, ROWS, tiling::POINTS, transform::Values};
use crate::{isa::Isa, lane::Lane, vector::Vector};

type L = Lane<f32>;

/// From one point to the next in `M`; odd, as in `V`. All sizes are constants here, so that no index needs a check.
const STRIDE: usize = ROWS * GROUP + 1;

/// `M` of one item, `[point][row][tile]`.
pub(super) type ScratchPoints = [[L; STRIDE]; POINTS * POINTS];

/// Lanes of [`ScratchPoints`].
pub(super) const SCRATCH_LANES: usize = STRIDE * POINTS * POINTS;

/// A worker's memory, which has [`SCRATCH_LANES`], as `M`.
#[inline(always)]
pub(super) fn scratch(lanes: &mut [L]) -> &mut ScratchPoints {
    let (points, _) = lanes.as_chunks_mut::<STRIDE>();
    let (scratch, _) = points.as_chunks_mut::<{ POINTS * POINTS }>();
    &mut scratch[0]
}

/// The values of one row and tile in `M`.
pub(super) struct Scratch<'a> {
    pub(super) points: &'a ScratchPoints,
    pub(super) column: usize,
}

impl<V: Vector<f32>> Values<V> for Scratch<'_> {
    #[inline(always)]
    fn at(&self, point: usize) -> V {
        V::load(&self.points[point][self.column])
    }
}

/// `result[r][t] = sum over k of weights[k * stride + r] * columns[k][t]` for `R` rows and the `GROUP` tiles of a group. The
/// weights of one term are neighbours, so that one pointer serves all rows.
#[inline(always)]
pub(super) fn rows<I: Isa, const R: usize>(weights: &[f32], stride: usize, columns: &[L], result: &mut [L]) {
    let mut sums = [[I::Single::splat(0.0); GROUP]; R];
    let (columns, _) = columns.as_chunks::<GROUP>();
    for (weights, column) in weights.chunks(stride).zip(columns) {
        let column: [I::Single; GROUP] = std::array::from_fn(|t| Vector::load(&column[t]));
        let weights = &weights[..R];
        for r in 0..R {
            let weight = Vector::splat(weights[r]);
            for t in 0..GROUP {
                sums[r][t] = column[t].mul_add(weight, sums[r][t]);
            }
        }
    }
    for (result, sums) in result.chunks_exact_mut(GROUP).zip(sums) {
        result.iter_mut().zip(sums).for_each(|(lane, sum)| sum.store(lane));
    }
}

/// Side of the square of accumulators in [`outer`].
pub(super) const SIDE: usize = 4;

/// `sums[f][c] += sum over tiles of gradients[f][t] * inputs[c][t]`, lane by lane.
#[inline(always)]
pub(super) fn outer<V: Vector<f32>>(
    mut sums: [[V; SIDE]; SIDE],
    gradients: [&[L; GROUP]; SIDE],
    inputs: [&[L; GROUP]; SIDE],
) -> [[V; SIDE]; SIDE] {
    for t in 0..GROUP {
        let inputs: [V; SIDE] = std::array::from_fn(|c| V::load(&inputs[c][t]));
        for f in 0..SIDE {
            let gradient = V::load(&gradients[f][t]);
            for c in 0..SIDE {
                sums[f][c] = gradient.mul_add(inputs[c], sums[f][c]);
            }
        }
    }
    sums
}
