//! Inner products of a few samples: dot products along the rows of the weight, vectors over inputs.
//!
//! With few samples the time goes into reading the weight, which is row-major and is not repacked. Sixteen rows at a time are
//! multiplied with all samples; their sixteen vectors of partial sums become one vector of outputs.

use super::{Product, lanes::Lanes};
use crate::{
    Cpu,
    isa::{Isa, Kernel},
    kernels::{
        neuron,
        samples::{gather, spread},
    },
    lane::{LANES, Lane},
    memory::{Buffer, check_not_aliased, read, write},
    vector::Vector,
};
use core_tensor::{
    Result,
    ops::{AffineBackward, AffineForward, AffinePlan, InnerProduct, Neuron},
};

/// Most samples for which this is faster than whole lanes: with the 32 registers of AVX-512, and with fewer.
const MOST: usize = 8;
const MOST_WITH_FEW_REGISTERS: usize = 6;
/// Multiplications that are not worth a second thread.
const SERIAL: usize = 1 << 15;

/// Whether there are so few samples that whole lanes would take longer.
pub(super) fn suits(cpu: &Cpu, description: &InnerProduct) -> bool {
    let room = cpu.level().register_bytes() / size_of::<Lane<f32>>();
    description.input.batch() <= if room >= 32 { MOST } else { MOST_WITH_FEW_REGISTERS }
}

/// A prepared inner product of a few samples.
pub(super) struct Few {
    cpu: Cpu,
    product: Product,
    /// The samples, `[sample][lanes of inputs]`, the last lane filled up with zeros.
    samples: Buffer<f32>,
    /// For the backward pass.
    lanes: Lanes<f32>,
}

impl Few {
    pub(super) fn new(cpu: &Cpu, description: &InnerProduct) -> Result<Self> {
        let product = Product::new(description)?;
        let sizes = product.sizes();
        let samples = Buffer::zeroed(sizes.batch * sizes.inputs.div_ceil(LANES))?;
        Ok(Few { cpu: cpu.clone(), product, samples, lanes: Lanes::new(cpu, description)? })
    }
}

impl AffinePlan for Few {
    fn forward(&mut self, call: AffineForward<'_>) -> Result<()> {
        const NAME: &str = "inner product forward";
        self.product.check(NAME, call.x, call.weight, call.bias, call.y)?;
        check_not_aliased(NAME, &[call.x, call.weight, call.bias.unwrap_or(call.weight)], &[call.y])?;
        let (sizes, neuron) = (self.product.sizes(), self.product.neuron);
        let x = read::<f32>(NAME, "the input", call.x)?;
        let weight = read::<f32>(NAME, "the weight", call.weight)?;
        let weight = &weight.as_flattened()[..sizes.outputs * sizes.inputs];
        let bias = call.bias.map(|bias| read::<f32>(NAME, "the bias", bias)).transpose()?;
        let bias = bias.as_deref().map(<[Lane<f32>]>::as_flattened);
        let mut y = write::<f32>(NAME, "the output", call.y)?;
        let (pool, level) = (self.cpu.pool(), self.cpu.level());
        let row = sizes.inputs.div_ceil(LANES);
        for (sample, target) in self.samples.lanes_mut().chunks_exact_mut(row).enumerate() {
            gather(&x, sample, target.as_flattened_mut());
        }
        let samples = self.samples.lanes();
        let alone = sizes.batch * sizes.outputs * sizes.inputs <= SERIAL;
        pool.chunks(&mut y, if alone { sizes.outputs } else { LANES }, |item, y| {
            level.run(Forward { inputs: sizes.inputs, samples, weight, bias, first: item * LANES, neuron, y });
        });
        Ok(())
    }

    fn backward(&mut self, call: AffineBackward<'_>) -> Result<()> {
        self.lanes.backward(call)
    }

    fn algorithm(&self) -> &'static str {
        "few samples"
    }
}

struct Forward<'a> {
    inputs: usize,
    samples: &'a [Lane<f32>],
    weight: &'a [f32],
    bias: Option<&'a [f32]>,
    /// The first output.
    first: usize,
    neuron: Neuron,
    /// One lane for each output.
    y: &'a mut [Lane<f32>],
}

/// Partial sums of sixteen outputs for up to four samples.
type Parts = [[Lane<f32>; LANES]; 4];

impl Kernel for Forward<'_> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let room = I::REGISTER_BYTES / size_of::<Lane<f32>>();
        let count = self.samples.len() / self.inputs.div_ceil(LANES);
        let Forward { first, bias, neuron, .. } = self;
        for start in (0..self.y.len()).step_by(LANES) {
            let outputs = (self.y.len() - start).min(LANES);
            let mut results = [[0.0; LANES]; MOST];
            let mut parts: Parts = [[[0.0; LANES]; LANES]; 4];
            let mut sample = 0;
            while sample < count {
                let left = count - sample;
                let together = match room {
                    32.. if left >= 4 => self.rows::<I, 4, 4>(first + start, outputs, sample, &mut parts),
                    32.. if left >= 3 => self.rows::<I, 4, 3>(first + start, outputs, sample, &mut parts),
                    32.. if left >= 2 => self.rows::<I, 8, 2>(first + start, outputs, sample, &mut parts),
                    32.. => self.rows::<I, 8, 1>(first + start, outputs, sample, &mut parts),
                    8.. if left >= 2 => self.rows::<I, 2, 2>(first + start, outputs, sample, &mut parts),
                    8.. => self.rows::<I, 4, 1>(first + start, outputs, sample, &mut parts),
                    _ => self.rows::<I, 2, 1>(first + start, outputs, sample, &mut parts),
                };
                for (parts, result) in parts.iter().zip(&mut results[sample..sample + together]) {
                    I::Single::sums_of(&std::array::from_fn(|output| I::Single::load(&parts[output]))).store(result);
                }
                sample += together;
            }
            let results = &mut results[..count];
            if let Some(bias) = bias {
                for result in &mut *results {
                    for (result, bias) in result.iter_mut().zip(&bias[first + start..][..outputs]) {
                        *result += bias;
                    }
                }
            }
            neuron::apply::<I, f32>(neuron, results);
            spread::<I>(results.as_flattened(), LANES, count, &mut self.y[start..start + outputs]);
        }
    }
}

impl Forward<'_> {
    /// Partial sums of `outputs` rows from `first` on, `R` at a time, for `S` samples.
    #[inline(always)]
    fn rows<I: Isa, const R: usize, const S: usize>(
        &self,
        first: usize,
        outputs: usize,
        sample: usize,
        parts: &mut Parts,
    ) -> usize {
        for row in (0..outputs).step_by(R) {
            self.tile::<I, R, S>(first, row, sample, parts);
        }
        S
    }

    #[inline(always)]
    fn tile<I: Isa, const R: usize, const S: usize>(&self, first: usize, row: usize, sample: usize, parts: &mut Parts) {
        let (inputs, lanes) = (self.inputs, self.inputs.div_ceil(LANES));
        let last = self.weight.len() / inputs - 1;
        // The last tile may hang over: it computes the last row again.
        let weight = |r: usize| &self.weight[(first + row + r).min(last) * inputs..][..inputs];
        let rows: [&[Lane<f32>]; R] = std::array::from_fn(|r| weight(r).as_chunks().0);
        let samples: [&[Lane<f32>]; S] = std::array::from_fn(|s| &self.samples[(sample + s) * lanes..][..lanes]);
        let mut sums = [[I::Single::splat(0.0); S]; R];
        for i in 0..inputs / LANES {
            let x: [I::Single; S] = std::array::from_fn(|s| Vector::load(&samples[s][i]));
            for r in 0..R {
                let weight = I::Single::load(&rows[r][i]);
                for s in 0..S {
                    sums[r][s] = weight.mul_add(x[s], sums[r][s]);
                }
            }
        }
        if inputs % LANES > 0 {
            for r in 0..R {
                let rest = weight(r).as_chunks::<LANES>().1;
                let mut lane = [0.0; LANES];
                lane[..rest.len()].copy_from_slice(rest);
                for s in 0..S {
                    sums[r][s] = I::Single::load(&lane).mul_add(Vector::load(&samples[s][lanes - 1]), sums[r][s]);
                }
            }
        }
        for r in 0..R {
            for s in 0..S {
                sums[r][s].store(&mut parts[s][(row + r) % LANES]);
            }
        }
    }
}
