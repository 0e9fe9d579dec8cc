//! The forward pass: transform filters and inputs, multiply, transform back.

use super::{
    super::pooled::{self, Winners},
    GROUP, Tiles, Winograd,
    few_channels::{Products, TileInputs},
    products::{self, MOST_ROWS_OF_FEW, Packing, Scratch, ScratchPoints},
    reading::Plain,
    tiling::{POINTS, Tiling},
    transform::{Filter, Input, Output, Square, Workspace, ZERO},
};
use crate::{
    isa::{Isa, Kernel},
    kernels::neuron,
    lane::{LANES, Lane},
    vector::Vector,
};
use core_tensor::ops::Neuron;
use std::marker::PhantomData;

type L = Lane<f32>;

/// Lanes of filters that an item transforms.
const FILTER_LANES: usize = 8;

impl<W: Tiling> Winograd<W> {
    /// `U = G g Gᵀ` for all filters, 16 at a time; as the forward pass reads it, and as the backward pass does too if there
    /// will be one.
    pub(super) fn transform_filters(&mut self, weights: &[f32]) {
        self.transform_filters_for(weights, Pass::Forward);
        if self.gradients.is_some() {
            self.transform_filters_for(weights, Pass::Backward);
        }
    }

    /// `U` for one pass. A lane of filters is a column through all points; an item takes a few of them.
    pub(super) fn transform_filters_for(&mut self, weights: &[f32], pass: Pass) {
        let (channels, tiling) = (self.tiles.geometry.channels, PhantomData::<W>);
        let (pool, level) = (self.cpu.pool(), self.cpu.level());
        let (packing, target) = match pass {
            Pass::Forward => (self.tiles.forward, &mut self.filters),
            Pass::Backward => (self.tiles.backward, &mut self.transposed_filters),
        };
        let (row, items) = (packing.stride() / LANES, packing.len().div_ceil(LANES * FILTER_LANES));
        let (scratch, points) = (&self.scratch, self.tiles.points);
        pool.pieces(&mut self.claims, target.lanes_mut(), (row, FILTER_LANES), items, |worker, item, pieces| {
            let mut scratch = scratch.lock(worker);
            let transformed = &mut scratch.lanes_mut()[..POINTS * POINTS * FILTER_LANES];
            let first = item * FILTER_LANES * LANES;
            level.run(TransformFilters { packing, pass, channels, first, weights, target: transformed, tiling });
            for (point, transformed) in transformed.chunks_exact(FILTER_LANES).take(points).enumerate() {
                let target = pieces.take(point, item);
                target.copy_from_slice(&transformed[..target.len()]);
            }
        });
    }

    /// `V = Bᵀ d B` for all tiles.
    pub(super) fn transform_inputs(&mut self, x: &[L]) {
        let (tiles, tiling) = (self.tiles, PhantomData::<W>);
        let image = tiles.geometry.channels * tiles.geometry.input_plane();
        let (pool, level) = (self.cpu.pool(), self.cpu.level());
        pool.chunks(self.inputs.lanes_mut(), tiles.points * tiles.input_stride, |item, target| {
            let (block, group) = (item / tiles.groups(), item % tiles.groups());
            level.run(TransformInputs { tiles, group, x: &x[block * image..][..image], target, tiling });
        });
    }

    /// `M = U V`, `y = neuron(Aᵀ M A + b)`, or the largest of each window of it, for each block and each set of filters.
    pub(super) fn multiply_forward(&mut self, bias: Option<&[f32]>, y: &mut [L]) {
        let (tiles, neuron, tiling) = (self.tiles, self.neuron, PhantomData::<W>);
        let filters = tiles.geometry.filters;
        let (pool, level, scratch) = (self.cpu.pool(), self.cpu.level(), &self.scratch);
        let (weights, inputs) = (self.filters.lanes().as_flattened(), self.inputs.lanes());
        let (sets, rows) = (tiles.forward.sets(), tiles.forward.set_rows());
        let items = tiles.geometry.blocks * sets;
        let length = tiles.groups() * tiles.points * tiles.input_stride;
        let run = |worker, item: usize, target: Target<'_>| {
            let (inputs, set) = (&inputs[item / sets * length..][..length], item % sets);
            let mut scratch = scratch.lock(worker);
            let scratch = products::scratch(scratch.lanes_mut());
            level.run(Multiply { tiles, set, weights, inputs, bias, neuron, scratch, target, tiling });
        };
        let plane = tiles.geometry.output_plane();
        match &mut self.winners {
            None => {
                let shape = (filters * plane, rows * plane);
                pool.pieces(&mut self.claims, y, shape, items, |worker, item, pieces| {
                    run(worker, item, Target::Plain(pieces.take(item / sets, item % sets)));
                });
            }
            Some(winners) => {
                let shape = (filters * plane / 4, rows * plane / 4);
                pool.pieces2(&mut self.claims, (y, winners), shape, items, |worker, item, y, winners| {
                    let (block, set) = (item / sets, item % sets);
                    run(worker, item, Target::Pooled(y.take(block, set), winners.take(block, set)));
                });
            }
        }
    }
}

/// Which pass the transformed filters are for.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Pass {
    /// A row for each filter, a term for each channel.
    Forward,
    /// A row for each channel, a term for each filter.
    Backward,
}

struct TransformFilters<'a, W> {
    packing: Packing,
    pass: Pass,
    channels: usize,
    /// The first of a point's numbers.
    first: usize,
    weights: &'a [f32],
    /// `[point][lane of filters]`.
    target: &'a mut [L],
    tiling: PhantomData<W>,
}

impl<W: Tiling> Kernel for TransformFilters<'_, W> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let mut work = Workspace::NEW;
        for lane in 0..FILTER_LANES {
            let mut source: Square = [[ZERO; POINTS]; POINTS];
            for l in 0..LANES {
                let Some((row, term)) = self.packing.row_and_term(self.first + lane * LANES + l) else { continue };
                let pair = match self.pass {
                    Pass::Forward => row * self.channels + term,
                    Pass::Backward => term * self.channels + row,
                };
                let filter = &self.weights[pair * W::TAPS * W::TAPS..][..W::TAPS * W::TAPS];
                for row in 0..W::TAPS {
                    for column in 0..W::TAPS {
                        source[row][column][l] = filter[row * W::TAPS + column];
                    }
                }
            }
            work.analyse::<I, Filter<W>>(&source, &mut self.target[lane..], FILTER_LANES);
        }
    }
}

struct TransformInputs<'a, W> {
    tiles: Tiles,
    group: usize,
    x: &'a [L],
    /// `[point][channel][tile]`.
    target: &'a mut [L],
    tiling: PhantomData<W>,
}

impl<W: Tiling> Kernel for TransformInputs<'_, W> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let geometry = self.tiles.geometry;
        let mut work = Workspace::NEW;
        for (t, (down, across)) in self.tiles.of_group(self.group).enumerate() {
            let origin = (down * W::OUT, across * W::OUT);
            for (channel, plane) in self.x.chunks_exact(geometry.input_plane()).enumerate() {
                let source = Plain { plane, size: geometry.input, pad: geometry.pad, origin };
                work.analyse::<I, Input<W>>(&source, &mut self.target[channel * GROUP + t..], self.tiles.input_stride);
            }
        }
    }
}

/// Where the outputs of an item's filters go.
enum Target<'a> {
    /// `[filter][pixel]`.
    Plain(&'a mut [L]),
    /// `[filter][window]`: the largest number of each window, and who won.
    Pooled(&'a mut [L], &'a mut [Winners]),
}

struct Multiply<'a, W> {
    tiles: Tiles,
    /// Which filters.
    set: usize,
    weights: &'a [f32],
    inputs: &'a [L],
    bias: Option<&'a [f32]>,
    neuron: Neuron,
    scratch: &'a mut ScratchPoints,
    target: Target<'a>,
    tiling: PhantomData<W>,
}

impl<W: Tiling> Kernel for Multiply<'_, W> {
    #[inline(always)]
    fn run<I: Isa>(mut self) {
        match self.tiles.geometry.channels {
            1 => self.few_channels::<I, 1>(),
            3 => self.few_channels::<I, 3>(),
            _ => self.many_channels::<I>(),
        }
        // All neurons here are monotonic, so that they may as well come after the maximum.
        let (Target::Plain(y) | Target::Pooled(y, _)) = self.target;
        neuron::apply::<I, f32>(self.neuron, y);
    }
}

impl<W: Tiling> Multiply<'_, W> {
    /// Products of all points into the scratch memory, then a synthesis for each tile and filter.
    #[inline(always)]
    fn many_channels<I: Isa>(&mut self) {
        let Tiles { geometry, forward, points, input_stride, .. } = self.tiles;
        let mut work = Workspace::NEW;
        for (group, inputs) in self.inputs.chunks_exact(points * input_stride).enumerate() {
            for point in 0..points {
                let inputs = &inputs[point * input_stride..][..geometry.channels * GROUP];
                forward.multiply::<I>(self.weights, (point, self.set), inputs, &mut self.scratch[point]);
            }
            for (t, tile) in self.tiles.of_group(group).enumerate() {
                for filter in 0..forward.rows_of(self.set) {
                    let values = Scratch { points: self.scratch, column: filter * GROUP + t };
                    work.synthesise::<I, Output<W>>(&values);
                    self.write::<I>(&work, tile, filter);
                }
            }
        }
    }

    /// With few channels a point's product is a matter of one or three instructions: made when the synthesis asks for it.
    #[inline(always)]
    fn few_channels<I: Isa, const C: usize>(&mut self) {
        let Tiles { forward, points, input_stride, .. } = self.tiles;
        let filters = forward.rows_of(self.set);
        let mut weights = [[[0.0; C]; POINTS * POINTS]; MOST_ROWS_OF_FEW];
        for point in 0..points {
            let chunk = forward.chunk(self.weights, point, self.set);
            for channel in 0..C {
                for filter in 0..filters {
                    weights[filter][point][channel] = chunk[channel * forward.rows + filter];
                }
            }
        }
        let mut inputs = TileInputs([[ZERO; C]; POINTS * POINTS]);
        let mut work = Workspace::NEW;
        for (group, of_group) in self.inputs.chunks_exact(points * input_stride).enumerate() {
            for (t, tile) in self.tiles.of_group(group).enumerate() {
                for (inputs, of_point) in inputs.0.iter_mut().zip(of_group.chunks_exact(input_stride)) {
                    for channel in 0..C {
                        inputs[channel] = of_point[channel * GROUP + t];
                    }
                }
                for filter in 0..filters {
                    work.synthesise::<I, Output<W>>(&Products { weights: &weights[filter], inputs: &inputs });
                    self.write::<I>(&work, tile, filter);
                }
            }
        }
    }

    /// Writes a tile, with the bias, to where it belongs; what hangs over the border is dropped.
    #[inline(always)]
    fn write<I: Isa>(&mut self, work: &Workspace, (down, across): (usize, usize), filter: usize) {
        let (height, width) = self.tiles.geometry.output;
        let bias =
            I::Single::splat(self.bias.map_or(0.0, |bias| bias[self.set * self.tiles.forward.set_rows() + filter]));
        let (rows, columns) = (W::OUT.min(height - down * W::OUT), W::OUT.min(width - across * W::OUT));
        match &mut self.target {
            Target::Plain(y) => {
                let y = &mut y[filter * height * width + down * W::OUT * width + across * W::OUT..];
                for column in 0..columns {
                    let numbers = work.column::<I, Output<W>>(column);
                    for row in 0..W::OUT {
                        if row < rows {
                            numbers[row].add(bias).store(&mut y[row * width + column]);
                        }
                    }
                }
            }
            Target::Pooled(y, winners) => {
                let (height, width) = (height / 2, width / 2);
                let first = filter * height * width + (down * width + across) * (W::OUT / 2);
                let (y, winners) = (&mut y[first..], &mut winners[first..]);
                for column in 0..columns / 2 {
                    let left = work.column::<I, Output<W>>(2 * column);
                    let right = work.column::<I, Output<W>>(2 * column + 1);
                    for row in 0..W::OUT / 2 {
                        if 2 * row < rows {
                            let window = [left[2 * row], right[2 * row], left[2 * row + 1], right[2 * row + 1]];
                            let (best, won) = pooled::largest(window);
                            best.add(bias).store(&mut y[row * width + column]);
                            winners[row * width + column] = won;
                        }
                    }
                }
            }
        }
    }
}
