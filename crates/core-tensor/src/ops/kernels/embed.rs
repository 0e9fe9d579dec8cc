//! Rows of a table chosen by index.

use crate::{Backend, Error, Launch, Result, Tensor, ops::Gradient};

/// `y[n, p, ..] = table[index[n, p], ..]`: for each index a row of the table (rows, width). `bad`, one number, gets how many
/// indices are none (negative, fractional, too large or NaN); for those y gets zeros.
///
/// Kernel `embed.forward`: reads index, table; writes y, bad.
pub fn embed_forward(backend: &dyn Backend, index: &Tensor, table: &Tensor, y: &Tensor, bad: &Tensor) -> Result<()> {
    check(index, table, y)?;
    let (reads, writes) = ([index, table], [y, bad]);
    backend.launch(Launch { kernel: "embed.forward", reads: &reads, writes: &writes, sizes: &[], scalars: &[] })
}

/// `gradient[row, ..]` gets the sum of `dy[n, p, ..]` over all places whose index is the row, in their order.
///
/// Kernel `embed.backward`: reads index, dy; writes the gradient; sizes whether to add to what is there.
pub fn embed_backward(backend: &dyn Backend, index: &Tensor, dy: &Tensor, gradient: Gradient<'_>) -> Result<()> {
    check(index, gradient.target, dy)?;
    let (reads, writes, sizes) = ([index, dy], [gradient.target], [usize::from(gradient.add)]);
    backend.launch(Launch { kernel: "embed.backward", reads: &reads, writes: &writes, sizes: &sizes, scalars: &[] })
}

fn check(index: &Tensor, table: &Tensor, y: &Tensor) -> Result<()> {
    let (rows, width) = (table.shape().batch(), table.shape().sample_len());
    let (found, wanted) = (y.shape(), index.shape());
    if rows > 0 && found.batch() == wanted.batch() && found.sample_len() == wanted.sample_len() * width {
        return Ok(());
    }
    Err(Error::Value {
        what: "the embedding's blob".into(),
        found: format!("{found} for indices of shape {wanted}"),
        expected: format!("{width} numbers for each index, a row of the table of shape {}", table.shape()),
    })
}
