//! `cargo xtask compare`: the same work in Crema, PyTorch and onnxruntime, in turn on the same machine in the same minutes.
//!
//! Each *contest* is one kind of work, done by several *contenders*. In every round each contender runs once, in a process of
//! its own, and prints its *repetitions*. Timing all rounds of one contender before the next was rejected: a shared machine has
//! slow minutes, and they would hit one of them.

mod contests;
mod cores;
mod load;
mod plot;
mod python;
mod report;
mod results;
mod rounds;

use clap::{Parser, value_parser};
use contests::{Contest, contests};
use crema_benches::Result;
use python::Python;
use results::{Outcome, Store};
use std::{
    io::{Write, stderr, stdout},
    path::{Path, PathBuf},
    process::ExitCode,
    thread,
};

/// Compare Crema with PyTorch and onnxruntime: training and inference of the same nets, in turn.
///
/// Prints a table and draws a plot, target/compare/speed.png and .svg. Each contest's repetitions are kept in target/compare;
/// with --only the table also shows what was measured before, beside the peak of its own minutes. A repetition during which
/// other processes used more than 5 % of a core is left out as long as five others remain, and a turn at whose beginning or
/// end the host ran several processors on one core is taken again. Run it on an idle machine.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask compare", max_term_width = 100)]
struct Flags {
    /// First make a Python environment with PyTorch, onnxruntime, onnx, h5py and NumPy in target/compare-python (3 GB of
    /// downloads)
    #[arg(long)]
    install: bool,
    /// The Python to use [default: the one in target/compare-python]
    #[arg(long, value_name = "FILE", conflicts_with = "install")]
    python: Option<PathBuf>,
    /// How often each contender takes its turn
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = value_parser!(u32).range(1..))]
    rounds: u32,
    /// Repetitions in each turn
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = value_parser!(u32).range(1..))]
    repetitions: u32,
    /// The length of a repetition, and of the warm-up before the first
    #[arg(long, value_name = "S", default_value_t = 1.0)]
    seconds: f64,
    /// Run only this contest; may be given several times, and `avx2` stands for all that begin so
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// List the contests and who takes part
    #[arg(long)]
    list: bool,
    /// Only print the table and draw the plot of what was measured before
    #[arg(long, conflicts_with_all = ["only", "install"])]
    table: bool,
    /// Threads of all contenders that are not about threads [default: all]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Folder with MNIST, as `cargo xtask fetch-mnist` makes it
    #[arg(long, value_name = "DIR", default_value = "data")]
    data: PathBuf,
}

fn main() -> ExitCode {
    match run(&Flags::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(flags: &Flags) -> Result<()> {
    let threads = flags.threads.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from));
    let all = contests(threads);
    if flags.list {
        return Ok(write!(stdout(), "{}", report::list(&all))?);
    }
    let store = Store::open()?;
    let python = match (&flags.python, flags.install) {
        (Some(file), _) => Python::at(file)?,
        (None, true) => Python::install()?,
        (None, false) => Python::installed()?,
    };
    if !flags.table {
        let chosen = choose(&all, &flags.only)?;
        check_data(&chosen, &flags.data)?;
        if flags.only.is_empty() {
            store.clear()?;
        }
        for contest in chosen {
            store.save(contest.name, &rounds::run(contest, &python, flags, store.folder())?)?;
        }
    }
    let mut outcomes: Vec<(&Contest, Outcome)> = Vec::new();
    for contest in &all {
        outcomes.extend(store.load(contest.name)?.map(|outcome| (contest, outcome)));
    }
    writeln!(stdout(), "\n{}\n\n{}", report::machine(&python)?, report::table(&outcomes))?;
    for picture in plot::draw(&outcomes, store.folder())? {
        writeln!(stdout(), "wrote {}", picture.display())?;
    }
    Ok(())
}

/// The contests that `--only` names, or all.
fn choose<'a>(all: &'a [Contest], only: &[String]) -> Result<Vec<&'a Contest>> {
    let means = |contest: &Contest, name: &str| {
        contest.name.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    if let Some(unknown) = only.iter().find(|name| !all.iter().any(|contest| means(contest, name))) {
        let names: Vec<&str> = all.iter().map(|contest| contest.name).collect();
        return Err(format!("there is no contest `{unknown}`; there are {}", names.join(", ")).into());
    }
    let wanted = |contest: &&Contest| only.is_empty() || only.iter().any(|name| means(contest, name));
    Ok(all.iter().filter(wanted).collect())
}

/// Fails before anything is timed, rather than in the middle.
fn check_data(contests: &[&Contest], folder: &Path) -> Result<()> {
    let list = folder.join("train.txt");
    if list.is_file() || !contests.iter().any(|contest| contest.needs_data()) {
        return Ok(());
    }
    let message =
        "LeNet and the MLP train on MNIST; `cargo xtask fetch-mnist` gets it, `--data DIR` takes it from elsewhere";
    Err(format!("there is no {}: {message}", list.display()).into())
}
