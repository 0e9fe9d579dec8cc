//! The forward pass: transform filters and inputs, multiply, transform back.

use super::{
    GROUP, ROWS, Tiles, Winograd, apply_neuron, products,
    tiling::{POINTS, Tiling},
    transform::{Filter, Input, Output, Square, Workspace, ZERO},
};
use crate::{
    isa::{Isa, Kernel},
    lane::{LANES, Lane},
};
use core_tensor::ops::Neuron;
use std::marker::PhantomData;

type L = Lane<f32>;

/// Lanes of filters that an item transforms.
const FILTER_LANES: usize = 8;

impl<W: Tiling> Winograd<W> {
    /// `U = G g Gᵀ` for all filters, 16 at a time; in the order of the forward pass, and in that of the backward pass too
    /// if there will be one.
    pub(super) fn transform_filters(&mut self, weights: &[f32]) {
        self.transform_filters_for(weights, Order::ChannelThenFilter);
        if self.gradients.is_some() {
            self.transform_filters_for(weights, Order::FilterThenChannel);
        }
    }

    /// `U` in one order. A lane of filters is a column through all points; an item takes a few of them.
    pub(super) fn transform_filters_for(&mut self, weights: &[f32], order: Order) {
        let (tiles, tiling) = (self.tiles, PhantomData::<W>);
        let (pool, level) = (self.cpu.pool(), self.cpu.level());
        let pairs = tiles.geometry.filters * tiles.geometry.channels;
        let row = tiles.filter_stride / LANES;
        let target = match order {
            Order::ChannelThenFilter => &mut self.filters,
            Order::FilterThenChannel => &mut self.transposed_filters,
        };
        let items = pairs.div_ceil(LANES * FILTER_LANES);
        pool.pieces(&mut self.claims, target.lanes_mut(), (row, FILTER_LANES), items, |_, item, pieces| {
            let mut transformed = [ZERO; POINTS * POINTS * FILTER_LANES];
            let first = item * FILTER_LANES * LANES;
            level.run(TransformFilters { tiles, order, first, weights, target: &mut transformed, tiling });
            for (point, transformed) in transformed.chunks_exact(FILTER_LANES).take(tiles.points).enumerate() {
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

    /// `M = U V`, `y = neuron(Aᵀ M A + b)` for each block and each ten filters.
    pub(super) fn multiply_forward(&mut self, bias: Option<&[f32]>, y: &mut [L]) {
        let (tiles, neuron, tiling) = (self.tiles, self.neuron, PhantomData::<W>);
        let (filters, plane) = (tiles.geometry.filters, tiles.geometry.output_plane());
        let (pool, level, scratch) = (self.cpu.pool(), self.cpu.level(), &self.scratch);
        let (weights, inputs) = (self.filters.lanes().as_flattened(), self.inputs.lanes());
        let chunks = filters.div_ceil(ROWS);
        let items = tiles.geometry.blocks * chunks;
        pool.pieces(&mut self.claims, y, (filters * plane, ROWS * plane), items, |worker, item, pieces| {
            let (block, chunk) = (item / chunks, item % chunks);
            let length = tiles.groups() * tiles.points * tiles.input_stride;
            let inputs = &inputs[block * length..][..length];
            let y = pieces.take(block, chunk);
            let mut scratch = scratch.lock(worker);
            let scratch = scratch.lanes_mut();
            level.run(Multiply { tiles, first: chunk * ROWS, weights, inputs, bias, neuron, scratch, y, tiling });
        });
    }
}

/// Which index is the outer one in `U`, so that the inner one, the rows of a product, are neighbours.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Order {
    /// For the forward pass, whose rows are filters.
    ChannelThenFilter,
    /// For the backward pass, whose rows are channels.
    FilterThenChannel,
}

struct TransformFilters<'a, W> {
    tiles: Tiles,
    order: Order,
    /// The first pair of a filter and a channel, in that order.
    first: usize,
    weights: &'a [f32],
    /// `[point][lane of filters]`.
    target: &'a mut [L],
    tiling: PhantomData<W>,
}

impl<W: Tiling> Kernel for TransformFilters<'_, W> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let (filters, channels) = (self.tiles.geometry.filters, self.tiles.geometry.channels);
        let mut work = Workspace::NEW;
        for lane in 0..FILTER_LANES {
            let first = self.first + lane * LANES;
            for l in 0..LANES.min((filters * channels).saturating_sub(first)) {
                let pair = match self.order {
                    Order::ChannelThenFilter => (first + l) % filters * channels + (first + l) / filters,
                    Order::FilterThenChannel => first + l,
                };
                let filter = &self.weights[pair * W::TAPS * W::TAPS..][..W::TAPS * W::TAPS];
                for row in 0..W::TAPS {
                    for column in 0..W::TAPS {
                        work.source[row][column][l] = filter[row * W::TAPS + column];
                    }
                }
            }
            work.analyse::<I, Filter<W>>(&mut self.target[lane..], FILTER_LANES);
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
            for (channel, x) in self.x.chunks_exact(geometry.input_plane()).enumerate() {
                let origin = (down * W::OUT, across * W::OUT);
                load(x, geometry.input, geometry.pad, origin, W::SIZE, &mut work.source);
                work.analyse::<I, Input<W>>(&mut self.target[channel * GROUP + t..], self.tiles.input_stride);
            }
        }
    }
}

/// Copies a square of a plane whose corner stands at `origin`, in coordinates that count the pad; zero outside the plane.
#[inline(always)]
pub(super) fn load(
    plane: &[L],
    (height, width): (usize, usize),
    pad: (usize, usize),
    origin: (usize, usize),
    size: usize,
    tile: &mut Square,
) {
    let inside = origin.1 >= pad.1 && origin.1 - pad.1 + size <= width;
    for row in 0..size {
        let y = (origin.0 + row).wrapping_sub(pad.0);
        if y >= height {
            tile[row][..size].fill(ZERO);
            continue;
        }
        let line = &plane[y * width..][..width];
        if inside {
            tile[row][..size].copy_from_slice(&line[origin.1 - pad.1..][..size]);
            continue;
        }
        for column in 0..size {
            let x = (origin.1 + column).wrapping_sub(pad.1);
            tile[row][column] = if x < width { line[x] } else { ZERO };
        }
    }
}

struct Multiply<'a, W> {
    tiles: Tiles,
    /// The first filter.
    first: usize,
    weights: &'a [f32],
    inputs: &'a [L],
    bias: Option<&'a [f32]>,
    neuron: Neuron,
    scratch: &'a mut [L],
    /// `[filter][pixel]` of this item's filters.
    y: &'a mut [L],
    tiling: PhantomData<W>,
}

impl<W: Tiling> Kernel for Multiply<'_, W> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Tiles { geometry, points, input_stride, filter_stride, scratch_stride, .. } = self.tiles;
        let plane = geometry.output_plane();
        let filters = self.y.len() / plane;
        let mut work = Workspace::NEW;
        for (group, inputs) in self.inputs.chunks_exact(points * input_stride).enumerate() {
            for point in 0..points {
                let weights = &self.weights[point * filter_stride + self.first..][..filter_stride - self.first];
                let inputs = &inputs[point * input_stride..][..geometry.channels * GROUP];
                let result = &mut self.scratch[point * scratch_stride..][..filters * GROUP];
                if filters == ROWS {
                    products::rows::<I, ROWS>(weights, geometry.filters, inputs, result);
                } else {
                    for (filter, result) in result.chunks_exact_mut(GROUP).enumerate() {
                        products::rows::<I, 1>(&weights[filter..], geometry.filters, inputs, result);
                    }
                }
            }
            for (t, (down, across)) in self.tiles.of_group(group).enumerate() {
                for (filter, y) in self.y.chunks_exact_mut(plane).enumerate() {
                    work.synthesise::<I, Output<W>>(&self.scratch[filter * GROUP + t..], scratch_stride);
                    let bias = self.bias.map_or(0.0, |bias| bias[self.first + filter]);
                    for row in 0..W::OUT.min(geometry.output.0 - down * W::OUT) {
                        let y = &mut y[(down * W::OUT + row) * geometry.output.1 + across * W::OUT..];
                        for column in 0..W::OUT.min(geometry.output.1 - across * W::OUT) {
                            y[column] = work.result[row][column].map(|value| value + bias);
                        }
                    }
                }
            }
        }
        apply_neuron::<I>(self.neuron, self.y);
    }
}
