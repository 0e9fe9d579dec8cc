//! Convolution of a few samples, with the max pooling that follows or without it.
//!
//! The samples are copied out of their lanes into padded images. A *strip* of output rows is then a matrix product: the
//! filters, row-major as they are and never repacked, times the patches of the image under each pixel. Vectors run over pixels.
//! The strip's outputs stay in the cache, where they are pooled, and only the result is written into lanes.

mod item;
mod lanes;
mod product;
mod result;
mod strips;

use super::{
    geometry::{Geometry, check},
    winograd,
};
use crate::{
    Cpu,
    lane::Lane,
    memory::{check_not_aliased, read, write},
    threads::{Claims, PerWorker},
};
use core_tensor::{
    Result, Shape,
    ops::{AffineBackward, AffineForward, AffinePlan, Convolution, PoolMethod, Pooling},
};
use item::{Item, Scratch};
use lanes::Lanes;
use strips::Strips;

/// Most samples for which this is ever used.
const MOST: usize = 12;

/// A plan, if this is the fastest way.
pub(super) fn plan(
    cpu: &Cpu,
    convolution: &Convolution,
    pooling: Option<&Pooling>,
) -> Result<Option<Box<dyn AffinePlan>>> {
    let fits = |pooling: &Pooling| {
        pooling.method == PoolMethod::Max
            && Some(pooling.input) == convolution.output().ok()
            && pooling.dtype == convolution.dtype
    };
    if !pooling.is_none_or(fits) || !are_few(convolution)? {
        return Ok(None);
    }
    Ok(Some(Box::new(Few::new(cpu, convolution, pooling)?)))
}

/// Whether there are so few samples that whole lanes would take longer.
fn are_few(convolution: &Convolution) -> Result<bool> {
    let samples = convolution.input.batch();
    if samples > MOST {
        return Ok(false);
    }
    let terms = convolution.filter()?.sample_len();
    let most = match winograd::suits(convolution)? {
        true if convolution.kernel.width >= 5 => 3,
        true => 4,
        // Writing an output to its lanes takes as long as some 48 terms of one sample.
        false => 20 * terms / (terms + 48),
    };
    Ok(samples <= most)
}

/// A prepared convolution of a few samples.
struct Few {
    cpu: Cpu,
    convolution: Convolution,
    pooling: Option<Pooling>,
    /// The result's shape.
    output: Shape,
    strips: Strips,
    /// See [`item::offsets`].
    offsets: Vec<usize>,
    scratch: PerWorker<Scratch>,
    claims: Claims,
    /// Made at the first backward pass.
    lanes: Option<Lanes>,
}

impl Few {
    fn new(cpu: &Cpu, convolution: &Convolution, pooling: Option<&Pooling>) -> Result<Self> {
        let between = convolution.output()?;
        let output = pooling.map_or(Ok(between), Pooling::output)?;
        let strips = Strips::new(Geometry::new(convolution)?, convolution.input.batch(), pooling, output);
        Ok(Few {
            cpu: cpu.clone(),
            convolution: convolution.clone(),
            pooling: pooling.cloned(),
            output,
            offsets: item::offsets(strips),
            strips,
            scratch: PerWorker::new(cpu.pool(), || Scratch::new(strips))?,
            claims: Claims::default(),
            lanes: None,
        })
    }
}

impl AffinePlan for Few {
    fn forward(&mut self, call: AffineForward<'_>) -> Result<()> {
        const NAME: &str = "convolution forward";
        let filter = self.convolution.filter()?;
        check(NAME, "the input", call.x, self.convolution.input)?;
        check(NAME, "the filter", call.weight, filter)?;
        check(NAME, "the output", call.y, self.output)?;
        if let Some(bias) = call.bias {
            check(NAME, "the bias", bias, Shape::new(&[self.output.axis(1)])?)?;
        }
        check_not_aliased(NAME, &[call.x, call.weight, call.bias.unwrap_or(call.weight)], &[call.y])?;
        let x = read::<f32>(NAME, "the input", call.x)?;
        let weights = read::<f32>(NAME, "the filter", call.weight)?;
        let weights = &weights.as_flattened()[..filter.len()];
        let bias = call.bias.map(|bias| read::<f32>(NAME, "the bias", bias)).transpose()?;
        let bias = bias.as_deref().map(<[Lane<f32>]>::as_flattened);
        let mut y = write::<f32>(NAME, "the output", call.y)?;
        let (strips, neuron, level) = (self.strips, self.convolution.neuron, self.cpu.level());
        let (x, offsets, scratch) = (&*x, &*self.offsets, &self.scratch);
        self.cpu.pool().pieces(&mut self.claims, &mut y, strips.pieces(), strips.items(), |worker, item, y| {
            let scratch = &mut *scratch.lock(worker);
            level.run(Item { strips, item, x, weights, offsets, bias, neuron, scratch, y });
        });
        Ok(())
    }

    fn backward(&mut self, call: AffineBackward<'_>) -> Result<()> {
        check("convolution backward", "the output's gradient", call.dy, self.output)?;
        let lanes = match &mut self.lanes {
            Some(lanes) => lanes,
            none => none.insert(Lanes::new(&self.cpu, &self.convolution, self.pooling.as_ref())?),
        };
        lanes.backward(call)
    }

    fn algorithm(&self) -> &'static str {
        "few samples"
    }
}
