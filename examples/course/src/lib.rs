//! What all lessons share, so that each shows its own idea and nothing else: flags, data, and a solver that shows itself.
//! The course's contents: `README.md`.

pub mod cifar10;
mod images;

pub use images::sheet;

use backend_cpu::Cpu;
use clap::Parser;
use layers::Net;
use picture::LearningCurve;
use solver::{Every, Method, Report, Snapshot, Solver, TrainingSummary};
use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};
use terminal::{Terminal, TerminalFlags};

/// What lessons return: whichever error comes first, told by [`run`].
pub type Result<T = ()> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// A lesson of Crema's course; README.md says what it teaches.
#[derive(Debug, Parser)]
#[command(max_term_width = 100)]
struct Flags {
    /// Folder with train.txt and test.txt, as `cargo xtask fetch-mnist` makes it [default: data if it is there, otherwise an
    /// embedded sample of MNIST]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Folder for what the lesson writes; training resumes from the newest snapshot in it [default: the lesson's name in lessons]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Stop each training after this many iterations [default: the lesson's choice]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_iter: Option<u64>,
    /// Threads of the CPU [default: all]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    #[command(flatten)]
    terminal: TerminalFlags,
}

/// A lesson at work.
#[derive(Debug)]
pub struct Lesson {
    /// Where it computes.
    pub backend: Cpu,
    /// Where it writes to; the folder exists.
    pub out: PathBuf,
    /// Iterations of each training.
    pub max_iter: u64,
    data: Option<PathBuf>,
    terminal: Terminal,
}

/// A lesson's `main`: reads the flags, runs it, tells its error. `max_iter` is for who does not say how long to train.
pub fn run(name: &str, max_iter: u64, lesson: impl FnOnce(&Lesson) -> Result) -> ExitCode {
    match start(name, max_iter, Flags::parse()).and_then(|prepared| lesson(&prepared)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => terminal::exit(error.as_ref()),
    }
}

fn start(name: &str, max_iter: u64, flags: Flags) -> Result<Lesson> {
    let out = flags.out.unwrap_or_else(|| Path::new("lessons").join(name));
    fs::create_dir_all(&out).map_err(|e| format!("cannot create the folder {}: {e}", out.display()))?;
    Ok(Lesson {
        backend: flags.threads.map_or_else(Cpu::new, Cpu::with_threads)?,
        out,
        max_iter: flags.max_iter.unwrap_or(max_iter),
        data: flags.data,
        terminal: Terminal::start(flags.terminal)?,
    })
}

impl Lesson {
    /// The folder with `train.txt` and `test.txt`: the user's, or `default` if it is there, or the embedded digits unpacked.
    ///
    /// # Errors
    /// The user's folder has no such lists, or the digits cannot be unpacked.
    pub fn mnist(&self) -> Result<PathBuf> {
        if let Some(folder) = self.folder("data", "cargo xtask fetch-mnist")? {
            return Ok(folder);
        }
        log::info!(
            "No data/train.txt: training on an embedded sample of MNIST; `cargo xtask fetch-mnist` gets all of it"
        );
        digits::unpack(&self.out)
    }

    /// The folder with `train.txt` and `test.txt`: the user's, or else `default` if it is there. `maker` is the command that
    /// makes it.
    ///
    /// # Errors
    /// The user's folder has no such lists.
    pub fn folder(&self, default: &str, maker: &str) -> Result<Option<PathBuf>> {
        let is_there = |folder: &Path| folder.join("train.txt").is_file() && folder.join("test.txt").is_file();
        match &self.data {
            Some(folder) if is_there(folder) => Ok(Some(folder.clone())),
            Some(folder) => {
                Err(format!("{} has no train.txt and test.txt; `{maker}` makes them", folder.display()).into())
            }
            None => Ok(Some(PathBuf::from(default)).filter(|folder| is_there(folder))),
        }
    }

    /// The folder that `--data` names.
    pub fn named_folder(&self) -> Option<&Path> {
        self.data.as_deref()
    }

    /// A solver that resumes from, and saves into, the folder `name` of the lesson's output, with a line of summary every 100
    /// iterations. The lesson adds its own coffee breaks.
    pub fn solver(&self, name: &str, method: impl Method + 'static) -> Solver {
        let folder = self.out.join(name);
        let snapshots = io_hdf5::snapshots(&folder);
        let mut solver =
            Solver::new(method).max_iter(self.max_iter).load_from(&snapshots).stop_on(self.terminal.stop_flag());
        solver.coffee_lounge(io_hdf5::statistics(folder.join("statistics.hdf5"))).every_n_iter(1000);
        solver.add_coffee_break(TrainingSummary::new(), Every::Iters(100));
        solver.add_coffee_break(Snapshot::new(&snapshots), Every::Iters(5000));
        solver
    }

    /// Trains, and draws the learning curve beside the snapshots.
    ///
    /// # Errors
    /// The solver's; the picture cannot be written; the user has interrupted the training.
    pub fn train(&self, name: &str, solver: &mut Solver, net: &mut Net) -> Result<Report> {
        net.summary().to_string().lines().for_each(|line| log::info!("{line}"));
        self.terminal.watch(solver);
        let report = solver.solve(net)?;
        let picture = self.out.join(name).join("learning-curve.png");
        match LearningCurve::new(name, solver.lounge().statistics()) {
            Ok(curve) => {
                curve.pixels()?.save(&picture).map_err(|e| format!("cannot write {}: {e}", picture.display()))?;
                log::info!("Learning curve: {}", picture.display());
            }
            Err(picture::Error::TooFewValues(_)) => log::info!("Too short a training for a learning curve"),
            Err(other) => return Err(other.into()),
        }
        if let solver::Stopped::Interrupted { .. } = report.stopped {
            return Err("interrupted; the same command again goes on from the snapshot".into());
        }
        Ok(report)
    }
}
