//! `crema train`: the tutorial's program, with its settings from a file.

use crate::{
    cli::{TrainArgs, Which},
    config::{Config, Validation},
    error::{Error, Result},
};
use core_tensor::Backend;
use solver::{
    CheckpointStore, EarlyStopping, Every, Report, Snapshot, Solver, Stopped, TrainingSummary, ValidationPerformance,
};
use std::{process::ExitCode, sync::Arc};
use terminal::Terminal;

pub(crate) fn run(args: &TrainArgs) -> Result<ExitCode> {
    let terminal = Terminal::start(args.terminal)?;
    let mut config = Config::read(&args.config)?;
    args.seed.into_iter().for_each(|seed| config.set_seed(seed));
    args.out.iter().for_each(|out| config.set_out(out));
    let backend = config.backend(&args.backend, |line| log::info!("{line}"))?;
    let mut net = config.net(Which::Train, &backend)?;
    net.summary().to_string().lines().for_each(|line| log::info!("{line}"));

    let snapshots = io_hdf5::snapshots(config.out());
    let mut solver = solver(args, &config, &snapshots)?.stop_on(terminal.stop_flag());
    add_coffee_breaks(&mut solver, &config, &backend, &snapshots)?;
    terminal.watch(&mut solver);
    match solver.solve(&mut net) {
        Ok(report) => Ok(finish(&config, &report)),
        // The library does not know this program's flags and files.
        Err(unfit @ solver::Error::Snapshot { .. }) => {
            let message = format!("cannot go on from {}; give another --out to begin anew", config.out().display());
            Err(Error::because(message, unfit))
        }
        Err(wrong @ (solver::Error::Value { .. } | solver::Error::CoffeeBreak { .. })) => {
            Err(Error::because(format!("cannot train as {} says", config.path().display()), wrong))
        }
        Err(other) => Err(other.into()),
    }
}

/// The solver without its coffee breaks.
fn solver(args: &TrainArgs, config: &Config, snapshots: &Arc<dyn CheckpointStore>) -> Result<Solver> {
    let settings = config.solver()?;
    let method = solver::read_method(&settings.method)
        .map_err(|e| Error::because(format!("{}: wrong in section [solver]", config.path().display()), e))?;
    let solver = Solver::new(method)
        .max_iter(args.max_iter.unwrap_or(settings.max_iter))
        .regu_coef(settings.regu_coef)
        .iter_size(settings.iter_size)
        .load_from(snapshots);
    Ok(match settings.clip_gradients {
        Some(norm) => solver.clip_gradients(norm),
        None => solver,
    })
}

/// What stands under `[coffee_breaks]`: first those that record statistics, then those that look at them.
fn add_coffee_breaks(
    solver: &mut Solver,
    config: &Config,
    backend: &Arc<dyn Backend>,
    snapshots: &Arc<dyn CheckpointStore>,
) -> Result<()> {
    let breaks = config.coffee_breaks();
    let statistics = io_hdf5::statistics(config.out().join("statistics.hdf5"));
    let lounge = solver.coffee_lounge(statistics);
    lounge.every_n_iter(breaks.statistics.every_n_iter).if_exists(breaks.statistics.if_exists);
    solver.add_coffee_break(TrainingSummary::of(breaks.summary.quantities.clone()), breaks.summary.every);
    if let Some((validation, every)) = validation(config, backend)? {
        solver.add_coffee_break(validation, every);
    }
    if let Some(early) = &breaks.early_stopping {
        let stopping = EarlyStopping::new(early.goal.clone(), early.patience).min_gain(early.min_gain);
        solver.add_coffee_break(stopping, early.every);
    }
    let snapshot = Snapshot::new(snapshots);
    let snapshot = match breaks.snapshot.keep.clone() {
        None => snapshot,
        Some(keep) => match keep.best {
            None => snapshot.keep_last(keep.last),
            Some(goal) => snapshot.keep_last_and_best(keep.last, goal),
        },
    };
    solver.add_coffee_break(snapshot, breaks.snapshot.every);
    Ok(())
}

/// The validation, if there is a net for it, and how often it is done.
fn validation(config: &Config, backend: &Arc<dyn Backend>) -> Result<Option<(ValidationPerformance, Every)>> {
    let written = config.coffee_breaks().validation.as_ref();
    if !config.has_test() && written.is_none() {
        return Ok(None);
    }
    let default = Validation::default();
    let settings = written.unwrap_or(&default);
    let validation = ValidationPerformance::new(config.net(Which::Test, backend)?);
    Ok(Some((validation.title(&settings.title), settings.every)))
}

/// Says how the run ended and what can be done next.
fn finish(config: &Config, report: &Report) -> ExitCode {
    let (out, done) = (config.out().display(), report.iterations);
    match report.stopped {
        Stopped::Interrupted { signal } => {
            log::info!("Interrupted after iteration {done}; the same command again goes on from there");
            return ExitCode::from(terminal::exit_code(signal));
        }
        _ if report.iterations_in_this_run == 0 => {
            log::info!("Nothing to do: the newest snapshot in {out} has {done} iterations already");
            log::info!("To go on give a larger --max-iter, to begin anew another --out");
        }
        _ => {}
    }
    ExitCode::SUCCESS
}
