//! The CUDA backend, executed without a card: its own host code and the PTX that ships, on the fake driver of `emulator/`.
//!
//! Each test runs itself again in a process that finds the fake libraries (`fake.rs`). The fake checks what a card does not:
//! memory that is read before it is written or beyond its end, races, handles, leaks. What remains open without a card stands in
//! docs/cuda.md. On a machine with one, `cargo xtask gpu-check` runs `parity` and `training` on it.
#![cfg(target_os = "linux")] // the loader finds the fake through LD_LIBRARY_PATH
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // as allowed inside of test functions

mod card;
#[path = "../golden/case.rs"]
mod case;
#[path = "../common/mod.rs"]
mod common;
mod fake;
mod faults;
#[path = "../golden/layers.rs"]
mod golden_layers;
#[path = "../golden/solvers.rs"]
#[allow(dead_code)]
mod golden_solvers;
mod parity;
mod seeded;
mod solvers;
mod training;
