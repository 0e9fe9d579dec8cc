//! How a program asks a running solver to stop.
//!
//! An atomic number, because a signal handler may do nothing but store one. Installing the handler is the program's business:
//! a library that did it would fight with the program that it is linked into.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Asks a solver to finish its iteration, save a snapshot and the statistics, and return. Clones mean the same flag.
///
/// ```
/// let stop = solver::StopFlag::new();
/// let in_handler = stop.clone();
/// in_handler.stop(15); // SIGTERM
/// assert_eq!(stop.signal(), Some(15));
/// ```
#[derive(Debug, Clone, Default)]
pub struct StopFlag(Arc<AtomicUsize>);

impl StopFlag {
    /// A flag that is not set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks to stop, for the signal of this number (2 for SIGINT, 15 for SIGTERM; 0 is taken as 1). May be called in a signal
    /// handler. The flag stays set: later runs with it stop at once.
    pub fn stop(&self, signal: usize) {
        self.0.store(signal.max(1), Ordering::Relaxed);
    }

    /// The signal's number, once it is set.
    pub fn signal(&self) -> Option<usize> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            signal => Some(signal),
        }
    }

    /// The number itself, 0 while not set: for `signal_hook::flag::register_usize` and the like.
    pub fn as_atomic(&self) -> &Arc<AtomicUsize> {
        &self.0
    }
}
