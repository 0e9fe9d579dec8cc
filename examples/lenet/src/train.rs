//! Trains LeNet as the tutorial does: solver, coffee lounge, coffee breaks, validation.

use crate::{
    backend, cli::TrainArgs,
    data,
    error::Result,
    interrupt, network,
    terminal::{self, Progress},
};
use io_hdf5::Hdf5Data;
use layers::prelude::*;
use solver::{
    Every, LrPolicy, MomPolicy, Report, Sgd, Snapshot, Solver, StopFlag, Stopped, TrainingSummary, ValidationPerformance,
};
use std::process::ExitCode;

const SAMPLE: &str =
    "no data/train.txt: training on the embedded sample, 5,000 digits of MNIST; `cargo xtask fetch-mnist` gets all 60,000";
/// Images per forward pass in validation; the tutorial's.
const TEST_BATCH: usize = 100;

/// Runs `lenet-example train`.
pub(crate) fn run(args: &TrainArgs) -> Result<ExitCode> {
    let stop = StopFlag::new();
    let bar = terminal::progress_bar(args.max_iter);
    terminal::start_log(&bar, &stop);
    interrupt::watch(&stop)?;

    let data = match data::folder(args.data.as_deref(), "train.txt")? {
        Some(folder) => folder,
        None => {
            log::info!("{SAMPLE}");
            data::unpack_sample(&args.out)?
        }
    };
    let backend = backend::new(args.backend, args.threads)?;
    let common = network::lenet();
    let train_data = Hdf5Data::new("train-data", data.join("train.txt")).batch_size(args.batch_size).shuffle(true);
    let loss = SoftmaxLoss::new("loss").bottoms(["ip2", "label"]);
    let mut net = Net::builder("MNIST-train").seed(args.seed).build(&backend, layers![train_data, ..common, loss])?;
    let test_data = Hdf5Data::new("test-data", data.join("test.txt")).batch_size(TEST_BATCH);
    let accuracy = Accuracy::new("test-accuracy").bottoms(["ip2", "label"]);
    let test_net = Net::new("MNIST-test", &backend, layers![test_data, ..common, accuracy])?;

    let snapshots = io_hdf5::snapshots(&args.out);
    let method = Sgd::new().lr_policy(LrPolicy::inv(0.01, 0.0001, 0.75)).mom_policy(MomPolicy::fixed(0.9));
    let mut solver =
        Solver::new(method).max_iter(args.max_iter).regu_coef(0.0005).load_from(&snapshots).stop_on(&stop);
    solver.coffee_lounge(io_hdf5::statistics(args.out.join("statistics.hdf5"))).every_n_iter(1000);
    solver.add_coffee_break(TrainingSummary::new(), Every::Iters(args.display_every));
    solver.add_coffee_break(Snapshot::new(&snapshots), Every::Iters(args.snapshot_every));
    solver.add_coffee_break(ValidationPerformance::new(test_net), Every::Iters(args.test_every));
    if !bar.is_hidden() {
        solver.add_coffee_break(Progress::new(&bar), Every::Iters(1));
    }
    let result = solver.solve(&mut net);
    bar.finish_and_clear();
    Ok(finish(args, &result?))
}

/// Says how the run ended and what can be done next.
fn finish(args: &TrainArgs, report: &Report) -> ExitCode {
    let (out, done) = (args.out.display(), report.iterations);
    match report.stopped {
        Stopped::Interrupted { signal } => {
            log::info!("interrupted after iteration {done}; the same command again goes on from there");
            return ExitCode::from(interrupt::exit_code(signal));
        }
        _ if report.iterations_in_this_run == 0 => {
            log::info!("nothing to do: the newest snapshot in {out} has {done} iterations already");
            log::info!("to go on give a larger --max-iter, to begin anew another --out");
        }
        _ => log::info!("next: `lenet-example predict --snapshot {out}` and `lenet-example curve --out {out}`"),
    }
    ExitCode::SUCCESS
}
