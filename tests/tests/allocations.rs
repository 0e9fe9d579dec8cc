//! Training allocates nothing once it runs: net, solver, data layer and its thread that reads ahead.
//!
//! The allocator of this test program counts. It counts for all threads, so this file has one test only.
#![allow(clippy::unwrap_used, clippy::panic)] // a test that cannot go on shall panic
#![allow(unsafe_code)] // An allocator cannot be written without.

mod common;

use common::{network, solver, training_net, write_sample};
use solver::{BreakContext, BreakResult, CoffeeBreak, Every};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicU64, Ordering},
};

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

struct Counting;

// SAFETY: every call is handed to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// More than an epoch of the sample, so that the order of the samples is drawn anew once.
const ITERATIONS: u64 = 100;

/// Notes after each iteration how many allocations there have been.
struct Watch(&'static [AtomicU64; ITERATIONS as usize + 1]);

impl CoffeeBreak for Watch {
    fn name(&self) -> &str {
        "watch"
    }
    fn enjoy(&mut self, context: &mut BreakContext<'_>) -> BreakResult {
        self.0[context.iteration as usize].store(ALLOCATIONS.load(Ordering::Relaxed), Ordering::Relaxed);
        Ok(())
    }
}

#[test]
fn training_allocates_nothing_after_iteration_2() {
    static COUNTS: [AtomicU64; ITERATIONS as usize + 1] = [const { AtomicU64::new(0) }; ITERATIONS as usize + 1];
    let folder = tempfile::tempdir().unwrap();
    write_sample(folder.path());
    let mut net = training_net(folder.path(), 2, 0, &network::lenet());
    let mut solver = solver(ITERATIONS);
    solver.add_coffee_break(Watch(&COUNTS), Every::Iters(1));
    solver.solve(&mut net).unwrap();
    let counts: Vec<u64> = COUNTS.iter().map(|count| count.load(Ordering::Relaxed)).collect();
    for iteration in 3..=ITERATIONS as usize {
        let new = counts[iteration] - counts[iteration - 1];
        assert_eq!(new, 0, "{new} allocations in iteration {iteration}");
    }
}
