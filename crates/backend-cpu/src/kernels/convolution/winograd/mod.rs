//! Winograd convolution for 3x3 and 5x5 filters with stride 1, in f32.
//!
//! The image is cut into overlapping tiles; each tile and each filter is transformed (`transform`), after which a tile's
//! outputs are `points²` independent products, summed over channels. All three passes share the transforms, since the
//! gradients are the adjoints of the forward pass:
//!
//! | pass | phases |
//! |---|---|
//! | forward | `U = G g Gᵀ`; `V = Bᵀ d B` for all tiles; `M = U V`, `y = Aᵀ M A` for each block and a set of filters |
//! | data gradient | `S = A dy Aᵀ` for all tiles; `M = Uᵀ S`, `dx += B M Bᵀ` for each block and a set of channels |
//! | filter gradient | `D = S Vᵀ` for each point; `dg = Gᵀ D G` |
//!
//! `V` is kept from forward to backward, `S` within backward. Lanes are 16 samples as everywhere, so any number of channels
//! and filters is fine, and tiles that hang over the border are zero there. Compared with direct convolution this does 6.25
//! (5x5) to 5 or 4 (3x3) times fewer multiplications; its error is 2e-6 to 5e-6 of the largest value against 0.8e-6.
//!
//! Rejected: one-dimensional Winograd (its products alone cost more than all of this); transforming `dy` for a gather-style
//! `dx` (9 tiles instead of 4 for LeNet's second layer); Winograd with one to four channels, where transforms dominate.

mod backward;
mod few_channels;
mod forward;
mod products;
mod reading;
mod tiling;
mod transform;

use super::{
    geometry::{Geometry, check},
    pooled::{self, Winners},
};
use crate::{
    Cpu,
    kernels::inner_product::bias_gradient,
    lane::Lane,
    memory::{Buffer, check_not_aliased, read, write},
    threads::{Claims, PerWorker},
};
use core_tensor::{
    Result, Shape,
    ops::{AffineBackward, AffineForward, AffinePlan, Convolution, Neuron, Pooling},
};
use products::Packing;
use std::marker::PhantomData;
use tiling::{F4x3, F4x5, F6x3, Tiling};

/// Tiles that are multiplied together: columns of the small matrix products.
const GROUP: usize = 2;
/// Fewest input channels and filters for which the products outweigh the transforms.
const FEWEST: usize = 8;

/// A plan, if Winograd suits the convolution; with the pooling that follows, if there is one that can be fused.
pub(crate) fn plan(
    cpu: &Cpu,
    description: &Convolution,
    pooling: Option<&Pooling>,
) -> Result<Option<Box<dyn AffinePlan>>> {
    let output = description.output()?;
    if !pooling.is_none_or(|pooling| pooled::fits(description, pooling, output)) {
        return Ok(None);
    }
    let pooled = pooling.map(Pooling::output).transpose()?;
    Ok(match best_tile(description)? {
        Some(Tile::F4x5) => Some(Box::new(Winograd::<F4x5>::new(cpu, description, pooled)?)),
        Some(Tile::F6x3) => Some(Box::new(Winograd::<F6x3>::new(cpu, description, pooled)?)),
        Some(Tile::F4x3) => Some(Box::new(Winograd::<F4x3>::new(cpu, description, pooled)?)),
        None => None,
    })
}

/// Whether Winograd suits the convolution.
pub(super) fn suits(description: &Convolution) -> Result<bool> {
    Ok(best_tile(description)?.is_some())
}

/// The tilings to choose from.
enum Tile {
    F4x5,
    F6x3,
    F4x3,
}

/// The tiling with the fewest products, if that is few enough.
fn best_tile(description: &Convolution) -> Result<Option<Tile>> {
    let geometry = Geometry::new(description)?;
    let suits = geometry.stride == (1, 1)
        && geometry.groups == 1
        && geometry.kernel.0 == geometry.kernel.1
        && (geometry.channels >= FEWEST || few_channels::are(geometry.channels))
        && geometry.filters >= FEWEST;
    Ok(match geometry.kernel.0 {
        5 if suits && saves::<F4x5>(geometry) => Some(Tile::F4x5),
        3 if suits && products::<F6x3>(geometry) <= products::<F4x3>(geometry) && saves::<F6x3>(geometry) => {
            Some(Tile::F6x3)
        }
        3 if suits && saves::<F4x3>(geometry) => Some(Tile::F4x3),
        _ => None,
    })
}

/// Products for each channel, filter and sample.
fn products<W: Tiling>(geometry: Geometry) -> usize {
    geometry.output.0.div_ceil(W::OUT) * geometry.output.1.div_ceil(W::OUT) * W::SIZE * W::SIZE
}

/// Whether there are less than half as many products as in direct convolution: the transforms cost something too.
fn saves<W: Tiling>(geometry: Geometry) -> bool {
    2 * products::<W>(geometry) < geometry.output_plane() * geometry.taps()
}

/// A prepared Winograd convolution.
struct Winograd<W> {
    cpu: Cpu,
    input: Shape,
    /// The shape of `y`: after pooling, if the pooling is fused.
    output: Shape,
    filter: Shape,
    neuron: Neuron,
    tiles: Tiles,
    /// For each lane of the pooled output who won, if the pooling is fused.
    winners: Option<Vec<Winners>>,
    /// `U` for the forward pass, whose rows are filters, and for the backward pass, whose rows are channels; the latter is made
    /// at the first backward pass.
    filters: Buffer<f32>,
    transposed_filters: Buffer<f32>,
    /// `V`, `[block][group of tiles][point][channel][tile]`.
    inputs: Buffer<f32>,
    /// `S`, `[block][group of tiles][point][filter][tile]`; made at the first backward pass.
    gradients: Option<Buffer<f32>>,
    /// `D`, `[point][filter][channel]`; made at the first backward pass.
    filter_gradients: Option<Buffer<f32>>,
    /// The sums of `few_channels`.
    sums: Vec<Lane<f32>>,
    /// `M` of one item, `[point][row][tile]`.
    scratch: PerWorker<Buffer<f32>>,
    claims: Claims,
    tiling: PhantomData<W>,
}

/// How the image is cut into tiles, and how far apart things are in the buffers, in lanes.
#[derive(Clone, Copy)]
struct Tiles {
    geometry: Geometry,
    down: usize,
    across: usize,
    points: usize,
    /// How `U` lies in memory in the forward and in the backward pass.
    forward: Packing,
    backward: Packing,
    /// From one point to the next in `D`, in numbers; a multiple of a lane.
    filter_stride: usize,
    /// From one point to the next in `V` and `S`, in lanes. Odd, so that the points of one tile, which are written
    /// together, do not all fall on the same set of the first-level cache.
    input_stride: usize,
    gradient_stride: usize,
}

impl Tiles {
    fn new<W: Tiling>(geometry: Geometry) -> Self {
        let pairs = geometry.filters * geometry.channels;
        Tiles {
            geometry,
            down: geometry.output.0.div_ceil(W::OUT),
            across: geometry.output.1.div_ceil(W::OUT),
            points: W::SIZE * W::SIZE,
            forward: if few_channels::are(geometry.channels) {
                Packing::single(geometry.filters, geometry.channels)
            } else {
                Packing::new(geometry.filters, geometry.channels, geometry.blocks)
            },
            backward: Packing::new(geometry.channels, geometry.filters, geometry.blocks),
            filter_stride: pairs.next_multiple_of(crate::lane::LANES) + crate::lane::LANES,
            input_stride: geometry.channels * GROUP + 1,
            gradient_stride: geometry.filters * GROUP + 1,
        }
    }

    /// Tiles of one image.
    fn count(&self) -> usize {
        self.down * self.across
    }

    /// Groups of tiles of one image.
    fn groups(&self) -> usize {
        self.count().div_ceil(GROUP)
    }

    /// The tiles of a group, as (row of tiles, column of tiles).
    #[inline(always)]
    fn of_group(self, group: usize) -> impl Iterator<Item = (usize, usize)> {
        (group * GROUP..((group + 1) * GROUP).min(self.count()))
            .map(move |tile| (tile / self.across, tile % self.across))
    }
}

impl<W: Tiling> Winograd<W> {
    fn new(cpu: &Cpu, description: &Convolution, pooled: Option<Shape>) -> Result<Self> {
        let geometry = Geometry::new(description)?;
        let tiles = Tiles::new::<W>(geometry);
        let lanes = crate::lane::LANES;
        Ok(Winograd {
            cpu: cpu.clone(),
            input: description.input,
            output: pooled.map_or_else(|| description.output(), Ok)?,
            filter: description.filter()?,
            neuron: description.neuron,
            tiles,
            winners: pooled.map(|pooled| vec![[0; 4]; geometry.blocks * pooled.sample_len()]),
            filters: Buffer::zeroed(tiles.points * tiles.forward.stride() / lanes)?,
            transposed_filters: Buffer::zeroed(0)?,
            inputs: Buffer::zeroed(geometry.blocks * tiles.groups() * tiles.points * tiles.input_stride)?,
            gradients: None,
            filter_gradients: None,
            sums: Vec::new(),
            scratch: PerWorker::new(cpu.pool(), || Buffer::zeroed(products::SCRATCH_LANES))?,
            claims: Claims::default(),
            tiling: PhantomData,
        })
    }
}

impl<W: Tiling> AffinePlan for Winograd<W> {
    fn forward(&mut self, call: AffineForward<'_>) -> Result<()> {
        const NAME: &str = "convolution forward";
        check(NAME, "the input", call.x, self.input)?;
        check(NAME, "the filter", call.weight, self.filter)?;
        check(NAME, "the output", call.y, self.output)?;
        if let Some(bias) = call.bias {
            check(NAME, "the bias", bias, Shape::new(&[self.output.axis(1)])?)?;
        }
        check_not_aliased(NAME, &[call.x, call.weight, call.bias.unwrap_or(call.weight)], &[call.y])?;
        let weight = read::<f32>(NAME, "the filter", call.weight)?;
        let x = read::<f32>(NAME, "the input", call.x)?;
        let bias = call.bias.map(|bias| read::<f32>(NAME, "the bias", bias)).transpose()?;
        let mut y = write::<f32>(NAME, "the output", call.y)?;
        self.transform_filters(weight.as_flattened());
        self.transform_inputs(&x);
        self.multiply_forward(bias.as_deref().map(<[Lane<f32>]>::as_flattened), &mut y);
        Ok(())
    }

    fn backward(&mut self, call: AffineBackward<'_>) -> Result<()> {
        const NAME: &str = "convolution backward";
        check(NAME, "the output's gradient", call.dy, self.output)?;
        core_tensor::ops::kernels::neuron_backward(&self.cpu, self.neuron, call.y, call.dy)?;
        let dy = read::<f32>(NAME, "the output's gradient", call.dy)?;
        let few = few_channels::are(self.tiles.geometry.channels);
        if call.dx.is_some() || call.dweight.is_some() && !few {
            let weight = read::<f32>(NAME, "the filter", call.weight)?;
            self.transform_gradients(&dy, weight.as_flattened())?;
        }
        if let Some(dx) = call.dx {
            check(NAME, "the input's gradient", dx, self.input)?;
            check_not_aliased(NAME, &[call.dy], &[dx])?;
            self.multiply_backward(&mut write::<f32>(NAME, "the input's gradient", dx)?);
        }
        if let Some(gradient) = call.dweight {
            check(NAME, "the filter's gradient", gradient.target, self.filter)?;
            check_not_aliased(NAME, &[call.dy], &[gradient.target])?;
            let mut target = write::<f32>(NAME, "the filter's gradient", gradient.target)?;
            self.filter_gradient(&dy, gradient.add, target.as_flattened_mut())?;
        }
        if let Some(gradient) = call.dbias {
            check(NAME, "the bias's gradient", gradient.target, Shape::new(&[self.output.axis(1)])?)?;
            check_not_aliased(NAME, &[call.dy], &[gradient.target])?;
            let mut target = write::<f32>(NAME, "the bias's gradient", gradient.target)?;
            let plane = self.output.sample_len() / self.output.axis(1);
            let target = &mut target.as_flattened_mut()[..self.output.axis(1)];
            bias_gradient(self.cpu.pool(), &dy, plane, gradient.add, target);
        }
        Ok(())
    }

    fn algorithm(&self) -> &'static str {
        W::NAME
    }
}
