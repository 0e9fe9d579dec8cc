//! Transposing a matrix of parameters.

use crate::{Backend, Error, Launch, Result, Role, Shape, Tensor};

/// `y = xᵀ` for parameters of two axes.
///
/// Kernel `transpose.matrix`: reads x; writes y.
pub fn transpose(backend: &dyn Backend, x: &Tensor, y: &Tensor) -> Result<()> {
    let shape = x.shape();
    if shape.rank() != 2 || x.role() != Role::Param || y.role() != Role::Param {
        return Err(Error::Value {
            what: "the operands of a transposition".into(),
            found: format!("{x:?} and {y:?}"),
            expected: "two parameters with two axes".into(),
        });
    }
    let expected = Shape::new(&[shape.axis(1), shape.axis(0)])?;
    if y.shape() != expected {
        return Err(Error::Shape { operation: "transposition", what: "the result", found: y.shape(), expected });
    }
    backend.launch(Launch { kernel: "transpose.matrix", reads: &[x], writes: &[y], sizes: &[], scalars: &[] })
}
