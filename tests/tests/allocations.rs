//! Nothing is allocated once it runs: net, solver, data layer and its thread that reads ahead; and every kind of layer.
//!
//! The allocator of this test program counts. It counts for all threads, so this file has one test only.
#![allow(clippy::unwrap_used, clippy::panic)] // a test that cannot go on shall panic
#![allow(unsafe_code)] // An allocator cannot be written without.

mod common;

use backend_cpu::Cpu;
use common::{network, solver, training_net, write_sample};
use core_tensor::{DType, RngStream};
use layers::{Example, Registry};
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
fn nothing_is_allocated_after_two_iterations() {
    training();
    // With one thread: another one allocates when it first wakes, which may be late where there is little to do.
    let cpu = Cpu::with_threads(1).unwrap();
    let examples = Registry::standard().examples();
    let found: Vec<String> = examples.iter().filter_map(|example| passes_of_a_layer(&cpu, example)).collect();
    assert!(found.is_empty(), "allocations in three passes:\n{}", found.join("\n"));
}

fn training() {
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

/// The only layer whose purpose it is to take ever more memory.
const KEEPS_EVERYTHING: &str = "MemoryOutput";

/// How many allocations there are in three passes of a layer, if that is wrong.
fn passes_of_a_layer(cpu: &Cpu, example: &Example) -> Option<String> {
    let (layer, mut rng) = (example.layer.layer(), RngStream::new(0, "allocations"));
    let mut single = example.set_up(cpu, DType::F32).unwrap();
    for (blob, bottom) in single.bottoms().iter().zip(&example.bottoms) {
        blob.data.write(&bottom.draw(&mut rng).unwrap().into_raw_vec_and_offset().0).unwrap();
    }
    let mut before = 0;
    for pass in 0..5 {
        if pass == 2 {
            before = ALLOCATIONS.load(Ordering::Relaxed);
        }
        single.forward().unwrap();
        if layer.can_backward() {
            single.backward().unwrap();
        }
    }
    let new = ALLOCATIONS.load(Ordering::Relaxed) - before;
    (new > 0 && layer.kind() != KEEPS_EVERYTHING).then(|| format!("{new}: {layer:?}"))
}
