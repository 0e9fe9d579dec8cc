//! A blob and its parts along one axis: `Concat` makes the whole from the parts, `Slice` the parts from the whole, and
//! gradients go the other way.

use crate::{Blob, Error, Pass, Result};
use core_tensor::{Backend, Tensor, ops::kernels};

/// A whole and its parts, in order.
pub(super) struct Parts {
    pub(super) axis: usize,
    pub(super) whole: Blob,
    pub(super) parts: Vec<Blob>,
}

impl Parts {
    /// Copies the parts into the whole; `pick` says whether that is data or gradients. What has none is left out.
    pub(super) fn join(&self, backend: &dyn Backend, pick: fn(&Blob) -> Option<&Tensor>) -> Result<()> {
        let Some(whole) = pick(&self.whole) else { return Ok(()) };
        for (start, count, part) in self.ranges() {
            if let Some(part) = pick(part) {
                kernels::copy_range(backend, self.axis, (part, 0), (whole, start), count)?;
            }
        }
        Ok(())
    }

    /// Copies the whole into the parts.
    pub(super) fn cut(&self, backend: &dyn Backend, pick: fn(&Blob) -> Option<&Tensor>) -> Result<()> {
        let Some(whole) = pick(&self.whole) else { return Ok(()) };
        for (start, count, part) in self.ranges() {
            if let Some(part) = pick(part) {
                kernels::copy_range(backend, self.axis, (whole, start), (part, 0), count)?;
            }
        }
        Ok(())
    }

    /// Start and length of each part.
    fn ranges(&self) -> impl Iterator<Item = (usize, usize, &Blob)> {
        self.parts.iter().scan(0, |next, part| {
            let (start, count) = (*next, part.data.shape().axis(self.axis));
            *next += count;
            Some((start, count, part))
        })
    }

    /// Along the batch the samples that count must be all of `batch`, since they would not be the first ones any more; then all
    /// samples of what is made count.
    pub(super) fn count_samples(&self, pass: &mut Pass<'_>, batch: usize) -> Result<()> {
        if self.axis > 0 {
            return Ok(());
        }
        if pass.samples < batch {
            return Err(Error::Value {
                what: "the number of samples in this batch".into(),
                found: pass.samples.to_string(),
                expected: format!(
                    "{batch}, a full batch, since blobs are joined or cut along the batch axis; choose a batch size that \
                     divides the number of samples"
                ),
            });
        }
        pass.samples = usize::MAX;
        Ok(())
    }
}

/// A blob's data, for [`Parts::join`] and [`Parts::cut`].
pub(super) fn data(blob: &Blob) -> Option<&Tensor> {
    Some(&blob.data)
}

/// A blob's gradient.
pub(super) fn diff(blob: &Blob) -> Option<&Tensor> {
    blob.diff.as_ref()
}
