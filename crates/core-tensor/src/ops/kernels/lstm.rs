//! One step of a long short-term memory, for n units: gates in the order of Caffe, n numbers each for the input gate, the forget
//! gate, the output gate and the candidate.

use crate::{Backend, Error, Launch, Result, Tensor};

/// `gates = (sigmoid, sigmoid, sigmoid, tanh)(from_input + from_output)`; `cell = forget cell_before + input candidate`;
/// `y = output tanh(cell)`.
///
/// Kernel `lstm.forward`: reads from_input, from_output, cell_before; writes gates, cell, y.
pub fn lstm_forward(
    backend: &dyn Backend,
    (from_input, from_output): (&Tensor, &Tensor),
    cell_before: &Tensor,
    gates: &Tensor,
    (cell, y): (&Tensor, &Tensor),
) -> Result<()> {
    check(cell, &[cell_before, y], &[from_input, from_output, gates])?;
    let (reads, writes) = ([from_input, from_output, cell_before], [gates, cell, y]);
    backend.launch(Launch { kernel: "lstm.forward", reads: &reads, writes: &writes, sizes: &[], scalars: &[] })
}

/// From `dy`, and `dcell` of the cell as the next step has left it, the gradient of what goes into the gates, and `dcell` of the
/// cell before, in place.
///
/// Kernel `lstm.backward`: reads gates, cell, cell_before, dy; writes dgates; changes dcell.
pub fn lstm_backward(
    backend: &dyn Backend,
    gates: &Tensor,
    (cell, cell_before): (&Tensor, &Tensor),
    dy: &Tensor,
    dgates: &Tensor,
    dcell: &Tensor,
) -> Result<()> {
    check(cell, &[cell_before, dy, dcell], &[gates, dgates])?;
    let (reads, writes) = ([gates, cell, cell_before, dy], [dgates, dcell]);
    backend.launch(Launch { kernel: "lstm.backward", reads: &reads, writes: &writes, sizes: &[], scalars: &[] })
}

/// All have the cell's batch; the first kind as many numbers in a sample as the cell, the second four times as many.
fn check(cell: &Tensor, units: &[&Tensor], gates: &[&Tensor]) -> Result<()> {
    let cell = cell.shape();
    for (tensors, times) in [(units, 1), (gates, 4)] {
        for shape in tensors.iter().map(|tensor| tensor.shape()) {
            if shape.batch() != cell.batch() || shape.sample_len() != times * cell.sample_len() {
                return Err(Error::Value {
                    what: "the shape of an operand of an LSTM step".into(),
                    found: shape.to_string(),
                    expected: format!("{} samples of {} numbers", cell.batch(), times * cell.sample_len()),
                });
            }
        }
    }
    Ok(())
}
