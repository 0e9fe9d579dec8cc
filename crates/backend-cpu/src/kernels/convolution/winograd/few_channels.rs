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

/// `D = S Vᵀ` into `[point][filter][channel]`. An item is a filter, a channel and two rows of points; its sums make a lane.
pub(super) fn sum_products<W: Tiling>(
    cpu: &Cpu,
    tiles: Tiles,
    dy: &[L],
    winners: Option<&[Winners]>,
    inputs: &[L],
    sums: &mut Vec<L>,
    target: &mut [L],
) {
    let (passes, channels) = (W::SIZE / 2, tiles.geometry.channels);
    sums.resize(tiles.geometry.filters * channels * passes, ZERO);
    cpu.pool().chunks(sums, 1, |item, sum| {
        let (pair, pass) = (item / passes, item % passes);
        let (filter, channel, tiling) = (pair / channels, pair % channels, PhantomData::<W>);
        cpu.level().run(SumProducts { tiles, pass, filter, channel, dy, winners, inputs, sum: &mut sum[0], tiling });
    });
    let target = target.as_flattened_mut();
    for (item, sum) in sums.iter().enumerate() {
        let (pair, pass) = (item / passes, item % passes);
        for (half, row) in rows_of::<W>(pass).into_iter().enumerate() {
            for column in 0..W::SIZE {
                target[(row * W::SIZE + column) * tiles.filter_stride + pair] = sum[half * POINTS + column];
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
    filter: usize,
    channel: usize,
    /// `[block][filter][pixel]`, or `[block][filter][window]` with the winners.
    dy: &'a [L],
    winners: Option<&'a [Winners]>,
    inputs: &'a [L],
    sum: &'a mut L,
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

impl<W: Tiling> SumProducts<'_, W> {
    /// Sums over all samples and tiles; `P` is the first of two neighbouring rows of points, or 0 for zero and infinity.
    #[inline(always)]
    fn sum<I: Isa, const P: usize>(self) {
        let Tiles { geometry, points, input_stride, .. } = self.tiles;
        let plane = self.dy.len() / (geometry.blocks * geometry.filters);
        let rows = rows_of::<W>(self.pass);
        let mut sums = [[I::Single::splat(0.0); POINTS]; 2];
        for block in 0..geometry.blocks {
            let start = (block * geometry.filters + self.filter) * plane;
            let dy = &self.dy[start..][..plane];
            let winners = self.winners.map(|winners| &winners[start..][..plane]);
            for group in 0..self.tiles.groups() {
                let inputs = &self.inputs[(block * self.tiles.groups() + group) * points * input_stride..];
                let inputs = &inputs[self.channel * GROUP..][..points * input_stride - self.channel * GROUP];
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
                            let input = &inputs[(rows[half] * W::SIZE + column) * input_stride + t];
                            sums[half][column] = values[column].mul_add(Vector::load(input), sums[half][column]);
                        }
                    }
                }
            }
        }
        let all: [I::Single; LANES] = std::array::from_fn(|i| sums[i / POINTS][i % POINTS]);
        I::Single::sums_of(&all).store(self.sum);
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
