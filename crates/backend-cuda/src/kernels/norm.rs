//! The length of a tensor, and changing it. The norm is one block's work, so that its sum has one order whatever the card; many
//! blocks and a second kernel to join their sums were not worth it for gradients.

use super::{Operands, count};
use crate::{
    Cuda,
    driver::Address,
    launch::{Entry, Grid, Signature},
};
use core_tensor::{Launch, Result};

const L2: Entry<(Address, Address, u32, u32)> = Entry::new("norm_l2");
const SCALE: Entry<(Address, u32, f64)> = Entry::new("norm_scale");
pub(super) const SIGNATURES: &[Signature] = &[L2.signature(), SCALE.signature()];

pub(super) fn launch(cuda: &Cuda, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    match kernel {
        "l2" => Some(l2(Operands::new(cuda, call))),
        "scale" => Some(scale(Operands::new(cuda, call))),
        _ => None,
    }
}

fn l2(operands: Operands<'_>) -> Result<()> {
    let (x, result) = (operands.read(0, "the tensor")?, operands.write(0, "the result")?);
    let (n, slot) = (count(operands.call.reads[0].shape().len())?, count(operands.call.sizes[0])?);
    L2.launch(operands.cuda, operands.dtype, Grid::block_each(1), (x, result, n, slot))
}

fn scale(operands: Operands<'_>) -> Result<()> {
    let (y, n) = (operands.write(0, "the tensor")?, operands.len()?);
    SCALE.launch(operands.cuda, operands.dtype, Grid::over(operands.cuda, n), (y, n, operands.call.scalars[0]))
}
