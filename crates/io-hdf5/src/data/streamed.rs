//! A data set larger than memory: windows of neighbouring rows are read into pools, and samples are drawn from those.
//!
//! An epoch permutes all windows of all files; as many as fit make a pool, whose rows are permuted together. So a batch mixes
//! rows from many places, while the disk sees reads of megabytes only. Single rows at random would mix better and are cheap
//! where the file is in the page cache, but a file larger than memory is not, and compressed chunks would be unpacked once for
//! each row. While one pool is used up, the next is read window by window, so that no batch waits for a whole pool.

use super::{
    catalog::{Catalog, Window},
    order::{AS_IN_FILES, Cursor, Order},
    reader::{Files, Reader, buffers, copy_sample},
};
use crate::{Error, Result};
use core_tensor::Element;
use std::sync::Arc;

/// The most memory of one pool, in bytes; there are two. More would shuffle better, but not by much.
const POOL_BYTES: u64 = 1 << 27;
/// A pool gets at most this share of the layer's memory; the rest is for unpacking.
const POOL_SHARE: u64 = 4;
/// Windows in a pool, where chunks are small enough.
const WINDOWS_IN_POOL: usize = 16;

/// Samples from files, by way of two pools.
pub(crate) struct Streamed<T> {
    files: Files,
    order: Order,
    windows: Vec<Window>,
    /// The most rows of a pool.
    pool_rows: usize,
    seed: u64,
    /// The windows in the order of `plan_epoch`.
    plan: Vec<u32>,
    plan_epoch: Option<u64>,
    current: Pool<T>,
    /// Rows taken from `current`.
    taken: usize,
    ahead: Pool<T>,
}

/// Rows of some windows, and the order in which they are drawn.
struct Pool<T> {
    epoch: u64,
    /// The windows in it: a range of the epoch's plan.
    first: usize,
    windows: Vec<Window>,
    /// How many windows have been read.
    read: usize,
    /// How many rows those have.
    filled: usize,
    rows: usize,
    permutation: Vec<u32>,
    values: Vec<Vec<T>>,
}

impl<T: Element> Streamed<T> {
    pub(crate) fn new(catalog: Arc<Catalog>, order: Order, memory_limit: u64) -> Result<Self> {
        let row_bytes = (catalog.sample_len() * size_of::<T>()).max(1) as u64;
        let pool_bytes = POOL_BYTES.min(memory_limit / POOL_SHARE);
        let pool_rows = usize::try_from(pool_bytes / row_bytes).unwrap_or(usize::MAX);
        let windows = catalog.windows(pool_rows / WINDOWS_IN_POOL);
        if let Some(window) = windows.iter().find(|window| window.rows > pool_rows) {
            let bytes = |rows: usize| (rows as u64).saturating_mul(row_bytes);
            let needed = bytes(window.rows).saturating_mul(POOL_SHARE).min(bytes(catalog.samples));
            let file = catalog.files[window.file].path.display();
            return Err(Error::Value {
                what: "memory_limit",
                found: format!("{memory_limit} bytes"),
                expected: if bytes(window.rows) > POOL_BYTES {
                    format!(
                        "a file whose chunks fit into {POOL_BYTES} bytes; write {file} again with smaller or no chunks"
                    )
                } else {
                    format!("at least {needed}, since {file} keeps {} samples together", window.rows)
                },
            });
        }
        let files = Files::new(catalog);
        let pool_rows = pool_rows.min(files.catalog.samples);
        let (current, ahead) = (Pool::new(&files.catalog, pool_rows)?, Pool::new(&files.catalog, pool_rows)?);
        Ok(Streamed {
            files,
            order,
            windows,
            pool_rows,
            seed: 0,
            plan: Vec::new(),
            plan_epoch: None,
            current,
            taken: 0,
            ahead,
        })
    }

    /// Finishes reading the pool ahead, makes it the current one, and starts the one after it.
    fn swap(&mut self) -> Result<()> {
        while self.ahead.read < self.ahead.windows.len() {
            self.ahead.read_window(&mut self.files)?;
        }
        std::mem::swap(&mut self.current, &mut self.ahead);
        self.taken = 0;
        self.prepare_ahead(self.current.epoch, self.current.first + self.current.windows.len());
        Ok(())
    }

    /// Chooses the windows of the pool ahead: those of the epoch's plan from `first` on, or the next epoch's first ones.
    fn prepare_ahead(&mut self, mut epoch: u64, mut first: usize) {
        if first >= self.windows.len() {
            (epoch, first) = (epoch + 1, 0);
        }
        if self.plan_epoch != Some(epoch) {
            self.order.of_epoch(self.seed, epoch, self.windows.len(), &mut self.plan);
            self.plan_epoch = Some(epoch);
        }
        let pool = &mut self.ahead;
        (pool.epoch, pool.first, pool.read, pool.filled, pool.rows) = (epoch, first, 0, 0, 0);
        pool.windows.clear();
        for window in self.plan[first..].iter().map(|&index| self.windows[index as usize]) {
            if pool.rows + window.rows > self.pool_rows {
                break;
            }
            pool.windows.push(window);
            pool.rows += window.rows;
        }
        self.order.of_part(self.seed, epoch, first, pool.rows, &mut pool.permutation);
    }
}

impl<T: Element> Reader<T> for Streamed<T> {
    fn order_name(&self) -> String {
        if self.order.shuffle {
            format!("{} windows shuffled, then {} samples at a time", self.windows.len(), self.pool_rows)
        } else {
            AS_IN_FILES.into()
        }
    }

    fn rows_at_once(&self) -> usize {
        self.windows.iter().map(|window| window.rows).max().unwrap_or(0)
    }

    fn seek(&mut self, cursor: Cursor) -> Result<()> {
        (self.seed, self.plan_epoch) = (cursor.seed, None);
        // From pool to pool, without reading, to the one that the position is in.
        let mut before = 0;
        self.prepare_ahead(cursor.epoch, 0);
        while self.ahead.epoch == cursor.epoch && before + self.ahead.rows <= cursor.position {
            before += self.ahead.rows;
            self.prepare_ahead(cursor.epoch, self.ahead.first + self.ahead.windows.len());
        }
        self.swap()?;
        self.taken = cursor.position - before;
        Ok(())
    }

    fn next(&mut self, row: usize, tops: &mut [Vec<T>]) -> Result<()> {
        if self.taken >= self.current.rows {
            self.swap()?;
        }
        let from = self.current.permutation[self.taken] as usize;
        copy_sample(&self.files.catalog, &self.current.values, from, row, tops);
        self.taken += 1;
        // The next pool is read in step with the use of this one.
        if self.ahead.read * self.current.rows < self.taken * self.ahead.windows.len() {
            self.ahead.read_window(&mut self.files)?;
        }
        Ok(())
    }
}

impl<T: Element> Pool<T> {
    fn new(catalog: &Catalog, rows: usize) -> Result<Self> {
        Ok(Pool {
            epoch: 0,
            first: 0,
            windows: Vec::new(),
            read: 0,
            filled: 0,
            rows: 0,
            permutation: Vec::new(),
            values: buffers(catalog, rows)?,
        })
    }

    fn read_window(&mut self, files: &mut Files) -> Result<()> {
        let window = self.windows[self.read];
        files.read(window, self.filled, &mut self.values)?;
        self.read += 1;
        self.filled += window.rows;
        Ok(())
    }
}
