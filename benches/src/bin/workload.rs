//! The Crema side of `cargo xtask compare`: does one kind of work for a while and prints its speed, one JSON line for the
//! warm-up and one for each repetition. `benches/python/` is the other side and takes the same flags.
//!
//! It is a program of its own, so that each side starts afresh, alone on the machine, and its memory can be told.

use clap::{Args, Parser, Subcommand};
use crema_benches::{InstructionSet, Reference, Result, cpu, inference, noise, peak_rss_mb};
use io_hdf5::Hdf5Data;
use layers::prelude::*;
use serde_json::json;
use solver::{BreakContext, BreakResult, CoffeeBreak, Every, LrPolicy, MomPolicy, Sgd, Solver, TrainingSummary};
use std::{
    io::{Write, stderr, stdout},
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

/// Do one kind of work for a while and print its speed as JSON.
#[derive(Debug, Parser)]
#[command(max_term_width = 100)]
struct Flags {
    #[command(subcommand)]
    work: Work,
}

#[derive(Debug, Subcommand)]
enum Work {
    /// Train: forward, backward and update
    Train(NetFlags),
    /// Compute probabilities
    Infer(NetFlags),
    /// Keep one core busy until killed
    Busy,
}

#[derive(Debug, Args)]
struct NetFlags {
    /// The net
    #[arg(value_enum)]
    net: Reference,
    /// Samples in a batch
    #[arg(long, value_name = "N")]
    batch: usize,
    /// Threads
    #[arg(long, value_name = "N")]
    threads: usize,
    /// The instruction set [default: the best that the processor has]
    #[arg(long, value_enum)]
    isa: Option<InstructionSet>,
    /// Folder with train.txt; noise from memory if not set
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Lines to print after that of the warm-up
    #[arg(long, value_name = "N", default_value_t = 3)]
    repetitions: usize,
    /// Length of a repetition and of the warm-up
    #[arg(long, value_name = "S", default_value_t = 1.0)]
    seconds: f64,
}

fn main() -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info")).init();
    let done = match Flags::parse().work {
        Work::Train(flags) => train(&flags),
        Work::Infer(flags) => infer(&flags),
        Work::Busy => busy(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn train(flags: &NetFlags) -> Result<()> {
    let cpu = cpu(Some(flags.threads), flags.isa)?;
    let (data, rate): (LayerRef, f64) = match &flags.data {
        Some(folder) => {
            let data = Hdf5Data::new("data", folder.join("train.txt")).batch_size(flags.batch).shuffle(true);
            (data.into(), 0.01)
        }
        None => (noise(flags.net, flags.batch).into(), 0.001),
    };
    let loss = SoftmaxLoss::new("loss").bottoms(["logits", "label"]);
    let mut net = Net::new(flags.net.to_string(), &cpu, layers![data, ..flags.net.layers(), loss])?;
    let method = Sgd::new().lr_policy(LrPolicy::inv(rate, 0.0001, 0.75)).mom_policy(MomPolicy::fixed(0.9));
    let mut solver = Solver::new(method).regu_coef(0.0005);
    solver.add_coffee_break(TrainingSummary::new(), Every::Iters(100));
    solver.add_coffee_break(Stopwatch::new(flags), Every::Iters(1));
    solver.solve(&mut net)?;
    Ok(())
}

fn infer(flags: &NetFlags) -> Result<()> {
    let cpu = cpu(Some(flags.threads), flags.isa)?;
    let mut net = Net::new(flags.net.to_string(), &cpu, inference(flags.net, flags.batch))?;
    let mut stopwatch = Stopwatch::new(flags);
    loop {
        net.forward()?;
        let probabilities: Vec<f32> = net.blob("prob")?.data.read()?;
        std::hint::black_box(probabilities);
        if stopwatch.tick()? {
            return Ok(());
        }
    }
}

fn busy() -> Result<()> {
    let cpu = cpu(Some(1), None)?;
    loop {
        cpu.multiply_add_in_registers(100);
    }
}

/// Counts iterations and prints a line whenever a repetition is over.
struct Stopwatch {
    length: Duration,
    lines_left: usize,
    begun: Instant,
    iterations: u64,
}

impl Stopwatch {
    fn new(flags: &NetFlags) -> Self {
        Stopwatch {
            length: Duration::from_secs_f64(flags.seconds),
            lines_left: flags.repetitions + 1,
            begun: Instant::now(),
            iterations: 0,
        }
    }

    /// One more iteration is done. Whether it was the last.
    fn tick(&mut self) -> Result<bool> {
        self.iterations += 1;
        let elapsed = self.begun.elapsed();
        if elapsed < self.length {
            return Ok(false);
        }
        let (iterations, seconds) = (self.iterations, elapsed.as_secs_f64());
        let line = json!({ "iterations": iterations, "seconds": seconds, "peak_rss_mb": peak_rss_mb() });
        writeln!(stdout(), "{line}")?;
        self.lines_left = self.lines_left.saturating_sub(1);
        (self.begun, self.iterations) = (Instant::now(), 0);
        Ok(self.lines_left == 0)
    }
}

impl CoffeeBreak for Stopwatch {
    fn name(&self) -> &str {
        "stopwatch"
    }

    fn enjoy(&mut self, context: &mut BreakContext<'_>) -> BreakResult {
        if context.iteration > 0 && self.tick()? {
            context.stop_training();
        }
        Ok(())
    }
}
