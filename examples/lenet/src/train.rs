//! Trains LeNet as the tutorial does: solver, coffee lounge, coffee breaks, validation.

use crate::{
    backend,
    cli::TrainArgs,
    data,
    error::{Error, Result},
    network,
};
use io_hdf5::Hdf5Data;
use layers::prelude::*;
use page::Dashboard;
use solver::{
    Every, LrPolicy, MomPolicy, Report, Sgd, Snapshot, Solver, Stopped, TrainingSummary, ValidationPerformance,
};
use std::{path::PathBuf, process::ExitCode};
use terminal::Terminal;

const SAMPLE: &str = "No data/train.txt: training on the embedded sample, 5,000 digits of MNIST; \
                      `cargo xtask fetch-mnist` gets all 60,000";
/// Images per forward pass in validation; the tutorial's.
const TEST_BATCH: usize = 100;

/// Runs `lenet-example train`.
pub(crate) fn run(args: &TrainArgs) -> Result<ExitCode> {
    let terminal = Terminal::start(args.terminal)?;
    let data = find_data(args)?;
    let backend = backend::new(args.backend, args.threads)?;
    let common = network::lenet();
    let train_data = Hdf5Data::new("train-data", data.join("train.txt")).batch_size(args.batch_size).shuffle(true);
    let loss = SoftmaxLoss::new("loss").bottoms(["ip2", "label"]);
    let mut net = Net::builder("MNIST-train").seed(args.seed).build(&backend, layers![train_data, ..common, loss])?;
    net.summary().to_string().lines().for_each(|line| log::info!("{line}"));
    let test_data = Hdf5Data::new("test-data", data.join("test.txt")).batch_size(TEST_BATCH);
    let accuracy = Accuracy::new("test-accuracy").bottoms(["ip2", "label"]);
    let test_net = Net::new("MNIST-test", &backend, layers![test_data, ..common, accuracy])?;

    let snapshots = io_hdf5::snapshots(&args.out);
    let method = Sgd::new().lr_policy(LrPolicy::inv(0.01, 0.0001, 0.75)).mom_policy(MomPolicy::fixed(0.9));
    let mut solver = Solver::new(method)
        .max_iter(args.max_iter)
        .regu_coef(0.0005)
        .load_from(&snapshots)
        .stop_on(terminal.stop_flag());
    solver.coffee_lounge(io_hdf5::statistics(args.out.join("statistics.hdf5"))).every_n_iter(1000);
    solver.add_coffee_break(TrainingSummary::new(), Every::Iters(args.display_every));
    solver.add_coffee_break(Snapshot::new(&snapshots), Every::Iters(args.snapshot_every));
    solver.add_coffee_break(ValidationPerformance::new(test_net), Every::Iters(args.test_every));
    if let Some(address) = args.dashboard {
        let tail = terminal.log_tail().clone();
        let dashboard = Dashboard::start(address)?.snapshots(&snapshots).log(move || tail.lines());
        log::info!("Dashboard: http://{}/", dashboard.address());
        if !address.ip().is_loopback() {
            log::warn!("Everyone who reaches this address can pause and stop the run; there is no password");
        }
        solver.add_coffee_break(dashboard, Every::Iters(1));
    }
    terminal.watch(&mut solver);
    match solver.solve(&mut net) {
        Ok(report) => Ok(finish(args, &report)),
        // The library does not know this program's flags.
        Err(unfit @ solver::Error::Snapshot { .. }) => {
            let out = args.out.display();
            let message = format!("cannot go on from {out}; give another --out, or the --data that it was trained on");
            Err(Error::because(message, unfit))
        }
        Err(other) => Err(other.into()),
    }
}

/// The folder with `train.txt` and `test.txt`.
fn find_data(args: &TrainArgs) -> Result<PathBuf> {
    if args.out.is_file() {
        let message =
            format!("--out names the file {}; it must be a folder, which is made if need be", args.out.display());
        return Err(Error::Message(message));
    }
    if let Some(folder) = data::folder(args.data.as_deref(), "train.txt")? {
        return Ok(folder);
    }
    log::info!("{SAMPLE}");
    data::unpack_sample(&args.out)
}

/// Says how the run ended and what can be done next.
fn finish(args: &TrainArgs, report: &Report) -> ExitCode {
    let (out, done) = (args.out.display(), report.iterations);
    match report.stopped {
        Stopped::Interrupted { signal } => {
            log::info!("Interrupted after iteration {done}; the same command again goes on from there");
            return ExitCode::from(terminal::exit_code(signal));
        }
        Stopped::CoffeeBreak { .. } => {
            log::info!("Stopped on the dashboard after iteration {done}; the same command again goes on from there");
        }
        _ if report.iterations_in_this_run == 0 => {
            log::info!("Nothing to do: the newest snapshot in {out} has {done} iterations already");
            log::info!("To go on give a larger --max-iter, to begin anew another --out");
        }
        _ => log::info!("Next: `lenet-example predict --snapshot {out}` and `lenet-example curve --out {out}`"),
    }
    ExitCode::SUCCESS
}
