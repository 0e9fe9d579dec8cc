//! Whether each processor of a virtual machine has a core of its own, now.
//!
//! A host may run two virtual processors as the two hardware threads of one core, for seconds or minutes, and nothing in the
//! guest tells: both seem busy all the time, and each does half the work. It was found by measuring multiply-adds that stay in
//! registers between forty iterations of training and the next, with the same threads: while training ran at 450 it/s they made
//! 235 GFLOP/s, and while it ran at 215 they made 117. Such a turn says nothing about a contender, whoever it is, so it is
//! taken again.
//!
//! We look before and after a turn. The host moves a processor when it wakes up, so a turn can be slow in between and pass:
//! three repetitions at one half of the others' speed still happen. Keeping the processors awake with processes of the idle
//! class was tried: it kept bad places as well as good ones.

use crema_benches::{Result, cpu, multiply_adds};
use std::{
    thread,
    time::{Duration, Instant},
};

/// The part of the best throughput below which the processors share cores.
const SHARED: f64 = 0.75;
/// How long to wait for cores.
const PATIENCE: Duration = Duration::from_secs(60);

/// What all processors together have reached at best.
#[derive(Debug)]
pub(crate) struct Cores {
    cpu: backend_cpu::Cpu,
    best: f64,
}

impl Cores {
    /// Looks at the machine for a second.
    pub(crate) fn new() -> Result<Self> {
        let mut cores = Cores { cpu: cpu(None, None)?, best: 0.0 };
        for _ in 0..10 {
            cores.look();
            thread::sleep(Duration::from_millis(80));
        }
        Ok(cores)
    }

    /// Whether each processor has its core.
    pub(crate) fn are_whole(&mut self) -> bool {
        self.look() >= SHARED * self.best
    }

    /// Waits until each processor has its core; whether that came.
    pub(crate) fn wait(&mut self) -> bool {
        let begun = Instant::now();
        while !self.are_whole() {
            if begun.elapsed() > PATIENCE {
                return false;
            }
            thread::sleep(Duration::from_millis(100));
        }
        true
    }

    /// The throughput now, in GFLOP/s.
    fn look(&mut self) -> f64 {
        let now = multiply_adds(&self.cpu, Duration::from_millis(5), 3);
        self.best = self.best.max(now);
        now
    }
}
