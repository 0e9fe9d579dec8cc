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

use super::{
    Product,
    backward::{BackwardData, BackwardWeight, PANEL, transpose},
    bias_gradient,
    forward::Forward,
};
use crate::{
    Cpu,
    lane::{LANES, Lane},
    memory::{Buffer, Stored, check_not_aliased, read, write},
    threads::Claims,
};
use core_tensor::{
    Result,
    ops::{AffineBackward, AffineForward, AffinePlan, Gradient, InnerProduct},
};

/// Outputs (forward) or inputs (backward) of one item; a multiple of every tile's height.
const ITEM: usize = 40;
/// Outputs of one item of the weight's gradient.
const ROWS: usize = 10;

/// A prepared inner product.
pub(super) struct Lanes<T> {
    cpu: Cpu,
    product: Product,
    claims: Claims,
    /// `x` transposed, `[panel][sample][PANEL lanes of inputs]`; made at the first backward pass.
    transposed: Option<Buffer<T>>,
}

impl<T: Stored> Lanes<T> {
    pub(super) fn new(cpu: &Cpu, description: &InnerProduct) -> Result<Self> {
        let product = Product::new(description)?;
        Ok(Lanes { cpu: cpu.clone(), product, claims: Claims::default(), transposed: None })
    }

    fn backward_weight(&mut self, x: &[Lane<T>], dy: &[Lane<T>], gradient: Gradient<'_>) -> Result<()> {
        let sizes = self.product.sizes();
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

impl<T: Stored> AffinePlan for Lanes<T> {
    fn forward(&mut self, call: AffineForward<'_>) -> Result<()> {
        const NAME: &str = "inner product forward";
        self.product.check(NAME, call.x, call.weight, call.bias, call.y)?;
        check_not_aliased(NAME, &[call.x, call.weight, call.bias.unwrap_or(call.weight)], &[call.y])?;
        let (sizes, neuron) = (self.product.sizes(), self.product.neuron);
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
        self.product.check(NAME, call.x, call.weight, None, call.y)?;
        let backend: &dyn core_tensor::Backend = &self.cpu;
        core_tensor::ops::kernels::neuron_backward(backend, self.product.neuron, call.y, call.dy)?;
        let sizes = self.product.sizes();
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
