//! Slices whose parts are handed to the items of a job: the bookkeeping that lets kernels be safe code.
//!
//! Where item `i` owns a chunk of its own, [`Pool::chunks`] knows that chunks do not overlap. Where items write pieces
//! scattered over a slice, [`Pieces`] checks at run time that none is taken twice; the marks for that are numbered by job, so
//! that nothing has to be cleared between two jobs.

use super::Pool;
use std::{
    ops::Range,
    slice,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

impl Pool {
    /// Cuts `data` into chunks of `length` and runs `body(chunk's index, chunk)` for each.
    pub(crate) fn chunks<T: Send>(&self, data: &mut [T], length: usize, body: impl Fn(usize, &mut [T]) + Sync) {
        let length = length.max(1);
        let items = data.len().div_ceil(length);
        let parts = Parts::new(data);
        self.run(items, |_, item| {
            let start = item * length;
            // SAFETY: each item is run once, and chunks of different items do not overlap.
            #[allow(unsafe_code)]
            let chunk = unsafe { parts.get(start..(start + length).min(parts.length)) };
            body(item, chunk);
        });
    }

    /// Like [`Pool::chunks`] over several slices of one length at once.
    pub(crate) fn chunks_of<T: Send, const N: usize>(
        &self,
        slices: [&mut [T]; N],
        length: usize,
        body: impl Fn(usize, [&mut [T]; N]) + Sync,
    ) {
        let (length, whole) = (length.max(1), slices.first().map_or(0, |slice| slice.len()));
        assert!(slices.iter().all(|slice| slice.len() == whole), "all slices are of one length");
        let parts = slices.map(Parts::new);
        self.run(whole.div_ceil(length), |_, item| {
            let start = item * length;
            // SAFETY: each item is run once, and chunks of different items do not overlap.
            #[allow(unsafe_code)]
            let chunks = std::array::from_fn(|n| unsafe { parts[n].get(start..(start + length).min(whole)) });
            body(item, chunks);
        });
    }

    /// Like [`Pool::chunks`] over two slices at once, with a length of its own for each.
    pub(crate) fn chunks2<A: Send, B: Send>(
        &self,
        (a, length_a): (&mut [A], usize),
        (b, length_b): (&mut [B], usize),
        body: impl Fn(usize, &mut [A], &mut [B]) + Sync,
    ) {
        let (length_a, length_b) = (length_a.max(1), length_b.max(1));
        let items = a.len().div_ceil(length_a);
        assert_eq!(items, b.len().div_ceil(length_b), "both slices have as many chunks");
        let (parts_a, parts_b) = (Parts::new(a), Parts::new(b));
        self.run(items, |_, item| {
            let (start_a, start_b) = (item * length_a, item * length_b);
            // SAFETY: each item is run once, and chunks of different items do not overlap.
            #[allow(unsafe_code)]
            let (chunk_a, chunk_b) = unsafe {
                (
                    parts_a.get(start_a..(start_a + length_a).min(parts_a.length)),
                    parts_b.get(start_b..(start_b + length_b).min(parts_b.length)),
                )
            };
            body(item, chunk_a, chunk_b);
        });
    }

    /// Cuts `data` into rows of `row` elements and each row into pieces of `piece` (the last may be shorter), and runs
    /// `body(worker, item, pieces)` for each of `items`: an item may take any pieces, none is taken twice.
    pub(crate) fn pieces<T: Send>(
        &self,
        claims: &mut Claims,
        data: &mut [T],
        (row, piece): (usize, usize),
        items: usize,
        body: impl Fn(usize, usize, &Pieces<'_, T>) + Sync,
    ) {
        let (row, piece) = (row.max(1), piece.max(1));
        let (rows, pieces_per_row) = (data.len().div_ceil(row), row.div_ceil(piece));
        let claims = claims.for_next_job(rows * pieces_per_row);
        let pieces = Pieces { parts: Parts::new(data), row, piece, rows, pieces_per_row, claims };
        self.run(items, |worker, item| body(worker, item, &pieces));
    }

    /// Like [`Pool::pieces`] over two slices of the same length.
    pub(crate) fn pieces2<A: Send, B: Send>(
        &self,
        claims: &mut Claims,
        (a, b): (&mut [A], &mut [B]),
        (row, piece): (usize, usize),
        items: usize,
        body: impl Fn(usize, usize, &Pieces<'_, A>, &Pieces<'_, B>) + Sync,
    ) {
        assert_eq!(a.len(), b.len(), "both slices have as many pieces");
        let (row, piece) = (row.max(1), piece.max(1));
        let (rows, pieces_per_row) = (a.len().div_ceil(row), row.div_ceil(piece));
        let [claims_a, claims_b] = claims.for_next_job(2 * rows * pieces_per_row).halves();
        let a = Pieces { parts: Parts::new(a), row, piece, rows, pieces_per_row, claims: claims_a };
        let b = Pieces { parts: Parts::new(b), row, piece, rows, pieces_per_row, claims: claims_b };
        self.run(items, |worker, item| body(worker, item, &a, &b));
    }
}

/// A mutable slice that several threads use in disjoint parts.
struct Parts<T> {
    base: *mut T,
    length: usize,
}

// SAFETY: `Parts` hands out disjoint `&mut` parts only (see the callers of `get`), which may cross threads if `T` may.
#[allow(unsafe_code)]
unsafe impl<T: Send> Sync for Parts<T> {}

impl<T> Parts<T> {
    fn new(data: &mut [T]) -> Self {
        Parts { base: data.as_mut_ptr(), length: data.len() }
    }

    /// # Safety
    /// No two parts that are alive at the same time may overlap, and none may outlive the slice.
    #[allow(unsafe_code, clippy::mut_from_ref)]
    unsafe fn get(&self, range: Range<usize>) -> &mut [T] {
        assert!(range.start <= range.end && range.end <= self.length, "{range:?} of {}", self.length);
        // SAFETY: within the slice by the assertion; exclusive by the caller's promise.
        unsafe { slice::from_raw_parts_mut(self.base.add(range.start), range.len()) }
    }
}

/// Pieces of a slice, each of which can be taken once in a job.
pub(crate) struct Pieces<'a, T> {
    parts: Parts<T>,
    row: usize,
    piece: usize,
    rows: usize,
    pieces_per_row: usize,
    claims: JobClaims<'a>,
}

impl<T> Pieces<'_, T> {
    /// Piece `index` of row `row`, exclusively.
    #[allow(clippy::mut_from_ref)]
    pub(crate) fn take(&self, row: usize, index: usize) -> &mut [T] {
        assert!(row < self.rows && index < self.pieces_per_row, "piece {index} of row {row} does not exist");
        // Column by column: an item often takes one column, and threads should not write to each other's cache lines.
        let first_time = self.claims.claim(index * self.rows + row);
        assert!(first_time, "piece {index} of row {row} was taken twice");
        let start = row * self.row + index * self.piece;
        let end = (start + self.piece).min((row + 1) * self.row).min(self.parts.length);
        // SAFETY: each piece is taken once, as just checked, and pieces do not overlap.
        #[allow(unsafe_code)]
        unsafe {
            self.parts.get(start..end)
        }
    }
}

/// Reusable marks for [`Pieces`], so that the training loop does not allocate: for each piece the number of the last job that
/// took it.
#[derive(Default)]
pub(crate) struct Claims {
    marks: Vec<AtomicU32>,
    job: u32,
}

/// The marks as one job uses them.
struct JobClaims<'a> {
    marks: &'a [AtomicU32],
    job: u32,
}

impl Claims {
    fn for_next_job(&mut self, count: usize) -> JobClaims<'_> {
        if self.job == u32::MAX {
            self.marks.clear();
            self.job = 0;
        }
        self.job += 1;
        if self.marks.len() < count {
            self.marks.resize_with(count, Default::default);
        }
        JobClaims { marks: &self.marks[..count], job: self.job }
    }
}

impl JobClaims<'_> {
    /// The same job's marks for the pieces of two slices.
    fn halves(&self) -> [Self; 2] {
        let (a, b) = self.marks.split_at(self.marks.len() / 2);
        [a, b].map(|marks| JobClaims { marks, job: self.job })
    }

    /// Whether this is the job's first claim of the piece. The order of other memory does not hang on it: pieces are handed
    /// out before the job starts and taken back when it ends.
    fn claim(&self, piece: usize) -> bool {
        self.marks[piece].swap(self.job, Relaxed) != self.job
    }
}
