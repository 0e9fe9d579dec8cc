//! What a program that trains shows in a terminal, and how it ends when it is told to.
//!
//! One [`Terminal`] a program: it writes the log in the tutorial's style to stdout, so that `| tee train.log` keeps it, shows a
//! live screen below it on a terminal (`screen.rs`), or writes JSON for other programs (`events.rs`); Ctrl-C ends training with a
//! snapshot (`interrupt.rs`); errors go to stderr (`report.rs`). Libraries only log and return errors: this crate is for programs.
//!
//! A full-screen interface was rejected: it takes the log away, cannot be scrolled back, and is lost when training ends.
//! There are no colours, so `NO_COLOR` has nothing to switch off.

mod events;
mod interrupt;
mod lines;
mod report;
mod screen;

pub use interrupt::exit_code;
pub use lines::LogTail;
pub use report::{exit, report, say};

use solver::{Every, Solver, StopFlag};
use std::io;

/// Flags for every program that trains; `#[command(flatten)]` takes them into its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::Args)]
pub struct TerminalFlags {
    /// Writes warnings and errors only
    #[arg(long, conflicts_with = "json")]
    pub quiet: bool,
    /// Writes one JSON object a line: {"event": "log", ...} and {"event": "statistics", "iteration": ..., ...}
    #[arg(long)]
    pub json: bool,
}

/// The terminal of a program that trains.
///
/// ```no_run
/// # fn train(net: &mut layers::Net) -> Result<(), Box<dyn std::error::Error>> {
/// use terminal::{Terminal, TerminalFlags};
/// use solver::{Every, Sgd, Solver, TrainingSummary};
/// let terminal = Terminal::start(TerminalFlags::default())?;
/// let mut solver = Solver::new(Sgd::new()).max_iter(10_000).stop_on(terminal.stop_flag());
/// solver.add_coffee_break(TrainingSummary::new(), Every::Iters(100));
/// terminal.watch(&mut solver);
/// solver.solve(net)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Terminal {
    flags: TerminalFlags,
    stop: StopFlag,
    tail: LogTail,
    screen: screen::Screen,
}

impl Terminal {
    /// Starts logging and watches for Ctrl-C and SIGTERM. Once in a program: a second logger would be left out by `log`.
    ///
    /// # Errors
    /// The system refuses to watch for signals.
    pub fn start(flags: TerminalFlags) -> io::Result<Terminal> {
        let stop = StopFlag::new();
        let screen = if flags.quiet || flags.json { screen::Screen::hidden() } else { screen::Screen::new() };
        let tail = LogTail::default();
        lines::start_log(flags, screen.bar(), &stop, &tail);
        interrupt::watch(&stop)?;
        Ok(Terminal { flags, stop, tail, screen })
    }

    /// Set when training has to end: for [`Solver::stop_on`].
    pub fn stop_flag(&self) -> &StopFlag {
        &self.stop
    }

    /// The last lines of the log.
    pub fn log_tail(&self) -> &LogTail {
        &self.tail
    }

    /// Shows how this solver's run goes, as the flags want it. To be called when all other coffee breaks are there, since it
    /// shows what they record.
    pub fn watch(&self, solver: &mut Solver) {
        if self.flags.json {
            solver.add_coffee_break(events::Events, Every::Iters(1));
        } else if self.screen.is_seen() {
            solver.add_coffee_break(self.screen.coffee_break(), Every::Iters(1));
        }
    }
}
