//! The forward pass: transform filters and inputs, multiply, transform back.

use super::{
    GROUP, ROWS, Tiles, Winograd, apply_neuron, products,
    tiling::{POINTS, Tiling},
    transform::{Filter, Input, Output, Square, ZERO, analyse, synthesise},
};
use crate::{
    isa::{Isa, Kernel},
    lane::{LANES, Lane},
};
use core_tensor::ops::Neuron;
use std::marker::PhantomData;

type L = Lane<f32>;

impl<W: Tiling> Winograd<W> {
    /// `U = G g Gᵀ` for all filters, 16 at a time.
    pub(super) fn transform_filters(&mut self, weights: &[f32]) {
        let tiles = self.tiles;
        let (pool, level) = (self.cpu.pool(), self.cpu.level());
        let pairs = tiles.geometry.filters * tiles.geometry.channels;
        // A lane of filters is a column through all points: as pieces, each a lane long.
        let row = tiles.filter_stride / LANES;
        let lanes = self.filters.lanes_mut();
        let tiling = PhantomData::<W>;
        pool.pieces(&mut self.claims, lanes, (row, 1), pairs.div_ceil(LANES), |_, item, pieces| {
            let first = item * LANES;
            let weights = &weights[first * W::TAPS * W::TAPS..pairs.min(first + LANES) * W::TAPS * W::TAPS];
            let mut transformed = [[ZERO; POINTS]; POINTS];
            level.run(TransformFilters { weights, target: &mut transformed, tiling });
            for point in 0..tiles.points {
                pieces.take(point, item)[0] = transformed[point / W::SIZE][point % W::SIZE];
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

struct TransformFilters<'a, W> {
    /// Up to 16 filters.
    weights: &'a [f32],
    target: &'a mut Square,
    tiling: PhantomData<W>,
}

impl<W: Tiling> Kernel for TransformFilters<'_, W> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let mut filters = [[ZERO; POINTS]; POINTS];
        for (l, filter) in self.weights.chunks_exact(W::TAPS * W::TAPS).enumerate() {
            for (tap, &weight) in filter.iter().enumerate() {
                filters[tap / W::TAPS][tap % W::TAPS][l] = weight;
            }
        }
        *self.target = analyse::<I, Filter<W>>(&filters);
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
        for (t, (down, across)) in self.tiles.of_group(self.group).enumerate() {
            for (channel, x) in self.x.chunks_exact(geometry.input_plane()).enumerate() {
                let origin = (down * W::OUT, across * W::OUT);
                let tile = load::<W>(x, geometry.input, geometry.pad, origin, W::SIZE);
                let values = analyse::<I, Input<W>>(&tile);
                for row in 0..W::SIZE {
                    for column in 0..W::SIZE {
                        let point = row * W::SIZE + column;
                        self.target[point * self.tiles.input_stride + channel * GROUP + t] = values[row][column];
                    }
                }
            }
        }
    }
}

/// A square of a plane whose corner stands at `origin`, in coordinates that count the pad; zero outside the plane.
#[inline(always)]
pub(super) fn load<W: Tiling>(
    plane: &[L],
    (height, width): (usize, usize),
    pad: (usize, usize),
    origin: (usize, usize),
    size: usize,
) -> Square {
    let mut tile = [[ZERO; POINTS]; POINTS];
    for row in 0..size {
        let y = (origin.0 + row).wrapping_sub(pad.0);
        if y >= height {
            continue;
        }
        let line = &plane[y * width..][..width];
        if origin.1 >= pad.1 && origin.1 - pad.1 + size <= width {
            tile[row][..size].copy_from_slice(&line[origin.1 - pad.1..][..size]);
        } else {
            for column in 0..size {
                let x = (origin.1 + column).wrapping_sub(pad.1);
                if x < width {
                    tile[row][column] = line[x];
                }
            }
        }
    }
    tile
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
        for (group, inputs) in self.inputs.chunks_exact(points * input_stride).enumerate() {
            for point in 0..points {
                let weights = &self.weights[point * filter_stride + self.first * geometry.channels..];
                let inputs = &inputs[point * input_stride..][..geometry.channels * GROUP];
                let result = &mut self.scratch[point * scratch_stride..][..filters * GROUP];
                if filters == ROWS {
                    products::rows::<I, ROWS>(weights, (geometry.channels, 1), inputs, result);
                } else {
                    for (filter, result) in result.chunks_exact_mut(GROUP).enumerate() {
                        products::rows::<I, 1>(
                            &weights[filter * geometry.channels..],
                            (geometry.channels, 1),
                            inputs,
                            result,
                        );
                    }
                }
            }
            for (t, (down, across)) in self.tiles.of_group(group).enumerate() {
                for (filter, y) in self.y.chunks_exact_mut(plane).enumerate() {
                    let mut values = [[ZERO; POINTS]; POINTS];
                    for point in 0..points {
                        values[point / W::SIZE][point % W::SIZE] =
                            self.scratch[point * scratch_stride + filter * GROUP + t];
                    }
                    let tile = synthesise::<I, Output<W>>(&values);
                    let bias = self.bias.map_or(0.0, |bias| bias[self.first + filter]);
                    for row in 0..W::OUT.min(geometry.output.0 - down * W::OUT) {
                        let y = &mut y[(down * W::OUT + row) * geometry.output.1 + across * W::OUT..];
                        for column in 0..W::OUT.min(geometry.output.1 - across * W::OUT) {
                            y[column] = tile[row][column].map(|value| value + bias);
                        }
                    }
                }
            }
        }
        apply_neuron::<I>(self.neuron, self.y);
    }
}
