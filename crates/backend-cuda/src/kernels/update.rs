//! Update rules of the solvers, one pass over memory each.

use super::Operands;
use crate::{
    Cuda,
    driver::Address,
    launch::{Entry, Grid, Kind, Parameter, Signature},
};
use core_tensor::{Launch, Result};

const SGD: Entry<One<4>> = Entry::new("update_sgd");
const NESTEROV: Entry<One<4>> = Entry::new("update_nesterov");
const RMS: Entry<One<6>> = Entry::new("update_rms");
const ADAM: Entry<Two<9>> = Entry::new("update_adam");
const ADADELTA: Entry<Two<5>> = Entry::new("update_adadelta");
pub(super) const SIGNATURES: &[Signature] =
    &[SGD.signature(), NESTEROV.signature(), RMS.signature(), ADAM.signature(), ADADELTA.signature()];

/// Gradient, w, a history; elements; coefficients.
type One<const N: usize> = (Address, Address, Address, u32, Coefficients<N>);
/// Gradient, w, two histories; elements; coefficients.
type Two<const N: usize> = (Address, Address, Address, Address, u32, Coefficients<N>);

/// A call's scalars in their order; a structure of doubles in `kernels/update.cu`.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct Coefficients<const N: usize>([f64; N]);

impl<const N: usize> Parameter for Coefficients<N> {
    const KIND: Kind = Kind::Structure(size_of::<Self>());
}

pub(super) fn launch(cuda: &Cuda, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    let operands = Operands::new(cuda, call);
    Some(match kernel {
        "sgd" => one(&SGD, operands),
        "nesterov" => one(&NESTEROV, operands),
        "rms" => one(&RMS, operands),
        "adam" => two(&ADAM, operands),
        "adadelta" => two(&ADADELTA, operands),
        _ => return None,
    })
}

fn one<const N: usize>(entry: &Entry<One<N>>, operands: Operands<'_>) -> Result<()> {
    let (gradient, w, n) = (operands.read(0, "the gradient")?, operands.write(0, "the parameter")?, operands.len()?);
    let history = operands.write(1, "the history")?;
    let parameters = (gradient, w, history, n, coefficients(&operands));
    entry.launch(operands.cuda, operands.dtype, Grid::over(operands.cuda, n), parameters)
}

fn two<const N: usize>(entry: &Entry<Two<N>>, operands: Operands<'_>) -> Result<()> {
    let (gradient, w, n) = (operands.read(0, "the gradient")?, operands.write(0, "the parameter")?, operands.len()?);
    let (first, second) = (operands.write(1, "the first history")?, operands.write(2, "the second history")?);
    let parameters = (gradient, w, first, second, n, coefficients(&operands));
    entry.launch(operands.cuda, operands.dtype, Grid::over(operands.cuda, n), parameters)
}

fn coefficients<const N: usize>(operands: &Operands<'_>) -> Coefficients<N> {
    Coefficients(std::array::from_fn(|i| operands.call.scalars[i]))
}
