//! A small thread pool: fork, join, and nothing that changes results.
//!
//! Work is cut into *items* by its shape alone, never by the number of threads; each item computes its part of the result in
//! a fixed order, and threads only decide who computes which item. So one thread and sixteen give the same bits.
//!
//! A training iteration forks some thirty times for work of 20 to 400 microseconds, which decides the design: workers spin a
//! while before they sleep, the caller works too, and a worker that wakes up late is not waited for. rayon was rejected for
//! this one place: it parks at once, and waking a thread takes longer than many of our items.
//!
//! Where other processes want the cores too, or there are more threads than cores, spinning is the wrong thing: it keeps the
//! very thread from running that is waited for. So every thread learns from its last waits how long to spin ([`Patience`]).
//!
//! # Why it is sound
//!
//! A job's body is a closure on its caller's stack; [`Job`] points to it. Two words decide who may use the pointer:
//!
//! - `tickets` says how many items there are and how many are claimed. A thread claims an item by adding one; the sum that it
//!   gets back says whether there was one left. Only the holder of an item uses the pointer.
//! - `pending` counts the items that are not reported as done. A thread reports the items that it claimed when none is left
//!   to claim, so whoever holds an item keeps `pending` above zero. `Pool::run` returns, and the next job replaces the
//!   pointer, only when `pending` is zero: nobody holds an item then.
//!
//! A thread that comes late finds no item left, touches nothing else, and is not waited for. If it comes so late that its
//! claim falls into the next job, it holds an item of that job, and the same holds for that one.
//!
//! Orderings: `run` stores pointer and `pending` before it publishes `tickets` (release), and a claim acquires, so the holder
//! of an item sees both and whatever the caller wrote before. A report releases, and the caller's last look at `pending`
//! acquires, so the caller sees what all items wrote. The additions in between are read-modify-writes, which continue the
//! release sequence. What keeps sleepers from missing a wake-up stands where they sleep.

mod slices;

pub(crate) use slices::{Claims, Pieces};

use std::{
    any::Any,
    hint, mem,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{
            AtomicBool, AtomicPtr, AtomicU64, AtomicUsize,
            Ordering::{AcqRel, Acquire, Relaxed, SeqCst},
        },
    },
    thread::{self, JoinHandle},
};

/// Threads that share the items of one job at a time.
pub(crate) struct Pool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    /// Held for the length of a job: how long its caller spins.
    turn: Mutex<Patience>,
}

/// What a job does: `body(worker, item)`.
type Body<'a> = &'a (dyn Fn(usize, usize) + Sync + 'a);

#[derive(Default)]
struct Shared {
    job: Line<Job>,
    idle: Line<Idle>,
    /// A panic of one of the job's items.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    /// Where the caller sleeps until nothing is pending.
    asleep: Mutex<()>,
    all_done: Condvar,
}

/// A cache line of its own, so that writing one word does not take the others away from their readers; two lines, since
/// processors fetch them in pairs.
#[derive(Default)]
#[repr(align(128))]
struct Line<T>(T);

#[derive(Default)]
struct Job {
    /// `items << 32 | claimed`; `claimed` runs past `items` by at most one for each thread.
    tickets: AtomicU64,
    /// Items that are not reported as done, and [`CALLER_SLEEPS`].
    pending: AtomicUsize,
    /// Valid for whoever holds an item.
    body: AtomicPtr<Body<'static>>,
}

/// What matters to workers without work.
#[derive(Default)]
struct Idle {
    sleepers: AtomicUsize,
    stop: AtomicBool,
}

/// Added to `pending` while the caller sleeps.
const CALLER_SLEEPS: usize = 1 << (usize::BITS - 1);
/// What `tickets` and `pending` have room for; a job with more items is done by its caller alone.
const MOST_ITEMS: usize = 1 << 31;

impl Pool {
    /// A pool that computes on `threads` threads, the caller's included.
    pub(crate) fn new(threads: usize) -> std::io::Result<Self> {
        let mut pool = Pool { shared: Arc::default(), workers: Vec::new(), turn: Mutex::default() };
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

    /// Runs `body(worker, item)` once for each item, on any worker (`worker < threads()`), and returns when all are done. If
    /// an item panics, the panic goes on here when the others are done.
    ///
    /// While the workers are at another caller's job, this one computes alone: two nets on two threads do not wait for each
    /// other.
    pub(crate) fn run(&self, items: usize, body: impl Fn(usize, usize) + Sync) {
        let alone = || (0..items).for_each(|item| body(0, item));
        if self.workers.is_empty() || !(2..MOST_ITEMS).contains(&items) {
            return alone();
        }
        let Ok(mut patience) = self.turn.try_lock() else { return alone() };
        let body: Body<'_> = &body;
        self.shared.start((&raw const body).cast(), items, &self.workers);
        // Neither panics, so this frame, in which the closure lives, is not left before the job is done.
        self.shared.take_items(0);
        self.shared.wait_until_done(&mut patience);
        let panic = lock(&self.shared.panic).take();
        drop(patience);
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.idle.0.stop.store(true, SeqCst);
        for worker in self.workers.drain(..) {
            worker.thread().unpark();
            // A worker catches its items' panics, so it ends well.
            let _ = worker.join();
        }
    }
}

impl Shared {
    /// Publishes a job and wakes as many workers as it has use for.
    fn start(&self, body: *const Body<'static>, items: usize, workers: &[JoinHandle<()>]) {
        self.job.0.publish(body, items);
        // The store of `tickets` before this load, and in `wait_for_items` the addition before the look at `tickets`, are
        // sequentially consistent: either this thread sees the sleeper, or the sleeper sees the items.
        if self.idle.0.sleepers.load(SeqCst) > 0 {
            workers.iter().take(items - 1).for_each(|worker| worker.thread().unpark());
        }
    }

    /// Claims items and runs them until none is left, and reports them as done. Does not panic.
    fn take_items(&self, worker: usize) {
        let job = &self.job.0;
        let mut done = 0;
        while let Some(item) = job.claim() {
            // SAFETY: this thread holds an item that it has not reported, so the pointer is that job's and `run` has not
            // returned (see the top of this file).
            #[allow(unsafe_code)]
            let body: Body<'_> = unsafe { *job.body.load(Relaxed) };
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| body(worker, item))) {
                // An earlier one is forgotten rather than dropped, which might panic again.
                mem::forget(lock(&self.panic).replace(panic));
            }
            done += 1;
        }
        if done > 0 && job.pending.fetch_sub(done, AcqRel) == done | CALLER_SLEEPS {
            // The caller holds this lock from announcing its sleep until it sleeps, so it is not notified too early.
            let _asleep = lock(&self.asleep);
            self.all_done.notify_one();
        }
    }

    /// Waits for the items that other threads hold. Does not panic.
    fn wait_until_done(&self, patience: &mut Patience) {
        let pending = &self.job.0.pending;
        if patience.spin_until(|| pending.load(Acquire) == 0) {
            return;
        }
        let mut asleep = lock(&self.asleep);
        pending.fetch_or(CALLER_SLEEPS, Relaxed);
        while pending.load(Acquire) != CALLER_SLEEPS {
            asleep = self.all_done.wait(asleep).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A worker's life.
    fn work(&self, index: usize) {
        let mut patience = Patience::default();
        while self.wait_for_items(&mut patience) {
            self.take_items(index);
        }
    }

    /// Waits for items, or for the pool's end; whether it is not the latter.
    fn wait_for_items(&self, patience: &mut Patience) -> bool {
        let stop = || self.idle.0.stop.load(SeqCst);
        let wanted = || self.job.0.left() || stop();
        if !patience.spin_until(wanted) {
            self.idle.0.sleepers.fetch_add(1, SeqCst);
            while !wanted() {
                // A wake-up between the look and the park is not lost: it leaves a token.
                thread::park();
            }
            self.idle.0.sleepers.fetch_sub(1, Relaxed);
        }
        !stop()
    }
}

impl Job {
    /// Offers the items of a new job; the last one's are all done.
    fn publish(&self, body: *const Body<'static>, items: usize) {
        self.body.store(body.cast_mut(), Relaxed);
        self.pending.store(items, Relaxed);
        self.tickets.store((items as u64) << 32, SeqCst);
    }

    /// Whether there seem to be items that nobody has claimed.
    fn left(&self) -> bool {
        let tickets = self.tickets.load(SeqCst);
        claimed(tickets) < items(tickets)
    }

    /// An item, exclusively.
    fn claim(&self) -> Option<usize> {
        let tickets = self.tickets.fetch_add(1, Acquire);
        (claimed(tickets) < items(tickets)).then_some(claimed(tickets) as usize)
    }
}

fn items(tickets: u64) -> u64 {
    tickets >> 32
}

fn claimed(tickets: u64) -> u64 {
    tickets & u64::from(u32::MAX)
}

/// How often a thread looks whether what it waits for has come, before it sleeps: more often after each wait that was worth
/// it, less often after each that was not.
///
/// A look takes some 25 nanoseconds, and waking a thread up to 70 microseconds, so that the longest spin pays wherever a core
/// has nothing else to do.
struct Patience(u32);

impl Patience {
    const LEAST: u32 = 1 << 6;
    const MOST: u32 = 1 << 12;

    /// Whether it came while this thread was looking.
    fn spin_until(&mut self, come: impl Fn() -> bool) -> bool {
        for look in 0..self.0 {
            if come() {
                if look > 0 {
                    self.0 = (self.0 * 2).min(Self::MOST);
                }
                return true;
            }
            hint::spin_loop();
        }
        self.0 = (self.0 / 2).max(Self::LEAST);
        false
    }
}

impl Default for Patience {
    fn default() -> Self {
        Patience(Self::MOST)
    }
}

/// No lock here is held while something can panic, except in a test that does so on purpose.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
        let mut other = vec![1usize; 1001];
        pool.chunks_of([&mut data, &mut other], 10, |index, [a, b]| {
            a.iter_mut().zip(b).for_each(|(a, b)| (*a, *b) = (index, *b + index));
        });
        assert!(data.iter().zip(&other).enumerate().all(|(i, (&a, &b))| a == i / 10 && b == 1 + i / 10));
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
