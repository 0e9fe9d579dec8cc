//! Copying a range along one axis: what joins blobs and cuts them.

use super::only_blobs;
use crate::{Backend, Error, Launch, Result, Shape, Tensor};

/// Copies `count` positions along `axis` from `x`, beginning at `from`, to `y`, beginning at `to`; the rest of `y` stays as it
/// is. The blobs have the same size along all other axes. Axis 0 is the batch.
///
/// Kernel `range.copy`: reads x; writes y; sizes axis, from, to, count.
pub fn copy_range(
    backend: &dyn Backend,
    axis: usize,
    x: (&Tensor, usize),
    y: (&Tensor, usize),
    count: usize,
) -> Result<()> {
    let ((x, from), (y, to)) = (x, y);
    only_blobs("copying a range", &[x, y])?;
    let (source, target) = (x.shape(), y.shape());
    let fits = |shape: Shape, start: usize| axis < shape.rank() && start + count <= shape.axis(axis);
    if !fits(source, from) || !fits(target, to) {
        return Err(Error::Value {
            what: format!("the range along axis {axis}"),
            found: format!("{count} from {from} of {source} to {to} of {target}"),
            expected: "a range that lies within both blobs".into(),
        });
    }
    let expected = source.with_axis(axis, target.axis(axis))?;
    if target != expected {
        return Err(Error::Shape { operation: "copying a range", what: "the target", found: target, expected });
    }
    let sizes = [axis, from, to, count];
    backend.launch(Launch { kernel: "range.copy", reads: &[x], writes: &[y], sizes: &sizes, scalars: &[] })
}
