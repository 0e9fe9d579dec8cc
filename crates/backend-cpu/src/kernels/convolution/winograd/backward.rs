//! The backward pass: the adjoint of the forward pass, from the same transforms.

use super::{
    super::pooled::Winners,
    GROUP, Tiles, Winograd, few_channels,
    forward::Pass,
    products::{self, SIDE, Scratch, ScratchPoints},
    reading::{Plain, Unpooled},
    tiling::{POINTS, Tiling},
    transform::{Filter, Input, Output, Stored, Workspace, ZERO},
};
use crate::{
    isa::{Isa, Kernel},
    lane::{LANES, Lane},
    memory::Buffer,
    vector::Vector,
};
use core_tensor::Result;
use std::marker::PhantomData;

type L = Lane<f32>;

impl<W: Tiling> Winograd<W> {
    /// `S = A dy Aᵀ` for all tiles. The first time it also prepares what only training needs.
    pub(super) fn transform_gradients(&mut self, dy: &[L], weights: &[f32]) -> Result<()> {
        let (tiles, tiling) = (self.tiles, PhantomData::<W>);
        let image = dy.len() / tiles.geometry.blocks;
        let lanes = tiles.geometry.blocks * tiles.groups() * tiles.points * tiles.gradient_stride;
        if self.gradients.is_none() {
            self.transposed_filters = Buffer::zeroed(tiles.points * tiles.backward.stride() / LANES)?;
            self.transform_filters_for(weights, Pass::Backward);
        }
        let gradients = made(&mut self.gradients, lanes)?;
        let winners = self.winners.as_deref();
        let (pool, level) = (self.cpu.pool(), self.cpu.level());
        pool.chunks(gradients.lanes_mut(), tiles.points * tiles.gradient_stride, |item, target| {
            let (block, group) = (item / tiles.groups(), item % tiles.groups());
            let dy = &dy[block * image..][..image];
            let winners = winners.map(|winners| &winners[block * image..][..image]);
            level.run(TransformGradients { tiles, group, dy, winners, target, tiling });
        });
        Ok(())
    }

    /// `M = Uᵀ S`, `dx += B M Bᵀ` for each block and each set of channels.
    pub(super) fn multiply_backward(&mut self, dx: &mut [L]) {
        let (tiles, tiling) = (self.tiles, PhantomData::<W>);
        let (channels, plane) = (tiles.geometry.channels, tiles.geometry.input_plane());
        let (pool, level, scratch) = (self.cpu.pool(), self.cpu.level(), &self.scratch);
        let weights = self.transposed_filters.lanes().as_flattened();
        let Some(gradients) = self.gradients.as_ref().map(Buffer::lanes) else { return };
        let (sets, rows) = (tiles.backward.sets(), tiles.backward.set_rows());
        let items = tiles.geometry.blocks * sets;
        pool.pieces(&mut self.claims, dx, (channels * plane, rows * plane), items, |worker, item, pieces| {
            let (block, set) = (item / sets, item % sets);
            let length = tiles.groups() * tiles.points * tiles.gradient_stride;
            let gradients = &gradients[block * length..][..length];
            let dx = pieces.take(block, set);
            let mut scratch = scratch.lock(worker);
            let scratch = products::scratch(scratch.lanes_mut());
            level.run(MultiplyBackward { tiles, set, weights, gradients, scratch, dx, tiling });
        });
    }

    /// `D = S Vᵀ` for each point, then `dg = Gᵀ D G`, 16 filters at a time.
    pub(super) fn filter_gradient(&mut self, dy: &[L], add: bool, target: &mut [f32]) -> Result<()> {
        let (tiles, tiling) = (self.tiles, PhantomData::<W>);
        let (pool, level) = (self.cpu.pool(), self.cpu.level());
        let sums = made(&mut self.filter_gradients, tiles.points * tiles.filter_stride / LANES)?;
        let inputs = self.inputs.lanes();
        if few_channels::are(tiles.geometry.channels) {
            let winners = self.winners.as_deref();
            few_channels::sum_products::<W>(&self.cpu, tiles, dy, winners, inputs, &mut self.sums, sums.lanes_mut());
        } else if let Some(gradients) = self.gradients.as_ref().map(Buffer::lanes) {
            pool.chunks(sums.lanes_mut(), tiles.filter_stride / LANES, |point, target| {
                level.run(SumProducts { tiles, point, gradients, inputs, target: target.as_flattened_mut() });
            });
        }
        let sums = sums.lanes();
        let taps = W::TAPS * W::TAPS;
        let pairs = tiles.geometry.filters * tiles.geometry.channels;
        pool.chunks(&mut target[..pairs * taps], LANES * taps, |item, target| {
            level.run(TransformBack { tiles, item, sums, add, target, tiling });
        });
        Ok(())
    }
}

/// A buffer that is made when it is first needed, so that a net that never trains does not pay for it.
fn made(buffer: &mut Option<Buffer<f32>>, lanes: usize) -> Result<&mut Buffer<f32>> {
    Ok(match buffer {
        Some(buffer) => buffer,
        None => buffer.insert(Buffer::zeroed(lanes)?),
    })
}

struct TransformGradients<'a, W> {
    tiles: Tiles,
    group: usize,
    /// `[filter][pixel]`, or `[filter][window]` with the winners.
    dy: &'a [L],
    winners: Option<&'a [Winners]>,
    /// `[point][filter][tile]`.
    target: &'a mut [L],
    tiling: PhantomData<W>,
}

impl<W: Tiling> Kernel for TransformGradients<'_, W> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let (size, stride) = (self.tiles.geometry.output, self.tiles.gradient_stride);
        let plane = self.dy.len() / self.tiles.geometry.filters;
        let mut work = Workspace::NEW;
        for (t, (down, across)) in self.tiles.of_group(self.group).enumerate() {
            let origin = (down * W::OUT, across * W::OUT);
            for (filter, dy) in self.dy.chunks_exact(plane).enumerate() {
                let target = &mut self.target[filter * GROUP + t..];
                match self.winners {
                    None => {
                        let source = Plain { plane: dy, size, pad: (0, 0), origin };
                        work.analyse::<I, Output<W>>(&source, target, stride);
                    }
                    Some(winners) => {
                        let winners = &winners[filter * plane..][..plane];
                        let source = Unpooled { plane: dy, winners, size: (size.0 / 2, size.1 / 2), origin };
                        work.analyse::<I, Output<W>>(&source, target, stride);
                    }
                }
            }
        }
    }
}

struct MultiplyBackward<'a, W> {
    tiles: Tiles,
    /// Which channels.
    set: usize,
    weights: &'a [f32],
    gradients: &'a [L],
    scratch: &'a mut ScratchPoints,
    /// `[channel][pixel]` of this item's channels.
    dx: &'a mut [L],
    tiling: PhantomData<W>,
}

impl<W: Tiling> Kernel for MultiplyBackward<'_, W> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Tiles { geometry, backward, points, gradient_stride, .. } = self.tiles;
        let plane = geometry.input_plane();
        self.dx.fill(ZERO);
        let mut work = Workspace::NEW;
        for (group, gradients) in self.gradients.chunks_exact(points * gradient_stride).enumerate() {
            for point in 0..points {
                let gradients = &gradients[point * gradient_stride..][..geometry.filters * GROUP];
                backward.multiply::<I>(self.weights, (point, self.set), gradients, &mut self.scratch[point]);
            }
            for (t, (down, across)) in self.tiles.of_group(group).enumerate() {
                for (channel, dx) in self.dx.chunks_exact_mut(plane).enumerate() {
                    let values = Scratch { points: self.scratch, column: channel * GROUP + t };
                    work.synthesise::<I, Input<W>>(&values);
                    add_tile::<I, W>(&work, dx, geometry.input, geometry.pad, (down * W::OUT, across * W::OUT));
                }
            }
        }
    }
}

/// Adds a tile to a plane; what hangs over the border is dropped.
#[inline(always)]
fn add_tile<I: Isa, W: Tiling>(
    work: &Workspace,
    plane: &mut [L],
    (height, width): (usize, usize),
    pad: (usize, usize),
    origin: (usize, usize),
) {
    for column in 0..W::SIZE {
        let x = (origin.1 + column).wrapping_sub(pad.1);
        if x >= width {
            continue;
        }
        let numbers = work.column::<I, Input<W>>(column);
        for row in 0..W::SIZE {
            let y = (origin.0 + row).wrapping_sub(pad.0);
            if y < height {
                let target = &mut plane[y * width + x];
                I::Single::load(target).add(numbers[row]).store(target);
            }
        }
    }
}

struct SumProducts<'a> {
    tiles: Tiles,
    point: usize,
    gradients: &'a [L],
    inputs: &'a [L],
    /// `[filter][channel]`.
    target: &'a mut [f32],
}

impl Kernel for SumProducts<'_> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let (filters, channels) = (self.tiles.geometry.filters, self.tiles.geometry.channels);
        for filter in (0..filters).step_by(SIDE) {
            for channel in (0..channels).step_by(SIDE) {
                let all = self.square::<I>(filter, channel);
                let mut sums = ZERO;
                I::Single::sums_of(&all).store(&mut sums);
                for f in 0..SIDE.min(filters - filter) {
                    for c in 0..SIDE.min(channels - channel) {
                        self.target[(filter + f) * channels + channel + c] = sums[f * SIDE + c];
                    }
                }
            }
        }
    }
}

impl SumProducts<'_> {
    /// The gradients and inputs of this point, group by group.
    #[inline(always)]
    fn groups(&self) -> impl Iterator<Item = (&[[L; GROUP]], &[[L; GROUP]])> {
        let Tiles { geometry, points, input_stride, gradient_stride, .. } = self.tiles;
        let (filters, channels) = (geometry.filters * GROUP, geometry.channels * GROUP);
        let gradients = self.gradients.chunks_exact(points * gradient_stride);
        let inputs = self.inputs.chunks_exact(points * input_stride);
        gradients.zip(inputs).map(move |(gradients, inputs)| {
            let gradients = &gradients[self.point * gradient_stride..][..filters];
            let inputs = &inputs[self.point * input_stride..][..channels];
            (gradients.as_chunks().0, inputs.as_chunks().0)
        })
    }

    /// The sums of 4x4 pairs. With AVX2 they do not fit into registers, but quarters of them were slower: each visits a group for
    /// eight cycles' work.
    #[inline(always)]
    fn square<I: Isa>(&self, filter: usize, channel: usize) -> [I::Single; LANES] {
        let sums = products::outer::<I>(self.groups(), (filter, channel));
        let mut all = [I::Single::splat(0.0); LANES];
        for i in 0..LANES {
            all[i] = sums[i / SIDE][i % SIDE];
        }
        all
    }
}

struct TransformBack<'a, W> {
    tiles: Tiles,
    item: usize,
    sums: &'a [L],
    add: bool,
    /// Up to 16 filters.
    target: &'a mut [f32],
    tiling: PhantomData<W>,
}

impl<W: Tiling> Kernel for TransformBack<'_, W> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let mut work = Workspace::NEW;
        let lanes = &self.sums[self.item..];
        work.synthesise::<I, Filter<W>>(&Stored { lanes, stride: self.tiles.filter_stride / LANES });
        let mut result = [[ZERO; POINTS]; POINTS];
        for column in 0..W::TAPS {
            let numbers = work.column::<I, Filter<W>>(column);
            for row in 0..W::TAPS {
                numbers[row].store(&mut result[row][column]);
            }
        }
        for (l, filter) in self.target.chunks_exact_mut(W::TAPS * W::TAPS).enumerate() {
            for (tap, target) in filter.iter_mut().enumerate() {
                let value = result[tap / W::TAPS][tap % W::TAPS][l];
                *target = if self.add { *target + value } else { value };
            }
        }
    }
}
