//! `crema`: networks that are described in a file, without a program of one's own. Thin: each command is a few calls of the
//! libraries. What the file may hold stands in `config/written.rs` and, for users, in `docs/crema.md`.
//!
//! A file that could name layers of one's own was rejected: those are Rust, and who writes Rust writes the program too.

mod backend;
mod cli;
mod commands;
mod config;
mod error;
mod weights;

use clap::Parser;
use cli::{Cli, Command};
use std::process::ExitCode;

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Train(args) => commands::train::run(&args),
        Command::Test(args) => commands::test::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Predict(args) => commands::predict::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Draw(args) => commands::draw::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Convert(args) => commands::convert::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Completions(args) => commands::shell::completions(&args).map(|()| ExitCode::SUCCESS),
        Command::Man(args) => commands::shell::man(&args).map(|()| ExitCode::SUCCESS),
    };
    done.unwrap_or_else(|error| terminal::exit(&error))
}
