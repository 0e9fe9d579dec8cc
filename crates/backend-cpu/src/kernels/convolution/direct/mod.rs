//! Direct convolution with the batch innermost.
//!
//! All three products run over lanes of 16 samples, so any number of channels and any image size fills every vector. The
//! filter is repacked at each call so that the weights of one tile of channels are neighbours and are broadcast one by one:
//!
//! | product | item | tile of accumulators | inner loops |
//! |---|---|---|---|
//! | `y` | block, tile of filters | filters | channels x taps that meet the image |
//! | `dx` | block, tile of channels | channels | filters x taps that reach an output |
//! | `dW` | tile of filters, channel | filters x taps of one filter row | blocks x output pixels |
//!
//! Clipping the taps instead of padding the image saves LeNet's second `dx` 2.25 times the work. `dx` gathers rather than
//! scatters, so each result is written once.

mod filter_gradient;

use super::geometry::{Geometry, check};
use crate::{
    Cpu,
    isa::{Isa, Kernel},
    kernels::{inner_product::bias_gradient, neuron},
    lane::{Lane, Real},
    memory::{Stored, check_not_aliased, read, write},
    threads::Claims,
    vector::Vector,
};
use core_tensor::{
    Result, Shape, Tensor,
    ops::{AffineBackward, AffineForward, AffinePlan, Convolution, Gradient, Neuron},
};
use filter_gradient::{BackwardFilter, GRADIENT_FILTERS};

/// A prepared direct convolution.
pub(crate) struct Direct<T> {
    cpu: Cpu,
    input: Shape,
    output: Shape,
    filter: Shape,
    neuron: Neuron,
    geometry: Geometry,
    /// Filters, or channels, of one tile.
    filter_tile: usize,
    channel_tile: usize,
    /// The filter repacked for `y`, `[group][tile][channel][tap][filter]`, and for `dx`, `[group][tile][filter][tap][channel]`.
    packed: Vec<T>,
    /// Gradients as the items write them, `[group][tile][channel][row][tap][filter]`.
    gradients: Vec<T>,
    claims: Claims,
}

/// The widest tile; also the room for a tile of weights.
const WIDEST: usize = 10;
impl<T: Stored> Direct<T> {
    pub(crate) fn new(cpu: &Cpu, description: &Convolution) -> Result<Self> {
        let geometry = Geometry::new(description)?;
        let room = cpu.level().register_bytes() / size_of::<Lane<T>>();
        Ok(Direct {
            cpu: cpu.clone(),
            input: description.input,
            output: description.output()?,
            filter: description.filter()?,
            neuron: description.neuron,
            geometry,
            filter_tile: tile_for(geometry.filters, room),
            channel_tile: tile_for(geometry.channels, room),
            packed: Vec::new(),
            gradients: Vec::new(),
            claims: Claims::default(),
        })
    }

    /// Repacks the filter: the `tiled` index innermost in tiles, then taps, then the `streamed` index.
    fn pack(&mut self, weights: &[T], tile: usize, tiled_is_filter: bool) {
        let Geometry { groups, channels, filters, .. } = self.geometry;
        let taps = self.geometry.taps();
        let (tiled, streamed) = if tiled_is_filter { (filters, channels) } else { (channels, filters) };
        let tiles = tiled.div_ceil(tile);
        self.packed.clear();
        self.packed.resize(groups * tiles * streamed * taps * tile, T::ZERO);
        for (index, target) in self.packed.iter_mut().enumerate() {
            let (lane, rest) = (index % tile, index / tile);
            let (tap, rest) = (rest % taps, rest / taps);
            let (stream, rest) = (rest % streamed, rest / streamed);
            let (member, group) = (rest % tiles * tile + lane, rest / tiles);
            if member < tiled {
                let (filter, channel) = if tiled_is_filter { (member, stream) } else { (stream, member) };
                *target = weights[((group * filters + filter) * channels + channel) * taps + tap];
            }
        }
    }

    fn backward_data(&mut self, weight: &Tensor, dy: &[Lane<T>], dx: &Tensor) -> Result<()> {
        const NAME: &str = "convolution backward";
        check(NAME, "the input's gradient", dx, self.input)?;
        {
            let weight = read::<T>(NAME, "the filter", weight)?;
            self.pack(weight.as_flattened(), self.channel_tile, false);
        }
        let mut dx = write::<T>(NAME, "the input's gradient", dx)?;
        let (geometry, tile) = (self.geometry, self.channel_tile);
        let Geometry { groups, channels, filters, .. } = geometry;
        let (tiles, plane) = (channels.div_ceil(tile), geometry.input_plane());
        let (level, packed) = (self.cpu.level(), &self.packed);
        let (row, piece) = (channels * plane, tile * plane);
        self.cpu.pool().pieces(
            &mut self.claims,
            &mut dx,
            (row, piece),
            geometry.blocks * groups * tiles,
            |_, item, pieces| {
                let (image, index) = (item / tiles, item % tiles);
                let (block, group) = (image / groups, image % groups);
                let output = filters * geometry.output_plane();
                let dy = &dy[(block * groups + group) * output..][..output];
                let length = filters * geometry.taps() * tile;
                let weights = &packed[(group * tiles + index) * length..][..length];
                level.run(BackwardData { geometry, tile, weights, dy, dx: pieces.take(image, index) });
            },
        );
        Ok(())
    }

    fn backward_filter(&mut self, x: &[Lane<T>], dy: &[Lane<T>], gradient: Gradient<'_>) -> Result<()> {
        const NAME: &str = "convolution backward";
        check(NAME, "the filter's gradient", gradient.target, self.filter)?;
        let geometry = self.geometry;
        let Geometry { groups, channels, filters, kernel, .. } = geometry;
        let tiles = filters.div_ceil(GRADIENT_FILTERS);
        let length = GRADIENT_FILTERS * geometry.taps();
        self.gradients.resize(groups * tiles * channels * length, T::ZERO);
        let level = self.cpu.level();
        self.cpu.pool().chunks(&mut self.gradients, length, |item, gradients| {
            let (channel, rest) = (item % channels, item / channels);
            let (first, group) = (rest % tiles * GRADIENT_FILTERS, rest / tiles);
            level.run(BackwardFilter { geometry, x, dy, group, channel, first, gradients });
        });
        let mut target = write::<T>(NAME, "the filter's gradient", gradient.target)?;
        let target = target.as_flattened_mut();
        for (item, gradients) in self.gradients.chunks_exact(length).enumerate() {
            let (channel, rest) = (item % channels, item / channels);
            let (first, group) = (rest % tiles * GRADIENT_FILTERS, rest / tiles);
            for (place, &value) in gradients.iter().enumerate() {
                let (tap, filter) = (place % geometry.taps(), first + place / geometry.taps());
                debug_assert!(tap < kernel.0 * kernel.1);
                if filter < filters {
                    let target = &mut target[((group * filters + filter) * channels + channel) * geometry.taps() + tap];
                    *target = if gradient.add { *target + value } else { value };
                }
            }
        }
        Ok(())
    }
}

impl<T: Stored> AffinePlan for Direct<T> {
    fn forward(&mut self, call: AffineForward<'_>) -> Result<()> {
        const NAME: &str = "convolution forward";
        check(NAME, "the input", call.x, self.input)?;
        check(NAME, "the filter", call.weight, self.filter)?;
        check(NAME, "the output", call.y, self.output)?;
        if let Some(bias) = call.bias {
            check(NAME, "the bias", bias, Shape::new(&[self.output.axis(1)])?)?;
        }
        check_not_aliased(NAME, &[call.x, call.weight, call.bias.unwrap_or(call.weight)], &[call.y])?;
        {
            let weight = read::<T>(NAME, "the filter", call.weight)?;
            self.pack(weight.as_flattened(), self.filter_tile, true);
        }
        let x = read::<T>(NAME, "the input", call.x)?;
        let bias = call.bias.map(|bias| read::<T>(NAME, "the bias", bias)).transpose()?;
        let bias = bias.as_deref().map(<[Lane<T>]>::as_flattened);
        let mut y = write::<T>(NAME, "the output", call.y)?;
        let (geometry, tile, neuron) = (self.geometry, self.filter_tile, self.neuron);
        let Geometry { groups, channels, filters, .. } = geometry;
        let (tiles, plane) = (filters.div_ceil(tile), geometry.output_plane());
        let (level, packed) = (self.cpu.level(), &self.packed);
        let (row, piece) = (filters * plane, tile * plane);
        self.cpu.pool().pieces(
            &mut self.claims,
            &mut y,
            (row, piece),
            geometry.blocks * groups * tiles,
            |_, item, pieces| {
                let (image, index) = (item / tiles, item % tiles);
                let group = image % groups;
                let input = channels * geometry.input_plane();
                let x = &x[image * input..][..input];
                let length = channels * geometry.taps() * tile;
                let weights = &packed[(group * tiles + index) * length..][..length];
                let mut biases = [T::ZERO; WIDEST];
                if let Some(bias) = bias {
                    let first = group * filters + index * tile;
                    let count = tile.min(filters - index * tile);
                    biases[..count].copy_from_slice(&bias[first..first + count]);
                }
                level.run(Forward { geometry, tile, weights, biases, x, neuron, y: pieces.take(image, index) });
            },
        );
        Ok(())
    }

    fn backward(&mut self, call: AffineBackward<'_>) -> Result<()> {
        const NAME: &str = "convolution backward";
        check(NAME, "the input", call.x, self.input)?;
        check(NAME, "the filter", call.weight, self.filter)?;
        check(NAME, "the output's gradient", call.dy, self.output)?;
        core_tensor::ops::kernels::neuron_backward(&self.cpu, self.neuron, call.y, call.dy)?;
        let dy = read::<T>(NAME, "the output's gradient", call.dy)?;
        if let Some(dx) = call.dx {
            check_not_aliased(NAME, &[call.dy, call.weight], &[dx])?;
            self.backward_data(call.weight, &dy, dx)?;
        }
        if let Some(gradient) = call.dweight {
            check_not_aliased(NAME, &[call.dy, call.x], &[gradient.target])?;
            let x = read::<T>(NAME, "the input", call.x)?;
            self.backward_filter(&x, &dy, gradient)?;
        }
        if let Some(gradient) = call.dbias {
            check_not_aliased(NAME, &[call.dy], &[gradient.target])?;
            check(NAME, "the bias's gradient", gradient.target, Shape::new(&[self.output.axis(1)])?)?;
            let mut target = write::<T>(NAME, "the bias's gradient", gradient.target)?;
            let plane = self.geometry.output_plane();
            let target = &mut target.as_flattened_mut()[..self.output.axis(1)];
            bias_gradient(self.cpu.pool(), &dy, plane, gradient.add, target);
        }
        Ok(())
    }

    fn transposed(&mut self, weight: &Tensor, dy: &Tensor, dx: &Tensor) -> Result<()> {
        const NAME: &str = "transposed convolution";
        check(NAME, "the filter", weight, self.filter)?;
        check(NAME, "the output's side", dy, self.output)?;
        check_not_aliased(NAME, &[dy, weight], &[dx])?;
        let dy = read::<T>(NAME, "the output's side", dy)?;
        self.backward_data(weight, &dy, dx)
    }

    fn algorithm(&self) -> &'static str {
        "direct"
    }
}

/// The tile that pads `count` least, of equals the wider, among those whose sums fit into the registers.
fn tile_for(count: usize, room: usize) -> usize {
    let fitting = [WIDEST, 5, 2, 1].into_iter().filter(|tile| *tile == 1 || tile + tile / 4 < room);
    fitting.min_by_key(|tile| (count.div_ceil(*tile) * tile, usize::MAX - tile)).unwrap_or(1)
}

struct Forward<'a, T> {
    geometry: Geometry,
    tile: usize,
    /// `[channel][tap][filter]`.
    weights: &'a [T],
    biases: [T; WIDEST],
    x: &'a [Lane<T>],
    neuron: Neuron,
    /// `[filter][pixel]`; the last tile may have fewer filters.
    y: &'a mut [Lane<T>],
}

impl<T: Real> Kernel for Forward<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(mut self) {
        match self.tile {
            10 => self.tile::<I, 10>(),
            5 => self.tile::<I, 5>(),
            2 => self.tile::<I, 2>(),
            _ => self.tile::<I, 1>(),
        }
        neuron::apply::<I, T>(self.neuron, self.y);
    }
}

impl<T: Real> Forward<'_, T> {
    #[inline(always)]
    fn tile<I: Isa, const F: usize>(&mut self) {
        let Geometry { input: (height, width), output, kernel, dilation, .. } = self.geometry;
        let (vertical, horizontal) = self.geometry.windows();
        let (weights, _) = self.weights.as_chunks::<F>();
        let (planes, plane) = (self.geometry.input_plane(), self.geometry.output_plane());
        let filters = self.y.len() / plane;
        for oy in 0..output.0 {
            let (row0, row1, y0) = vertical.taps_of_output(oy, height);
            for ox in 0..output.1 {
                let (tap0, tap1, x0) = horizontal.taps_of_output(ox, width);
                // Taps that meet neighbouring pixels; one by one where the filter is dilated.
                let run = if dilation.1 == 1 { tap1 - tap0 } else { 1 };
                let mut sums: [T::Vector<I>; F] = std::array::from_fn(|f| Vector::splat(self.biases[f]));
                for (x, weights) in self.x.chunks_exact(planes).zip(weights.chunks_exact(self.geometry.taps())) {
                    for row in row0..row1 {
                        let x = &x[(y0 + (row - row0) * dilation.0) * width + x0..];
                        for tap in (tap0..tap1).step_by(run.max(1)) {
                            let x = &x[(tap - tap0) * dilation.1..][..run];
                            let weights = &weights[row * kernel.1 + tap..][..run];
                            for (x, weights) in x.iter().zip(weights) {
                                let x = T::Vector::<I>::load(x);
                                for f in 0..F {
                                    sums[f] = x.mul_add(Vector::splat(weights[f]), sums[f]);
                                }
                            }
                        }
                    }
                }
                for f in 0..F.min(filters) {
                    sums[f].store(&mut self.y[f * plane + oy * output.1 + ox]);
                }
            }
        }
    }
}

struct BackwardData<'a, T> {
    geometry: Geometry,
    tile: usize,
    /// `[filter][tap][channel]`.
    weights: &'a [T],
    dy: &'a [Lane<T>],
    /// `[channel][pixel]`; the last tile may have fewer channels.
    dx: &'a mut [Lane<T>],
}

impl<T: Real> Kernel for BackwardData<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(mut self) {
        match self.tile {
            10 => self.tile::<I, 10>(),
            5 => self.tile::<I, 5>(),
            2 => self.tile::<I, 2>(),
            _ => self.tile::<I, 1>(),
        }
    }
}

impl<T: Real> BackwardData<'_, T> {
    #[inline(always)]
    fn tile<I: Isa, const C: usize>(&mut self) {
        let Geometry { input: (height, width), output, kernel, .. } = self.geometry;
        let (vertical, horizontal) = self.geometry.windows();
        let tap_step = (vertical.tap_step(), horizontal.tap_step());
        let output_step = (vertical.output_step(), horizontal.output_step());
        let (weights, _) = self.weights.as_chunks::<C>();
        let (planes, plane) = (self.geometry.output_plane(), self.geometry.input_plane());
        let channels = self.dx.len() / plane;
        for y in 0..height {
            let (row0, row1, oy0) = vertical.taps_of_input(y, output.0);
            for x in 0..width {
                let (tap0, tap1, ox0) = horizontal.taps_of_input(x, output.1);
                let mut sums = [T::Vector::<I>::splat(T::ZERO); C];
                for (dy, weights) in self.dy.chunks_exact(planes).zip(weights.chunks_exact(self.geometry.taps())) {
                    // Each filter by itself first: one sum over all filters and taps would round three times as much.
                    let mut part = [T::Vector::<I>::splat(T::ZERO); C];
                    let mut oy = oy0;
                    for row in (row0..row1).step_by(tap_step.0) {
                        let mut at = oy * output.1 + ox0;
                        for tap in (tap0..tap1).step_by(tap_step.1) {
                            let weights = &weights[row * kernel.1 + tap];
                            let dy = T::Vector::<I>::load(&dy[at]);
                            for c in 0..C {
                                part[c] = dy.mul_add(Vector::splat(weights[c]), part[c]);
                            }
                            at = at.wrapping_sub(output_step.1);
                        }
                        oy = oy.wrapping_sub(output_step.0);
                    }
                    for c in 0..C {
                        sums[c] = sums[c].add(part[c]);
                    }
                }
                for c in 0..C.min(channels) {
                    sums[c].store(&mut self.dx[c * plane + y * width + x]);
                }
            }
        }
    }
}
