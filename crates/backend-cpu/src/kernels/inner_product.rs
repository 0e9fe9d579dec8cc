//! Inner products as three small matrix products over lanes.
//!
//! The weight is the large operand (1.6 MB in LeNet, more than a core's second-level cache), so each kernel reads it as few
//! times as it can: forward and backward-data compute several blocks of samples for each weight they load, and the weight's
//! gradient is written once, in whole rows.
//!
//! | product | tile of accumulators | operand that streams |
//! |---|---|---|
//! | `y = W x + b` | outputs x blocks | rows of W |
//! | `dx = Wᵀ dy` | inputs x blocks | pieces of rows of W |
//! | `dW = dy xᵀ` | outputs x 32 inputs | x, transposed once per call so that lanes run over inputs |

use super::neuron;
use crate::{
    Cpu,
    isa::{Isa, Kernel},
    lane::{LANES, Lane, Real, horizontal_sum},
    memory::{Buffer, Stored, blocks, check_not_aliased, read, write},
    threads::{Claims, Pool},
    vector::Vector,
};
use core_tensor::{
    Error, Result, Shape, Tensor,
    ops::{AffineBackward, AffineForward, AffinePlan, Gradient, InnerProduct, Neuron},
};

/// Outputs (forward) or inputs (backward) of one item; a multiple of every tile's height.
const ITEM: usize = 40;
/// Inputs of one transposed panel, in lanes.
const PANEL: usize = 2;
/// Outputs of one item of the weight's gradient.
const ROWS: usize = 10;

/// A prepared inner product.
pub(crate) struct Plan<T> {
    cpu: Cpu,
    input: Shape,
    output: Shape,
    neuron: Neuron,
    claims: Claims,
    /// `x` transposed, `[panel][sample][PANEL lanes of inputs]`; made at the first backward pass.
    transposed: Option<Buffer<T>>,
}

impl<T: Stored> Plan<T> {
    pub(crate) fn new(cpu: &Cpu, description: &InnerProduct) -> Result<Self> {
        Ok(Plan {
            cpu: cpu.clone(),
            input: description.input,
            output: description.output()?,
            neuron: description.neuron,
            claims: Claims::default(),
            transposed: None,
        })
    }

    fn sizes(&self) -> Sizes {
        let (inputs, outputs) = (self.input.sample_len(), self.output.sample_len());
        Sizes { inputs, outputs, blocks: blocks(self.input.batch()), batch: self.input.batch() }
    }

    fn check(
        &self,
        operation: &'static str,
        x: &Tensor,
        weight: &Tensor,
        bias: Option<&Tensor>,
        y: &Tensor,
    ) -> Result<()> {
        let Sizes { inputs, outputs, .. } = self.sizes();
        let weight_shape = Shape::new(&[outputs, inputs])?;
        let mut operands = vec_of([("the input", x, self.input), ("the output", y, self.output)]);
        operands[2] = Some(("the weight", weight, weight_shape));
        operands[3] = bias.map(|bias| ("the bias", bias, bias.shape()));
        for (what, tensor, expected) in operands.into_iter().flatten() {
            if tensor.shape() != expected {
                return Err(Error::Shape { operation, what, found: tensor.shape(), expected });
            }
        }
        match bias {
            Some(bias) if bias.shape().len() != outputs => {
                let expected = Shape::new(&[outputs])?;
                Err(Error::Shape { operation, what: "the bias", found: bias.shape(), expected })
            }
            _ => Ok(()),
        }
    }

    fn backward_weight(&mut self, x: &[Lane<T>], dy: &[Lane<T>], gradient: Gradient<'_>) -> Result<()> {
        let sizes = self.sizes();
        let panels = sizes.inputs.div_ceil(PANEL * LANES);
        let panel_lanes = sizes.batch * PANEL;
        if self.transposed.is_none() {
            self.transposed = Some(Buffer::zeroed(panels * panel_lanes)?);
        }
        let Some(transposed) = self.transposed.as_mut() else { return Ok(()) };
        let (pool, level) = (self.cpu.pool(), self.cpu.level());
        pool.chunks(transposed.lanes_mut(), panel_lanes, |panel, target| transpose(x, sizes, panel, target));
        let transposed = transposed.lanes();
        let mut target = write::<T>("inner product backward", "the weight's gradient", gradient.target)?;
        let target = &mut target.as_flattened_mut()[..sizes.inputs * sizes.outputs];
        pool.chunks(target, ROWS * sizes.inputs, |item, rows| {
            let first = item * ROWS;
            level.run(BackwardWeight { sizes, transposed, dy, first, add: gradient.add, rows });
        });
        Ok(())
    }
}

/// Four slots filled from the front, so that the training loop does not allocate.
fn vec_of<A: Copy, const N: usize>(items: [A; N]) -> [Option<A>; 4] {
    std::array::from_fn(|i| items.get(i).copied())
}

#[derive(Clone, Copy)]
struct Sizes {
    inputs: usize,
    outputs: usize,
    blocks: usize,
    batch: usize,
}

impl<T: Stored> AffinePlan for Plan<T> {
    fn forward(&mut self, call: AffineForward<'_>) -> Result<()> {
        const NAME: &str = "inner product forward";
        self.check(NAME, call.x, call.weight, call.bias, call.y)?;
        check_not_aliased(NAME, &[call.x, call.weight, call.bias.unwrap_or(call.weight)], &[call.y])?;
        let (sizes, neuron) = (self.sizes(), self.neuron);
        let x = read::<T>(NAME, "the input", call.x)?;
        let weight = read::<T>(NAME, "the weight", call.weight)?;
        let bias = call.bias.map(|bias| read::<T>(NAME, "the bias", bias)).transpose()?;
        let bias = bias.as_deref().map(<[Lane<T>]>::as_flattened);
        let mut y = write::<T>(NAME, "the output", call.y)?;
        let items = sizes.outputs.div_ceil(ITEM);
        let (pool, level) = (self.cpu.pool(), self.cpu.level());
        let weight = weight.as_flattened();
        pool.pieces(&mut self.claims, &mut y, (sizes.outputs, ITEM), items, |_, item, pieces| {
            for_each_group(sizes.blocks, |first, count| {
                let y: [&mut [Lane<T>]; 4] =
                    std::array::from_fn(|b| if b < count { pieces.take(first + b, item) } else { Default::default() });
                level.run(Forward {
                    sizes,
                    weight,
                    bias,
                    x: &x,
                    first_block: first,
                    first: item * ITEM,
                    neuron,
                    count,
                    y,
                });
            });
        });
        Ok(())
    }

    fn backward(&mut self, call: AffineBackward<'_>) -> Result<()> {
        const NAME: &str = "inner product backward";
        self.check(NAME, call.x, call.weight, None, call.y)?;
        let backend: &dyn core_tensor::Backend = &self.cpu;
        core_tensor::ops::kernels::neuron_backward(backend, self.neuron, call.y, call.dy)?;
        let sizes = self.sizes();
        let dy = read::<T>(NAME, "the gradient", call.dy)?;
        if let Some(dx) = call.dx {
            check_not_aliased(NAME, &[call.dy, call.weight], &[dx])?;
            let weight = read::<T>(NAME, "the weight", call.weight)?;
            let weight = weight.as_flattened();
            let mut dx = write::<T>(NAME, "the input's gradient", dx)?;
            let (pool, level) = (self.cpu.pool(), self.cpu.level());
            let items = sizes.inputs.div_ceil(ITEM);
            pool.pieces(&mut self.claims, &mut dx, (sizes.inputs, ITEM), items, |_, item, pieces| {
                for_each_group(sizes.blocks, |first, count| {
                    let dx: [&mut [Lane<T>]; 4] =
                        std::array::from_fn(
                            |b| if b < count { pieces.take(first + b, item) } else { Default::default() },
                        );
                    level.run(BackwardData {
                        sizes,
                        weight,
                        dy: &dy,
                        first_block: first,
                        first: item * ITEM,
                        count,
                        dx,
                    });
                });
            });
        }
        if let Some(gradient) = call.dweight {
            check_not_aliased(NAME, &[call.dy, call.x], &[gradient.target])?;
            let x = read::<T>(NAME, "the input", call.x)?;
            self.backward_weight(&x, &dy, gradient)?;
        }
        if let Some(gradient) = call.dbias {
            check_not_aliased(NAME, &[call.dy], &[gradient.target])?;
            let mut target = write::<T>(NAME, "the bias's gradient", gradient.target)?;
            bias_gradient(self.cpu.pool(), &dy, 1, gradient.add, &mut target.as_flattened_mut()[..sizes.outputs]);
        }
        Ok(())
    }

    fn algorithm(&self) -> &'static str {
        "direct"
    }
}

/// Sums gradients over samples and positions: `target[channel]` from `dy` as `[block][channel][position]`.
pub(crate) fn bias_gradient<T: Real>(pool: &Pool, dy: &[Lane<T>], positions: usize, add: bool, target: &mut [T]) {
    let channels = target.len();
    let worth_sharing = dy.len() > BIAS_LANES;
    pool.chunks(target, if worth_sharing { 1 } else { channels }, |first, target| {
        for (channel, target) in target.iter_mut().enumerate() {
            let mut sum = [T::ZERO; LANES];
            for block in dy.chunks_exact((channels * positions).max(1)) {
                let dy = &block[(first + channel) * positions..][..positions];
                dy.iter().for_each(|dy| crate::lane::add(&mut sum, dy));
            }
            let sum = horizontal_sum(&sum);
            *target = if add { *target + sum } else { sum };
        }
    });
}

/// Lanes whose sum is not worth a second thread.
const BIAS_LANES: usize = 4096;

/// Blocks in groups of four, then two, then one: `body(first block, how many)`.
#[inline(always)]
fn for_each_group(blocks: usize, mut body: impl FnMut(usize, usize)) {
    let mut first = 0;
    while first < blocks {
        let count = match blocks - first {
            4.. => 4,
            2..=3 => 2,
            _ => 1,
        };
        body(first, count);
        first += count;
    }
}

struct Forward<'a, T> {
    sizes: Sizes,
    weight: &'a [T],
    bias: Option<&'a [T]>,
    x: &'a [Lane<T>],
    first_block: usize,
    /// The first output.
    first: usize,
    neuron: Neuron,
    count: usize,
    y: [&'a mut [Lane<T>]; 4],
}

impl<T: Real> Kernel for Forward<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(mut self) {
        let room = I::REGISTER_BYTES / size_of::<Lane<T>>();
        let outputs = self.y[0].len();
        let mut o = 0;
        while o < outputs {
            let left = outputs - o;
            o += match self.count {
                4 if room >= 32 && left >= 5 => self.tile::<I, 5, 4>(o),
                4 if room >= 16 && left >= 2 => self.tile::<I, 2, 4>(o),
                4 => self.tile::<I, 1, 4>(o),
                2 if room >= 32 && left >= 10 => self.tile::<I, 10, 2>(o),
                2 if room >= 16 && left >= 5 => self.tile::<I, 5, 2>(o),
                2 if room >= 8 && left >= 3 => self.tile::<I, 3, 2>(o),
                2 => self.tile::<I, 1, 2>(o),
                _ if room >= 16 && left >= 10 => self.tile::<I, 10, 1>(o),
                _ if left >= 5 => self.tile::<I, 5, 1>(o),
                _ => self.tile::<I, 1, 1>(o),
            };
        }
        for y in &mut self.y[..self.count] {
            neuron::apply::<I, T>(self.neuron, y);
        }
    }
}

impl<T: Real> Forward<'_, T> {
    #[inline(always)]
    fn tile<I: Isa, const O: usize, const B: usize>(&mut self, o: usize) -> usize {
        let Sizes { inputs, .. } = self.sizes;
        let first = self.first + o;
        let rows: [&[T]; O] = std::array::from_fn(|t| &self.weight[(first + t) * inputs..][..inputs]);
        let x: [&[Lane<T>]; B] = std::array::from_fn(|b| &self.x[(self.first_block + b) * inputs..][..inputs]);
        let mut sums: [[T::Vector<I>; B]; O] =
            std::array::from_fn(|t| [Vector::splat(self.bias.map_or(T::ZERO, |bias| bias[first + t])); B]);
        for i in 0..inputs {
            let x: [T::Vector<I>; B] = std::array::from_fn(|b| Vector::load(&x[b][i]));
            for t in 0..O {
                let weight = Vector::splat(rows[t][i]);
                for b in 0..B {
                    sums[t][b] = x[b].mul_add(weight, sums[t][b]);
                }
            }
        }
        for t in 0..O {
            for b in 0..B {
                sums[t][b].store(&mut self.y[b][o + t]);
            }
        }
        O
    }
}

struct BackwardData<'a, T> {
    sizes: Sizes,
    weight: &'a [T],
    dy: &'a [Lane<T>],
    first_block: usize,
    /// The first input.
    first: usize,
    count: usize,
    dx: [&'a mut [Lane<T>]; 4],
}

impl<T: Real> Kernel for BackwardData<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(mut self) {
        let room = I::REGISTER_BYTES / size_of::<Lane<T>>();
        let inputs = self.dx[0].len();
        let mut i = 0;
        while i < inputs {
            let left = inputs - i;
            i += match self.count {
                4 if room >= 32 && left >= 5 => self.tile::<I, 5, 4>(i),
                4 if room >= 16 && left >= 2 => self.tile::<I, 2, 4>(i),
                4 => self.tile::<I, 1, 4>(i),
                2 if room >= 32 && left >= 10 => self.tile::<I, 10, 2>(i),
                2 if room >= 16 && left >= 5 => self.tile::<I, 5, 2>(i),
                2 if room >= 8 && left >= 3 => self.tile::<I, 3, 2>(i),
                2 => self.tile::<I, 1, 2>(i),
                _ if room >= 16 && left >= 10 => self.tile::<I, 10, 1>(i),
                _ if left >= 5 => self.tile::<I, 5, 1>(i),
                _ => self.tile::<I, 1, 1>(i),
            };
        }
    }
}

impl<T: Real> BackwardData<'_, T> {
    #[inline(always)]
    fn tile<I: Isa, const R: usize, const B: usize>(&mut self, i: usize) -> usize {
        let Sizes { inputs, outputs, .. } = self.sizes;
        let first = self.first + i;
        let dy: [&[Lane<T>]; B] = std::array::from_fn(|b| &self.dy[(self.first_block + b) * outputs..][..outputs]);
        let mut sums = [[T::Vector::<I>::splat(T::ZERO); B]; R];
        for o in 0..outputs {
            let weights = &self.weight[o * inputs + first..][..R];
            let dy: [T::Vector<I>; B] = std::array::from_fn(|b| Vector::load(&dy[b][o]));
            for r in 0..R {
                let weight = Vector::splat(weights[r]);
                for b in 0..B {
                    sums[r][b] = dy[b].mul_add(weight, sums[r][b]);
                }
            }
        }
        for r in 0..R {
            for b in 0..B {
                sums[r][b].store(&mut self.dx[b][i + r]);
            }
        }
        R
    }
}

/// Copies `PANEL * LANES` inputs of all samples so that a sample's inputs are neighbours.
fn transpose<T: Real>(x: &[Lane<T>], sizes: Sizes, panel: usize, target: &mut [Lane<T>]) {
    let first = panel * PANEL * LANES;
    let count = (sizes.inputs - first).min(PANEL * LANES);
    for sample in 0..sizes.batch {
        let x = &x[sample / LANES * sizes.inputs + first..][..count];
        let row = target[sample * PANEL..][..PANEL].as_flattened_mut();
        for (target, lane) in row.iter_mut().zip(x) {
            *target = lane[sample % LANES];
        }
    }
}

struct BackwardWeight<'a, T> {
    sizes: Sizes,
    transposed: &'a [Lane<T>],
    dy: &'a [Lane<T>],
    /// The first output.
    first: usize,
    add: bool,
    rows: &'a mut [T],
}

impl<T: Real> Kernel for BackwardWeight<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(mut self) {
        let room = I::REGISTER_BYTES / size_of::<Lane<T>>();
        let outputs = self.rows.len() / self.sizes.inputs;
        for panel in 0..self.sizes.inputs.div_ceil(PANEL * LANES) {
            let mut o = 0;
            while o < outputs {
                let left = outputs - o;
                o += match room {
                    32.. if left >= 10 => self.tile::<I, 10>(panel, o),
                    16.. if left >= 5 => self.tile::<I, 5>(panel, o),
                    8.. if left >= 2 => self.tile::<I, 2>(panel, o),
                    _ => self.tile::<I, 1>(panel, o),
                };
            }
        }
    }
}

impl<T: Real> BackwardWeight<'_, T> {
    #[inline(always)]
    fn tile<I: Isa, const O: usize>(&mut self, panel: usize, o: usize) -> usize {
        let Sizes { inputs, outputs, batch, .. } = self.sizes;
        let x = &self.transposed[panel * batch * PANEL..][..batch * PANEL];
        let mut sums = [[T::Vector::<I>::splat(T::ZERO); PANEL]; O];
        for (block, x) in x.chunks(LANES * PANEL).enumerate() {
            let dy = &self.dy[block * outputs + self.first + o..][..O];
            for (l, x) in x.chunks_exact(PANEL).enumerate() {
                let x: [T::Vector<I>; PANEL] = std::array::from_fn(|p| Vector::load(&x[p]));
                for t in 0..O {
                    let dy = Vector::splat(dy[t][l]);
                    for p in 0..PANEL {
                        sums[t][p] = x[p].mul_add(dy, sums[t][p]);
                    }
                }
            }
        }
        let first = panel * PANEL * LANES;
        let count = (inputs - first).min(PANEL * LANES);
        for t in 0..O {
            let row = &mut self.rows[(o + t) * inputs + first..][..count];
            let mut lanes = [[T::ZERO; LANES]; PANEL];
            sums[t].iter().zip(&mut lanes).for_each(|(sum, lane)| sum.store(lane));
            for (target, &sum) in row.iter_mut().zip(lanes.as_flattened()) {
                *target = if self.add { *target + sum } else { sum };
            }
        }
        O
    }
}
