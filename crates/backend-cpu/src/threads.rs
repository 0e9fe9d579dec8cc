//! A small thread pool: fork, join, and nothing that changes results.
//!
//! Work is cut into *items* by its shape alone, never by the number of threads; each item computes its part of the result in
//! a fixed order, and threads only decide who computes which item. So one thread and sixteen give the same bits.
//!
//! A training iteration forks some thirty times for work of 20 to 400 microseconds, which decides the design: workers spin a
//! while before they park, the caller works too, and a worker that wakes up late is not waited for. rayon was rejected for
//! this one place: it parks at once, and waking a thread takes longer than many of our items.

use std::{
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    slice,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    thread::{self, JoinHandle},
};

/// How often a worker looks for work before it parks: some 50 microseconds.
const SPINS: u32 = 1 << 11;

/// Threads that share the items of one job at a time.
pub(crate) struct Pool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    /// Held for the length of a job, so that two nets on two threads take turns.
    turn: Mutex<()>,
}

struct Shared {
    /// Counts jobs; a worker that sees a new number looks whether it can help.
    generation: AtomicU64,
    /// Whether `job` may be read.
    open: AtomicBool,
    /// Workers that are between entering and leaving. `job` is changed only while `open` is false and this is zero.
    inside: AtomicUsize,
    /// The job; null between jobs.
    job: Mutex<Option<Job>>,
    next: AtomicUsize,
    parked: AtomicUsize,
    stop: AtomicBool,
    panicked: AtomicBool,
}

/// A borrowed closure with its lifetime erased, and how many items it has.
#[derive(Clone, Copy)]
struct Job {
    body: *const (dyn Fn(usize, usize) + Sync),
    items: usize,
}

// SAFETY: the pointer is to a `Sync` closure, and is used only while `Pool::run` keeps the closure alive.
#[allow(unsafe_code)]
unsafe impl Send for Job {}

impl Pool {
    /// A pool that computes on `threads` threads, the caller's included.
    pub(crate) fn new(threads: usize) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            generation: AtomicU64::new(0),
            open: AtomicBool::new(false),
            inside: AtomicUsize::new(0),
            job: Mutex::new(None),
            next: AtomicUsize::new(0),
            parked: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
            panicked: AtomicBool::new(false),
        });
        let mut pool = Pool { shared, workers: Vec::new(), turn: Mutex::new(()) };
        for index in 1..threads.max(1) {
            let shared = Arc::clone(&pool.shared);
            let worker = thread::Builder::new().name(format!("crema-{index}")).spawn(move || shared.work(index))?;
            pool.workers.push(worker);
        }
        Ok(pool)
    }

    /// Threads that compute, the caller's included.
    pub(crate) fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Runs `body(worker, item)` once for each item, on any worker (`worker < threads()`), and returns when all are done.
    pub(crate) fn run(&self, items: usize, body: impl Fn(usize, usize) + Sync) {
        if items <= 1 || self.workers.is_empty() {
            (0..items).for_each(|item| body(0, item));
            return;
        }
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let body: &(dyn Fn(usize, usize) + Sync) = &body;
        // SAFETY: only the lifetime changes. `finish` below, which also runs when `body` panics here, returns only after the
        // job is closed and every worker has left it, so no worker uses the pointer after `body` is gone.
        #[allow(unsafe_code)]
        let body: *const (dyn Fn(usize, usize) + Sync) = unsafe { std::mem::transmute(body) };
        let job = Job { body, items };
        self.shared.start(job, &self.workers);
        let outcome = catch_unwind(AssertUnwindSafe(|| self.shared.take_items(job, 0)));
        self.shared.finish();
        if let Err(panic) = outcome {
            resume_unwind(panic);
        }
        if self.shared.panicked.swap(false, SeqCst) {
            resume_unwind(Box::new("a worker thread of the CPU backend panicked; its message is above"));
        }
    }

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
        let pieces_per_row = row.div_ceil(piece);
        let claims = claims.cleared(data.len().div_ceil(row) * pieces_per_row);
        let pieces = Pieces { parts: Parts::new(data), row, piece, pieces_per_row, claims };
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
        let pieces_per_row = row.div_ceil(piece);
        let count = a.len().div_ceil(row) * pieces_per_row;
        let (claims_a, claims_b) = claims.cleared(2 * count).split_at(count);
        let a = Pieces { parts: Parts::new(a), row, piece, pieces_per_row, claims: claims_a };
        let b = Pieces { parts: Parts::new(b), row, piece, pieces_per_row, claims: claims_b };
        self.run(items, |worker, item| body(worker, item, &a, &b));
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.stop.store(true, SeqCst);
        self.shared.generation.fetch_add(1, SeqCst);
        for worker in self.workers.drain(..) {
            worker.thread().unpark();
            // A worker catches its jobs' panics, so it ends well.
            let _ = worker.join();
        }
    }
}

impl Shared {
    fn start(&self, job: Job, workers: &[JoinHandle<()>]) {
        *self.job.lock().unwrap_or_else(PoisonError::into_inner) = Some(job);
        self.next.store(0, SeqCst);
        self.open.store(true, SeqCst);
        self.generation.fetch_add(1, SeqCst);
        if self.parked.load(SeqCst) > 0 {
            workers.iter().for_each(|worker| worker.thread().unpark());
        }
    }

    /// Closes the job and waits until no worker is inside it.
    fn finish(&self) {
        self.open.store(false, SeqCst);
        let mut spins = 0u32;
        while self.inside.load(SeqCst) > 0 {
            pause(&mut spins);
        }
    }

    fn take_items(&self, job: Job, worker: usize) {
        loop {
            let item = self.next.fetch_add(1, SeqCst);
            if item >= job.items {
                return;
            }
            // SAFETY: the job is open or this worker is counted in `inside` (or is the caller itself), so `Pool::run` has not
            // returned and the closure is alive.
            #[allow(unsafe_code)]
            unsafe {
                (*job.body)(worker, item);
            }
        }
    }

    /// A worker's life.
    fn work(&self, index: usize) {
        let mut seen = 0;
        while !self.stop.load(SeqCst) {
            seen = self.wait_for_generation_after(seen);
            self.inside.fetch_add(1, SeqCst);
            // Seen open *after* entering: the job stays until this worker leaves.
            if self.open.load(SeqCst) {
                let job = *self.job.lock().unwrap_or_else(PoisonError::into_inner);
                let outcome = job.map(|job| catch_unwind(AssertUnwindSafe(|| self.take_items(job, index))));
                if matches!(outcome, Some(Err(_))) {
                    self.panicked.store(true, SeqCst);
                }
            }
            self.inside.fetch_sub(1, SeqCst);
        }
    }

    fn wait_for_generation_after(&self, seen: u64) -> u64 {
        for _ in 0..SPINS {
            let generation = self.generation.load(SeqCst);
            if generation != seen {
                return generation;
            }
            std::hint::spin_loop();
        }
        self.parked.fetch_add(1, SeqCst);
        loop {
            let generation = self.generation.load(SeqCst);
            if generation != seen {
                self.parked.fetch_sub(1, SeqCst);
                return generation;
            }
            // A wake-up between the look and the park is not lost: unpark leaves a token.
            thread::park();
        }
    }
}

/// Spins at first, then lets others have the core.
fn pause(spins: &mut u32) {
    *spins += 1;
    if *spins < SPINS { std::hint::spin_loop() } else { thread::yield_now() }
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

/// Pieces of a slice, each of which can be taken once in a run. The check at run time is what lets kernels whose items write
/// scattered pieces stay safe code.
pub(crate) struct Pieces<'a, T> {
    parts: Parts<T>,
    row: usize,
    piece: usize,
    pieces_per_row: usize,
    claims: &'a [AtomicBool],
}

impl<T> Pieces<'_, T> {
    /// Piece `index` of row `row`, exclusively.
    #[allow(clippy::mut_from_ref)]
    pub(crate) fn take(&self, row: usize, index: usize) -> &mut [T] {
        assert!(index < self.pieces_per_row, "piece {index} of {}", self.pieces_per_row);
        let taken = self.claims[row * self.pieces_per_row + index].swap(true, SeqCst);
        assert!(!taken, "piece {index} of row {row} was taken twice");
        let start = row * self.row + index * self.piece;
        let end = (start + self.piece).min((row + 1) * self.row).min(self.parts.length);
        // SAFETY: each piece is taken once, as just checked, and pieces do not overlap.
        #[allow(unsafe_code)]
        unsafe {
            self.parts.get(start..end)
        }
    }
}

/// One value for each worker, e.g. scratch memory. The locks are never waited for: a worker runs one item at a time.
pub(crate) struct PerWorker<T>(Vec<Mutex<T>>);

impl<T> PerWorker<T> {
    pub(crate) fn new<E>(pool: &Pool, make: impl FnMut() -> Result<T, E>) -> Result<Self, E> {
        let values = std::iter::repeat_with(make).take(pool.threads()).collect::<Result<Vec<T>, E>>()?;
        Ok(PerWorker(values.into_iter().map(Mutex::new).collect()))
    }

    /// The value of `worker`, exclusively.
    pub(crate) fn lock(&self, worker: usize) -> MutexGuard<'_, T> {
        self.0[worker].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reusable marks for [`Pieces`], so that the training loop does not allocate.
#[derive(Default)]
pub(crate) struct Claims(Vec<AtomicBool>);

impl Claims {
    fn cleared(&mut self, count: usize) -> &[AtomicBool] {
        if self.0.len() < count {
            self.0.resize_with(count, Default::default);
        }
        self.0[..count].iter_mut().for_each(|claim| *claim.get_mut() = false);
        &self.0[..count]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_runs_once_whatever_the_threads() {
        for threads in 1..=4 {
            let pool = Pool::new(threads).unwrap();
            for items in [0, 1, 2, 3, 1000] {
                let counts: Vec<AtomicUsize> = (0..items).map(|_| AtomicUsize::new(0)).collect();
                for _ in 0..50 {
                    pool.run(items, |worker, item| {
                        assert!(worker < threads);
                        counts[item].fetch_add(1, SeqCst);
                    });
                }
                assert!(counts.iter().all(|count| count.load(SeqCst) == 50));
            }
        }
    }

    #[test]
    fn chunks_and_pieces_cover_the_slice() {
        let pool = Pool::new(3).unwrap();
        let mut data = vec![0usize; 1001];
        pool.chunks(&mut data, 10, |index, chunk| chunk.iter_mut().for_each(|v| *v += index + 1));
        assert!(data.iter().enumerate().all(|(i, &v)| v == i / 10 + 1));
        // Rows of 143 in pieces of 20: the last piece of each row has 3.
        pool.pieces(&mut Claims::default(), &mut data, (143, 20), 7, |_, row, pieces| {
            (0..8).for_each(|index| pieces.take(row, index).fill(10 * row + index));
        });
        assert!(data.iter().enumerate().all(|(i, &v)| v == 10 * (i / 143) + i % 143 / 20));
    }

    #[test]
    fn a_panic_in_an_item_reaches_the_caller_and_the_pool_lives_on() {
        let pool = Pool::new(2).unwrap();
        for _ in 0..20 {
            let outcome = catch_unwind(AssertUnwindSafe(|| pool.run(8, |_, item| assert!(item != 5))));
            assert!(outcome.is_err());
            let sum = AtomicUsize::new(0);
            pool.run(8, |_, item| _ = sum.fetch_add(item, SeqCst));
            assert_eq!(sum.load(SeqCst), 28);
        }
    }

    #[test]
    fn a_piece_taken_twice_panics() {
        let pool = Pool::new(1).unwrap();
        let mut data = [0; 4];
        let twice =
            || pool.pieces(&mut Claims::default(), &mut data, (4, 1), 2, |_, _, pieces| pieces.take(0, 0).fill(1));
        assert!(catch_unwind(AssertUnwindSafe(twice)).is_err());
    }
}
