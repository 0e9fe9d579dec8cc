//! Crema's chores: `cargo xtask CHORE`. One file or folder for each; the flags of all stand in `flags.rs`.
//!
//! A chore is a Rust program rather than a shell script so that it runs wherever cargo does; nothing here is needed to build
//! or use the crates. The pattern is rust-analyzer's.

mod benches;
mod error;
mod fetch;
mod flags;
mod gpu_check;
mod images_to_hdf5;
mod kernels;
mod same_snapshots;
mod say;
mod tidy;

use clap::Parser;
use flags::{Chore, Flags};
use std::process::ExitCode;

fn main() -> ExitCode {
    let done = match Flags::parse().chore {
        Chore::FetchMnist(flags) => fetch::run(&fetch::MNIST, &flags),
        Chore::FetchFashionMnist(flags) => fetch::run(&fetch::FASHION_MNIST, &flags),
        Chore::ImagesToHdf5(flags) => images_to_hdf5::run(&flags),
        Chore::Kernels(flags) => kernels::run(&flags),
        Chore::GpuCheck(flags) => gpu_check::run(&flags),
        Chore::Tidy => tidy::run(),
        Chore::SameSnapshots(flags) => same_snapshots::run(&flags),
        Chore::Compare(passed) => benches::run("compare", &passed.arguments),
        Chore::Time(passed) => benches::run("time", &passed.arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say::error(&error);
            ExitCode::FAILURE
        }
    }
}
