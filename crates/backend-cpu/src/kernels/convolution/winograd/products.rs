//! The small matrix products between transforms, on a register tile of accumulators.

use super::{GROUP, tiling::POINTS, transform::Values};
use crate::{
    isa::Isa,
    lane::{LANES, Lane},
    vector::Vector,
};

type L = Lane<f32>;

/// The most rows of a product.
const MOST_ROWS: usize = 12;
/// The most products of a set.
const MOST_CHUNKS: usize = 4;
/// The most rows of an item with one or three channels.
pub(super) const MOST_ROWS_OF_FEW: usize = MOST_ROWS;
/// Sets are made smaller until there are so many items, that all threads have work.
const ENOUGH_ITEMS: usize = 12;

/// From one point to the next in `M`; odd, as in `V`. All sizes are constants here, so that no index needs a check.
const STRIDE: usize = MOST_CHUNKS * MOST_ROWS * GROUP + 1;

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

/// How the transformed filters lie in memory: in the order in which the products read them, `[point][chunk][term][row]`. A
/// chunk is as many rows as one product has; the last is filled up with rows of zeros. With rows left where they were, a
/// product with 256 terms touched a page for each four of them.
///
/// A *set* is as many chunks as an item computes: each item reads all inputs of its block again, and they come from far away.
#[derive(Clone, Copy)]
pub(super) struct Packing {
    /// Filters in the forward pass, channels in the backward pass.
    all_rows: usize,
    /// What is summed over: channels in the forward pass, filters in the backward pass.
    terms: usize,
    /// Rows of a chunk.
    pub(super) rows: usize,
    chunks_of_set: usize,
}

impl Packing {
    /// Chunks of 8, 10 or 12 rows, whichever leaves the fewest zeros; `items` is how many items there are for each set.
    pub(super) fn new(all_rows: usize, terms: usize, items: usize) -> Self {
        let rows = [MOST_ROWS, 10, 8].into_iter().min_by_key(|&rows| all_rows.next_multiple_of(rows));
        let rows = rows.unwrap_or(MOST_ROWS);
        let chunks = all_rows.div_ceil(rows);
        let enough = |&chunks_of_set: &usize| items * chunks.div_ceil(chunks_of_set) >= ENOUGH_ITEMS;
        let chunks_of_set = (2..=MOST_CHUNKS).rev().find(enough).unwrap_or(1);
        Packing { all_rows, terms, rows, chunks_of_set }
    }

    /// With a chunk for each item, whatever the number of items.
    pub(super) fn single(all_rows: usize, terms: usize) -> Self {
        Packing { chunks_of_set: 1, ..Self::new(all_rows, terms, 1) }
    }

    fn chunks(&self) -> usize {
        self.all_rows.div_ceil(self.rows)
    }

    pub(super) fn sets(&self) -> usize {
        self.chunks().div_ceil(self.chunks_of_set)
    }

    /// Rows of every set but the last.
    pub(super) fn set_rows(&self) -> usize {
        self.rows * self.chunks_of_set
    }

    /// The rows of a set without those of zeros.
    pub(super) fn rows_of(&self, set: usize) -> usize {
        self.set_rows().min(self.all_rows - set * self.set_rows())
    }

    /// Numbers of one point.
    pub(super) fn len(&self) -> usize {
        self.chunks() * self.rows * self.terms
    }

    /// From one point to the next; whole lanes, and not a power of two.
    pub(super) fn stride(&self) -> usize {
        self.len().next_multiple_of(LANES) + LANES
    }

    /// The row and term of one of a point's numbers; `None` in a row of zeros.
    pub(super) fn row_and_term(&self, index: usize) -> Option<(usize, usize)> {
        let (row, term) = (index % self.rows, index / self.rows % self.terms);
        let row = index / self.rows / self.terms * self.rows + row;
        (row < self.all_rows).then_some((row, term))
    }

    /// One chunk at one point, `[term][row]`.
    #[inline(always)]
    pub(super) fn chunk<'a>(&self, packed: &'a [f32], point: usize, chunk: usize) -> &'a [f32] {
        let length = self.rows * self.terms;
        &packed[point * self.stride() + chunk * length..][..length]
    }

    /// `result[r][t] = sum over k of weights[k][r] * columns[k][t]` for the rows of a set and the tiles of a group.
    #[inline(always)]
    pub(super) fn multiply<I: Isa>(
        &self,
        packed: &[f32],
        (point, set): (usize, usize),
        columns: &[L],
        result: &mut [L],
    ) {
        let first = set * self.chunks_of_set;
        let chunks = first..(first + self.chunks_of_set).min(self.chunks());
        for (chunk, result) in chunks.zip(result.chunks_exact_mut(self.rows * GROUP)) {
            multiply::<I>(self.rows, self.chunk(packed, point, chunk), columns, result);
        }
    }
}

/// The rows of a chunk.
#[inline(always)]
fn multiply<I: Isa>(rows: usize, weights: &[f32], columns: &[L], result: &mut [L]) {
    match rows {
        8 => chunk::<I, 8, 4>(weights, columns, result),
        10 => chunk::<I, 10, 5>(weights, columns, result),
        _ => chunk::<I, MOST_ROWS, { MOST_ROWS / 2 }>(weights, columns, result),
    }
}

/// All at once where the registers hold so many sums, otherwise half of the rows and one tile at a time.
#[inline(always)]
fn chunk<I: Isa, const R: usize, const HALF: usize>(weights: &[f32], columns: &[L], result: &mut [L]) {
    let ((weights, _), (columns, _)) = (weights.as_chunks::<R>(), columns.as_chunks::<GROUP>());
    let (result, _) = result.as_chunks_mut::<GROUP>();
    if I::REGISTER_BYTES > MOST_ROWS * GROUP * size_of::<L>() {
        return block::<I, R, R, GROUP>(weights, columns, result, 0, 0);
    }
    for first_tile in 0..GROUP {
        for first_row in [0, HALF] {
            block::<I, R, HALF, 1>(weights, columns, result, first_row, first_tile);
        }
    }
}

/// `ROWS` rows and `TILES` tiles of a product whose weights have `R` rows.
#[inline(always)]
fn block<I: Isa, const R: usize, const ROWS: usize, const TILES: usize>(
    weights: &[[f32; R]],
    columns: &[[L; GROUP]],
    result: &mut [[L; GROUP]],
    first_row: usize,
    first_tile: usize,
) {
    let mut sums = [[I::Single::splat(0.0); TILES]; ROWS];
    for (weights, column) in weights.iter().zip(columns) {
        let weights = &weights[first_row..][..ROWS];
        let mut tiles = [I::Single::splat(0.0); TILES];
        for t in 0..TILES {
            tiles[t] = Vector::load(&column[first_tile + t]);
        }
        for r in 0..ROWS {
            let weight = Vector::splat(weights[r]);
            for t in 0..TILES {
                sums[r][t] = tiles[t].mul_add(weight, sums[r][t]);
            }
        }
    }
    for (result, sums) in result[first_row..][..ROWS].iter_mut().zip(sums) {
        result[first_tile..][..TILES].iter_mut().zip(sums).for_each(|(lane, sum)| sum.store(lane));
    }
}

/// Side of the square of accumulators in [`outer`].
pub(super) const SIDE: usize = 4;

/// `sums[f][c] = sum over groups and tiles of gradients[f][t] * inputs[c][t]`, lane by lane, for four filters and channels from
/// the first ones. An entry that does not exist stands for the last, and what comes of it is thrown away.
#[inline(always)]
pub(super) fn outer<'a, I: Isa>(
    groups: impl Iterator<Item = (&'a [[L; GROUP]], &'a [[L; GROUP]])>,
    (filter, channel): (usize, usize),
) -> [[I::Single; SIDE]; SIDE] {
    let mut sums = [[I::Single::splat(0.0); SIDE]; SIDE];
    for (gradients, inputs) in groups {
        for t in 0..GROUP {
            let mut of_channels = [I::Single::splat(0.0); SIDE];
            for c in 0..SIDE {
                of_channels[c] = Vector::load(&inputs[(channel + c).min(inputs.len() - 1)][t]);
            }
            for f in 0..SIDE {
                let gradient = I::Single::load(&gradients[(filter + f).min(gradients.len() - 1)][t]);
                for c in 0..SIDE {
                    sums[f][c] = gradient.mul_add(of_channels[c], sums[f][c]);
                }
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_and_term_is_packed_once() {
        for (all_rows, terms, rows) in [(20, 1, 10), (50, 20, 10), (32, 3, 8), (7, 9, 8), (24, 5, 12), (1, 1, 8)] {
            for items in [1, 2, 7, 100] {
                let packing = Packing::new(all_rows, terms, items);
                let mut seen = vec![0; all_rows * terms];
                for (row, term) in (0..packing.len()).filter_map(|index| packing.row_and_term(index)) {
                    seen[row * terms + term] += 1;
                }
                assert!(seen.iter().all(|&times| times == 1), "{all_rows} x {terms}: {seen:?}");
                assert_eq!(packing.rows, rows, "of {all_rows}");
                let in_sets: usize = (0..packing.sets()).map(|set| packing.rows_of(set)).sum();
                assert_eq!(in_sets, all_rows);
            }
        }
    }

    #[test]
    fn sets_are_as_large_as_leaves_enough_items() {
        let sets = |all_rows, items| Packing::new(all_rows, 1, items).sets();
        assert_eq!([sets(256, 2), sets(32, 7), sets(64, 2), sets(256, 100)], [8, 2, 8, 8]);
        assert_eq!(Packing::single(256, 3).sets(), 32);
    }
}
