//! Update rules of the solvers, one pass over memory each.

use super::Operands;
use crate::{
    Cuda,
    driver::Address,
    launch::{Entry, Grid, Signature},
};
use core_tensor::{Launch, Result};

const SGD: Entry<Sgd> = Entry::new("update_sgd");
pub(super) const SIGNATURES: &[Signature] = &[SGD.signature()];

/// Gradient, w, v; elements; rate, momentum, l2, l1.
type Sgd = (Address, Address, Address, u32, f64, f64, f64, f64);

pub(super) fn launch(cuda: &Cuda, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    (kernel == "sgd").then(|| sgd(Operands::new(cuda, call)))
}

fn sgd(operands: Operands<'_>) -> Result<()> {
    let gradient = operands.read(0, "the gradient")?;
    let (w, v) = (operands.write(0, "the parameter")?, operands.write(1, "the momentum")?);
    let (n, [rate, momentum, l2, l1]) = (operands.len()?, std::array::from_fn(|i| operands.call.scalars[i]));
    let parameters = (gradient, w, v, n, rate, momentum, l2, l1);
    SGD.launch(operands.cuda, operands.dtype, Grid::over(operands.cuda, n), parameters)
}
