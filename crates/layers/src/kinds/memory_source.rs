//! Where the numbers of a `MemoryData` layer come from: an array for each top, of which any samples make a batch.

use super::{HostArray, Transformer};
use crate::Result;
use core_tensor::{Element, Tensor};
use ndarray::{ArcArray, IxDyn};

/// One top and where its numbers come from.
pub(super) struct Source {
    pub(super) name: String,
    pub(super) top: Tensor,
    pub(super) buffer: Buffer,
    pub(super) transformers: Vec<Transformer>,
}

impl Source {
    /// Writes these samples of the array into the top, changed by the transformers.
    pub(super) fn deliver(&mut self, rows: &[usize]) -> Result<()> {
        let Source { top, buffer, transformers, .. } = self;
        match buffer {
            Buffer::F32(array, batch) => deliver(array.as_slice().unwrap_or_default(), rows, batch, transformers, top),
            Buffer::F64(array, batch) => deliver(array.as_slice().unwrap_or_default(), rows, batch, transformers, top),
        }
    }
}

/// An array, and room for a batch of samples that do not stand side by side in it.
pub(super) enum Buffer {
    F32(ArcArray<f32, IxDyn>, Vec<f32>),
    F64(ArcArray<f64, IxDyn>, Vec<f64>),
}

impl Buffer {
    pub(super) fn new(array: HostArray, batch_size: usize) -> Self {
        let room = batch_size * array.shape().iter().skip(1).product::<usize>();
        match array {
            HostArray::F32(array) => Buffer::F32(array, Vec::with_capacity(room)),
            HostArray::F64(array) => Buffer::F64(array, Vec::with_capacity(room)),
        }
    }

    pub(super) fn shape(&self) -> &[usize] {
        match self {
            Buffer::F32(array, _) => array.shape(),
            Buffer::F64(array, _) => array.shape(),
        }
    }
}

fn deliver<T: Element>(
    array: &[T],
    rows: &[usize],
    batch: &mut Vec<T>,
    transformers: &[Transformer],
    top: &Tensor,
) -> Result<()> {
    let length = top.shape().sample_len();
    let side_by_side = transformers.is_empty() && rows.windows(2).all(|pair| pair[1] == pair[0] + 1);
    if let (true, Some(&first)) = (side_by_side, rows.first()) {
        return Ok(top.write(&array[first * length..(first + rows.len()) * length])?);
    }
    batch.clear();
    for &row in rows {
        batch.extend_from_slice(&array[row * length..(row + 1) * length]);
    }
    for sample in batch.chunks_exact_mut(length) {
        transformers.iter().for_each(|transformer| transformer.apply(sample));
    }
    Ok(top.write(batch)?)
}
