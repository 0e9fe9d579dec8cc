//! One sample after the other, in the order of the epochs.

use super::{
    catalog::{Catalog, Window},
    in_memory::InMemory,
    order::{Cursor, Order},
    streamed::Streamed,
};
use crate::{Dataset, Result};
use core_tensor::Element;
use std::{collections::HashMap, sync::Arc};

/// The most files that are kept open; each may hold the index of its chunks in memory.
const MAX_OPEN_FILES: usize = 8;

/// Delivers samples. Where a reader goes depends on nothing but the cursor that it was sent to.
pub(crate) trait Reader<T>: Send {
    /// How an epoch is ordered, in words; part of a snapshot, since a position means nothing in another order.
    fn order_name(&self) -> String;

    /// The most samples that [`Reader::next`] may stop to read at once; 0 if it only copies.
    fn rows_at_once(&self) -> usize;

    /// Goes to a place.
    ///
    /// # Errors
    /// The files cannot be read.
    fn seek(&mut self, cursor: Cursor) -> Result<()>;

    /// Copies the next sample into place `row` of each top.
    ///
    /// # Errors
    /// The files cannot be read. The reader must then be sent to a place again.
    fn next(&mut self, row: usize, tops: &mut [Vec<T>]) -> Result<()>;
}

/// The reader for a data set of this size; it reads nothing yet.
///
/// # Errors
/// `memory_limit` is too small even for streaming.
pub(crate) fn reader<T: Element>(catalog: Arc<Catalog>, order: Order, memory_limit: u64) -> Result<Box<dyn Reader<T>>> {
    let bytes = (catalog.sample_len() as u64 * size_of::<T>() as u64).saturating_mul(catalog.samples as u64);
    Ok(if bytes <= memory_limit {
        Box::new(InMemory::new(catalog, order))
    } else {
        Box::new(Streamed::new(catalog, order, memory_limit)?)
    })
}

/// The files of a catalog, some of them open.
pub(crate) struct Files {
    pub(crate) catalog: Arc<Catalog>,
    open: HashMap<usize, Vec<Dataset>>,
}

impl Files {
    pub(crate) fn new(catalog: Arc<Catalog>) -> Self {
        Files { catalog, open: HashMap::new() }
    }

    /// Reads a window's samples into place `row` and following of each top.
    pub(crate) fn read<T: Element>(&mut self, window: Window, row: usize, tops: &mut [Vec<T>]) -> Result<()> {
        if !self.open.contains_key(&window.file) {
            if self.open.len() >= MAX_OPEN_FILES {
                self.open.clear();
            }
            self.open.insert(window.file, self.catalog.open(window.file)?);
        }
        let arrays = &self.open[&window.file];
        for ((array, top), values) in arrays.iter().zip(&self.catalog.tops).zip(tops) {
            let target = &mut values[row * top.len..(row + window.rows) * top.len];
            array.read_rows(window.start, window.rows, target)?;
        }
        Ok(())
    }

    /// Closes all of them.
    pub(crate) fn close(&mut self) {
        self.open.clear();
    }
}

/// Copies sample `from` of one set of buffers to place `row` of another.
pub(crate) fn copy_sample<T: Copy>(
    catalog: &Catalog,
    source: &[Vec<T>],
    from: usize,
    row: usize,
    target: &mut [Vec<T>],
) {
    for ((top, source), target) in catalog.tops.iter().zip(source).zip(target) {
        let len = top.len;
        target[row * len..(row + 1) * len].copy_from_slice(&source[from * len..(from + 1) * len]);
    }
}

/// Buffers for `rows` samples.
///
/// # Errors
/// The memory cannot be had.
pub(crate) fn buffers<T: Element>(catalog: &Catalog, rows: usize) -> Result<Vec<Vec<T>>> {
    let buffer = |len: usize| {
        let mut values = Vec::new();
        let elements = len.saturating_mul(rows);
        values.try_reserve_exact(elements).map_err(|_| crate::Error::Value {
            what: "the memory for samples",
            found: format!("{elements} elements, which the system does not give"),
            expected: "less; choose a smaller memory_limit or batch_size".into(),
        })?;
        values.resize(elements, T::default());
        Ok(values)
    };
    catalog.tops.iter().map(|top| buffer(top.len)).collect()
}
