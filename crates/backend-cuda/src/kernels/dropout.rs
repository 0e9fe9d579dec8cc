//! Zeroing random elements. The mask depends on an element's logical index alone, so it is the CPU's, bit for bit.

use super::{Operands, count};
use crate::{
    Cuda,
    driver::Address,
    launch::{Entry, Grid, Kind, Parameter, Signature},
};
use core_tensor::{Launch, Result};

const APPLY: Entry<(Address, Address, u32, u32, Mask, f64)> = Entry::new("dropout_apply");
pub(super) const SIGNATURES: &[Signature] = &[APPLY.signature()];

/// `Mask` in `kernels/dropout.cu`.
#[derive(Clone, Copy)]
#[repr(C)]
struct Mask {
    key: [u32; 2],
    draw: [u32; 2],
    threshold: u32,
}

impl Parameter for Mask {
    const KIND: Kind = Kind::Structure(size_of::<Self>());
}

pub(super) fn launch(cuda: &Cuda, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    (kernel == "apply").then(|| apply(Operands::new(cuda, call)))
}

fn apply(operands: Operands<'_>) -> Result<()> {
    let (x, y) = (operands.read(0, "the input")?, operands.write(0, "the output")?);
    let shape = operands.call.writes[0].shape();
    let (samples, features) = (count(shape.batch())?, count(shape.sample_len())?);
    // The sizes are 32-bit words.
    let [key_low, key_high, draw_low, draw_high, threshold] = std::array::from_fn(|i| operands.call.sizes[i] as u32);
    let mask = Mask { key: [key_low, key_high], draw: [draw_low, draw_high], threshold };
    // A thread for each block of four random words.
    let grid = Grid::over(operands.cuda, samples * features.div_ceil(4));
    APPLY.launch(operands.cuda, operands.dtype, grid, (x, y, samples, features, mask, operands.call.scalars[0]))
}
