//! LeNet on MNIST: train it, recognize digits with it, draw its learning curve, draw digits for it. Start reading at `network.rs`.

mod backend;
mod cli;
mod curve;
mod data;
mod error;
mod image_input;
mod network;
mod predict;
mod recognizer;
mod serve;
mod train;

use clap::Parser;
use cli::{Cli, Command};
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command.unwrap_or(Command::Train(cli.train)) {
        Command::Train(args) => train::run(&args),
        Command::Predict(args) => predict::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Curve(args) => curve::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Serve(args) => serve::run(&args).map(|()| ExitCode::SUCCESS),
    };
    done.unwrap_or_else(|error| terminal::exit(&error))
}
