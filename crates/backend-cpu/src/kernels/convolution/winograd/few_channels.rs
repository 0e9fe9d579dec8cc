//! Convolutions of one or three channels: the first layer of most nets.
//!
//! The products are few here and the transforms are many, so nothing that a transform makes is stored that can be made
//! again: products are made while the synthesis asks for them ([`Products`]), and the filter's gradient transforms `dy` two
//! rows of points at a time, for which sixteen sums stay in registers. Storing `S` as for many channels would take LeNet's
//! first layer 12 MB of traffic in each iteration.

use super::{
    super::pooled::Winners,
    GROUP, Tiles,
    reading::{Columns, Plain, Unpooled},
    tiling::{POINTS, Tiling},
    transform::{Coefficients, Output, Values, ZERO, analyse_row, pair},
};
use crate::{
    Cpu,
    isa::{Isa, Kernel},
    lane::{LANES, Lane},
    vector::Vector,
};
use std::marker::PhantomData;

type L = Lane<f32>;

/// Whether a convolution of so many channels is computed as this file says.
pub(super) fn are(channels: usize) -> bool {
    matches!(channels, 1 | 3)
}

/// `V` of one tile, by point and channel; aligned to cache lines.
#[repr(align(64))]
pub(super) struct TileInputs<const C: usize>(pub(super) [[L; C]; POINTS * POINTS]);

/// The products `M = U V` of one tile and filter, made when asked for; by point and channel.
pub(super) struct Products<'a, const C: usize> {
    pub(super) weights: &'a [[f32; C]; POINTS * POINTS],
    pub(super) inputs: &'a TileInputs<C>,
}

impl<V: Vector<f32>, const C: usize> Values<V> for Products<'_, C> {
    #[inline(always)]
    fn at(&self, point: usize) -> V {
        let (weights, inputs) = (&self.weights[point], &self.inputs.0[point]);
        let mut sum = V::load(&inputs[0]).mul(V::splat(weights[0]));
        for channel in 1..C {
            sum = V::load(&inputs[channel]).mul_add(V::splat(weights[channel]), sum);
        }
        sum
    }
}

/// Filters of an item of [`sum_products`].
const FILTERS: usize = 4;

/// `D = S Vᵀ` into `[point][filter][channel]`. An item is two rows of points and a few filters, so that their gradients and
/// the points of all channels stay in the second-level cache while a block is done; each pair's sums make a lane.
pub(super) fn sum_products<W: Tiling>(
    cpu: &Cpu,
    tiles: Tiles,
    dy: &[L],
    winners: Option<&[Winners]>,
    inputs: &[L],
    sums: &mut Vec<L>,
    target: &mut [L],
) {
    let (passes, tiling) = (W::SIZE / 2, PhantomData::<W>);
    let pairs_of_item = FILTERS * tiles.geometry.channels;
    sums.resize(tiles.geometry.filters.div_ceil(FILTERS) * passes * pairs_of_item, ZERO);
    cpu.pool().chunks(sums, pairs_of_item, |item, sums| {
        let (first, pass) = (item / passes * FILTERS, item % passes);
        cpu.level().run(SumProducts { tiles, pass, first, dy, winners, inputs, sums, tiling });
    });
    let target = target.as_flattened_mut();
    for (item, sums) in sums.chunks_exact(pairs_of_item).enumerate() {
        let (first, pass) = (item / passes * pairs_of_item, item % passes);
        for (sums, pair) in sums.iter().zip(first..tiles.geometry.filters * tiles.geometry.channels) {
            for (half, row) in rows_of::<W>(pass).into_iter().enumerate() {
                for column in 0..W::SIZE {
                    target[(row * W::SIZE + column) * tiles.filter_stride + pair] = sums[half * POINTS + column];
                }
            }
        }
    }
}

/// The two rows of points of a pass: zero and infinity, then a pair of points of opposite sign.
fn rows_of<W: Tiling>(pass: usize) -> [usize; 2] {
    if pass == 0 { [0, W::SIZE - 1] } else { [2 * pass - 1, 2 * pass] }
}

struct SumProducts<'a, W> {
    tiles: Tiles,
    pass: usize,
    /// The first filter.
    first: usize,
    /// `[block][filter][pixel]`, or `[block][filter][window]` with the winners.
    dy: &'a [L],
    winners: Option<&'a [Winners]>,
    inputs: &'a [L],
    /// `[filter][channel]`.
    sums: &'a mut [L],
    tiling: PhantomData<W>,
}

impl<W: Tiling> Kernel for SumProducts<'_, W> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        match self.pass {
            0 => self.sum::<I, 0>(),
            1 => self.sum::<I, 1>(),
            2 => self.sum::<I, 3>(),
            _ => self.sum::<I, 5>(),
        }
    }
}

/// The largest number of channels.
const CHANNELS: usize = 3;

impl<W: Tiling> SumProducts<'_, W> {
    /// Sums over all samples and tiles; `P` is the first of two neighbouring rows of points, or 0 for zero and infinity.
    #[inline(always)]
    fn sum<I: Isa, const P: usize>(self) {
        let geometry = self.tiles.geometry;
        let filters = FILTERS.min(geometry.filters - self.first);
        let mut sums = [[[I::Single::splat(0.0); LANES]; CHANNELS]; FILTERS];
        for block in 0..geometry.blocks {
            for filter in 0..filters {
                for channel in 0..geometry.channels {
                    self.add_block::<I, P>(block, filter, channel, &mut sums[filter][channel]);
                }
            }
        }
        for (pair, sum) in self.sums.iter_mut().enumerate() {
            I::Single::sums_of(&sums[pair / geometry.channels][pair % geometry.channels]).store(sum);
        }
    }

    /// Adds the tiles of one block for one filter and channel.
    #[inline(always)]
    fn add_block<I: Isa, const P: usize>(
        &self,
        block: usize,
        filter: usize,
        channel: usize,
        sums: &mut [I::Single; LANES],
    ) {
        let Tiles { geometry, points, input_stride, .. } = self.tiles;
        let plane = self.dy.len() / (geometry.blocks * geometry.filters);
        let start = (block * geometry.filters + self.first + filter) * plane;
        let dy = &self.dy[start..][..plane];
        let winners = self.winners.map(|winners| &winners[start..][..plane]);
        let rows = rows_of::<W>(self.pass);
        let mut result = *sums;
        for group in 0..self.tiles.groups() {
            let inputs = &self.inputs[(block * self.tiles.groups() + group) * points * input_stride..];
            let inputs = &inputs[channel * GROUP..][..points * input_stride - channel * GROUP];
            for (t, (down, across)) in self.tiles.of_group(group).enumerate() {
                let (size, origin) = (geometry.output, (down * W::OUT, across * W::OUT));
                let halves = match winners {
                    None => two_rows::<I, W, P>(&Plain { plane: dy, size, pad: (0, 0), origin }),
                    Some(winners) => {
                        let size = (size.0 / 2, size.1 / 2);
                        two_rows::<I, W, P>(&Unpooled { plane: dy, winners, size, origin })
                    }
                };
                for half in 0..2 {
                    let values = analyse_row::<I, Output<W>>(halves[half]);
                    for column in 0..W::SIZE {
                        let input = Vector::load(&inputs[(rows[half] * W::SIZE + column) * input_stride + t]);
                        let sum = &mut result[half * POINTS + column];
                        *sum = values[column].mul_add(input, *sum);
                    }
                }
            }
        }
        *sums = result;
    }
}

/// Two rows of `A dy`.
#[inline(always)]
fn two_rows<I: Isa, W: Tiling, const P: usize>(source: &impl Columns<I::Single>) -> [[I::Single; POINTS]; 2] {
    let columns = <Output<W> as Coefficients>::COLUMNS;
    let mut rows = [[I::Single::splat(0.0); POINTS]; 2];
    for column in 0..columns {
        let numbers = source.column(column, columns);
        let pair = if P == 0 { (numbers[0], numbers[columns - 1]) } else { pair::<I, Output<W>, P>(&numbers) };
        (rows[0][column], rows[1][column]) = pair;
    }
    rows
}
