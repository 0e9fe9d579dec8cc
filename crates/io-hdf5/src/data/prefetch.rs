//! The worker thread that fills batches while the solver computes.
//!
//! A ring of batches goes round between the two threads; nothing is allocated once it turns. Three are enough to copy samples
//! ahead. Where a reader stops to read and unpack many samples at once (a window of a streamed, compressed file), the ring is
//! longer, so that the solver has batches meanwhile: with three of them, chunks of 1000 gzipped MNIST images made it wait for
//! 108 microseconds in each iteration of 2 milliseconds and h5py's own choice of chunks for 451. The worker runs ahead from
//! the cursor that it was given; going elsewhere (restoring a snapshot, starting an epoch again) is a new order to it, and
//! batches that were made for an older order are told by their number and refilled. A pool of workers was left out: one thread
//! copies a gigabyte a second, far more than a net can take.

use super::{
    catalog::Catalog,
    order::Cursor,
    reader::{Reader, buffers},
};
use crate::{Error, Result};
use core_tensor::Element;
use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvError, SyncSender, TryRecvError, sync_channel},
    },
    thread::{self, JoinHandle},
};

/// The fewest batches that go round: one being used, one ready, one being filled.
const RING: usize = 3;
/// The part of what is read at once that the ring holds besides: unpacking that takes more than this part of the time that
/// training takes for the same samples would keep a core busy anyway.
const SHARE_AHEAD: usize = 2;

/// A batch in host memory.
pub(crate) struct Batch<T> {
    /// By top: the samples one after the other.
    pub(crate) tops: Vec<Vec<T>>,
    /// How many samples count; the rest repeats the last of them.
    pub(crate) samples: usize,
    /// Where the next batch starts.
    pub(crate) end: Cursor,
}

/// What the worker is to do from now on.
#[derive(Clone, Copy)]
struct Job {
    number: u64,
    cursor: Cursor,
    whole_epochs: bool,
}

enum Message<T> {
    Refill(Batch<T>),
    Start(Job),
}

/// Fills batches in order, ahead of their use.
pub(crate) struct Prefetch<T> {
    /// The job that the worker is at; `None` when it waits.
    job: Option<Job>,
    jobs: u64,
    link: Option<Link<T>>,
    worker: Option<JoinHandle<()>>,
}

/// Both channels; dropping them ends the worker.
struct Link<T> {
    to_worker: SyncSender<Message<T>>,
    from_worker: Receiver<(u64, Result<Batch<T>>)>,
}

impl<T: Element> Prefetch<T> {
    /// Starts the worker; it reads nothing before the first batch is asked for.
    ///
    /// # Errors
    /// No memory for the batches, or no thread.
    pub(crate) fn new(
        reader: Box<dyn Reader<T>>,
        catalog: Arc<Catalog>,
        batch_size: usize,
        name: &str,
    ) -> Result<Self> {
        let ring = RING + reader.rows_at_once() / SHARE_AHEAD / batch_size.max(1);
        let (to_worker, messages) = sync_channel(ring + 1);
        let (results, from_worker) = sync_channel(ring + 1);
        let mut free = Vec::with_capacity(ring);
        for _ in 0..ring {
            let end = Cursor { seed: 0, epoch: 0, position: 0 };
            free.push(Batch { tops: buffers(&catalog, batch_size)?, samples: 0, end });
        }
        let worker = Worker { reader, catalog, batch_size, free, messages, results };
        let thread = thread::Builder::new().name(format!("read {name}")).spawn(move || worker.run());
        let thread = thread.map_err(|e| Error::Value {
            what: "the thread that reads data",
            found: format!("not to be had ({e})"),
            expected: "one thread more; raise the limit on threads".into(),
        })?;
        Ok(Prefetch { job: None, jobs: 0, link: Some(Link { to_worker, from_worker }), worker: Some(thread) })
    }

    /// The batch that starts at `cursor`; to be given back with [`Prefetch::give_back`].
    ///
    /// # Errors
    /// What the worker met: a file that cannot be read any more.
    pub(crate) fn next(&mut self, cursor: Cursor, whole_epochs: bool) -> Result<Batch<T>> {
        let number = match self.job {
            Some(job) if job.cursor == cursor && job.whole_epochs == whole_epochs => job.number,
            _ => {
                self.jobs += 1;
                self.job = Some(Job { number: self.jobs, cursor, whole_epochs });
                self.send(Message::Start(Job { number: self.jobs, cursor, whole_epochs }))?;
                self.jobs
            }
        };
        loop {
            let (job, result) = self.link()?.from_worker.recv().map_err(|RecvError| worker_died())?;
            match result {
                Ok(batch) if job != number => self.send(Message::Refill(batch))?,
                Ok(batch) => {
                    // From here on the worker is expected to be where this batch ends.
                    self.job = Some(Job { number, cursor: batch.end, whole_epochs });
                    return Ok(batch);
                }
                Err(_) if job != number => {}
                Err(error) => {
                    self.job = None;
                    return Err(error);
                }
            }
        }
    }

    /// Returns a batch to the ring.
    ///
    /// # Errors
    /// The worker has died.
    pub(crate) fn give_back(&mut self, batch: Batch<T>) -> Result<()> {
        self.send(Message::Refill(batch))
    }

    fn link(&self) -> Result<&Link<T>> {
        self.link.as_ref().ok_or_else(worker_died)
    }

    fn send(&self, message: Message<T>) -> Result<()> {
        self.link()?.to_worker.send(message).map_err(|_| worker_died())
    }
}

impl<T> Drop for Prefetch<T> {
    fn drop(&mut self) {
        self.link = None;
        if let Some(worker) = self.worker.take() {
            // A worker that has panicked has said so itself.
            let _ = worker.join();
        }
    }
}

fn worker_died() -> Error {
    Error::Value {
        what: "the thread that reads data",
        found: "dead".into(),
        expected: "it to run; please report what it printed".into(),
    }
}

struct Worker<T> {
    reader: Box<dyn Reader<T>>,
    catalog: Arc<Catalog>,
    batch_size: usize,
    free: Vec<Batch<T>>,
    messages: Receiver<Message<T>>,
    results: SyncSender<(u64, Result<Batch<T>>)>,
}

impl<T: Element> Worker<T> {
    /// Until the other side hangs up.
    fn run(mut self) {
        let mut job = None;
        loop {
            let idle = job.is_none() || self.free.is_empty();
            let message = if idle {
                self.messages.recv().map_err(|RecvError| TryRecvError::Disconnected)
            } else {
                self.messages.try_recv()
            };
            match message {
                Ok(Message::Refill(batch)) => self.free.push(batch),
                Ok(Message::Start(started)) => match self.reader.seek(started.cursor) {
                    Ok(()) => job = Some(started),
                    Err(error) => {
                        job = None;
                        if self.results.send((started.number, Err(error))).is_err() {
                            return;
                        }
                    }
                },
                Err(TryRecvError::Disconnected) => return,
                Err(TryRecvError::Empty) => {
                    let (Some(current), Some(mut batch)) = (job.as_mut(), self.free.pop()) else { continue };
                    let number = current.number;
                    let result = self.fill(current, &mut batch);
                    let result = match result {
                        Ok(()) => Ok(batch),
                        Err(error) => {
                            self.free.push(batch);
                            job = None;
                            Err(error)
                        }
                    };
                    if self.results.send((number, result)).is_err() {
                        return;
                    }
                }
            }
        }
    }

    fn fill(&mut self, job: &mut Job, batch: &mut Batch<T>) -> Result<()> {
        batch.samples = self.batch_size;
        for row in 0..self.batch_size {
            self.reader.next(row, &mut batch.tops)?;
            job.cursor.advance(self.catalog.samples);
            if job.whole_epochs && job.cursor.position == 0 {
                batch.samples = row + 1;
                break;
            }
        }
        for (top, values) in self.catalog.tops.iter().zip(&mut batch.tops) {
            for row in batch.samples..self.batch_size {
                values.copy_within((batch.samples - 1) * top.len..batch.samples * top.len, row * top.len);
            }
        }
        batch.end = job.cursor;
        Ok(())
    }
}
