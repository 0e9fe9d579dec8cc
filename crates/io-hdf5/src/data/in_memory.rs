//! A data set that fits into memory: read once, then only copied.

use super::{
    catalog::Catalog,
    order::{AS_IN_FILES, Cursor, Order},
    reader::{Files, Reader, buffers, copy_sample},
};
use crate::Result;
use core_tensor::Element;
use std::sync::Arc;

/// Rows are converted in portions of this many elements, so that a compressed file needs little memory besides.
const PORTION: usize = 1 << 20;

/// All samples of all files, and the epoch's order.
pub(crate) struct InMemory<T> {
    files: Files,
    order: Order,
    /// By top: the samples one after the other. Empty until they are needed.
    values: Vec<Vec<T>>,
    permutation: Vec<u32>,
    /// The seed and the epoch that `permutation` is for.
    permuted: Option<(u64, u64)>,
    cursor: Cursor,
}

impl<T: Element> InMemory<T> {
    pub(crate) fn new(catalog: Arc<Catalog>, order: Order) -> Self {
        InMemory {
            files: Files::new(catalog),
            order,
            values: Vec::new(),
            permutation: Vec::new(),
            permuted: None,
            cursor: Cursor { seed: 0, epoch: 0, position: 0 },
        }
    }

    fn load(&mut self) -> Result<Vec<Vec<T>>> {
        let catalog = self.files.catalog.clone();
        let mut values = buffers(&catalog, catalog.samples)?;
        let mut row = 0;
        for window in catalog.windows(PORTION / catalog.sample_len().max(1)) {
            self.files.read(window, row, &mut values)?;
            row += window.rows;
        }
        self.files.close();
        Ok(values)
    }
}

impl<T: Element> Reader<T> for InMemory<T> {
    fn order_name(&self) -> String {
        if self.order.shuffle { "all samples shuffled".into() } else { AS_IN_FILES.into() }
    }

    fn rows_at_once(&self) -> usize {
        0
    }

    fn seek(&mut self, cursor: Cursor) -> Result<()> {
        self.cursor = cursor;
        if self.values.is_empty() {
            self.values = self.load()?;
        }
        Ok(())
    }

    fn next(&mut self, row: usize, tops: &mut [Vec<T>]) -> Result<()> {
        let Cursor { seed, epoch, position } = self.cursor;
        let samples = self.files.catalog.samples;
        if self.permuted != Some((seed, epoch)) {
            self.order.of_epoch(seed, epoch, samples, &mut self.permutation);
            self.permuted = Some((seed, epoch));
        }
        copy_sample(&self.files.catalog, &self.values, self.permutation[position] as usize, row, tops);
        self.cursor.advance(samples);
        Ok(())
    }
}
