//! What the user sees: log lines in the tutorial's style on stdout, and on a terminal a progress bar below them.
//!
//! Log lines are this program's product, so they go to stdout and `| tee train.log` keeps them; errors go to stderr. In a pipe
//! there is no bar. The two share a screen, so every line that is written goes through [`Lines`], which takes the bar away
//! meanwhile.

use crate::{
    error::{Error, Result},
    interrupt::SIGPIPE,
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Zoned;
use solver::{BreakContext, BreakResult, CoffeeBreak, StopFlag};
use std::{
    io::{self, ErrorKind, IsTerminal, Write},
    process::ExitCode,
};

/// Writes a line to stdout.
pub(crate) fn say(text: &str) -> Result<()> {
    match writeln!(io::stdout().lock(), "{text}") {
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Err(Error::BrokenPipe),
        result => result.map_err(|e| Error::because("cannot write to stdout", e)),
    }
}

/// Tells an error, and says with which code to exit.
pub(crate) fn tell(error: &Error) -> ExitCode {
    if matches!(error, Error::BrokenPipe) {
        return ExitCode::from(crate::interrupt::exit_code(SIGPIPE));
    }
    // Nothing can be done if stderr is closed too.
    let _ = writeln!(io::stderr().lock(), "{}", error.report());
    ExitCode::FAILURE
}

/// Starts logging. `stop` is set when nobody reads the log any more.
pub(crate) fn start_log(bar: &ProgressBar, stop: &StopFlag) {
    let lines = Lines { bar: bar.clone(), stop: stop.clone() };
    env_logger::Builder::new()
        .filter_level(log::LevelFilter::Info)
        .parse_default_env()
        .target(env_logger::Target::Pipe(Box::new(lines)))
        .format(|line, record| {
            let time = Zoned::now().strftime("%d-%b %H:%M:%S");
            let text = format!("{time}:{}: {}", record.level(), record.args());
            writeln!(line, "{}", text.trim_end())
        })
        .init();
}

/// A progress bar on a terminal; in a pipe one that is never drawn.
pub(crate) fn progress_bar(iterations: u64) -> ProgressBar {
    let seen = io::stdout().is_terminal() && io::stderr().is_terminal();
    let target = if seen { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(iterations), target);
    let style = ProgressStyle::with_template("{bar:40} {percent:>3} %  iteration {pos} of {len}  {eta} left");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// The coffee break that moves the bar.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    pub(crate) fn new(bar: &ProgressBar) -> Self {
        Progress(bar.clone())
    }
}

impl CoffeeBreak for Progress {
    fn name(&self) -> &str {
        "progress-bar"
    }

    fn init(&mut self, context: &mut BreakContext<'_>) -> BreakResult {
        self.0.set_position(context.iteration);
        self.0.reset_eta(); // what was done before a resume says nothing about the pace
        Ok(())
    }

    fn enjoy(&mut self, context: &mut BreakContext<'_>) -> BreakResult {
        self.0.set_position(context.iteration);
        Ok(())
    }
}

/// The writer behind the log: takes the bar away while a line is written, and notices when nobody reads.
struct Lines {
    bar: ProgressBar,
    stop: StopFlag,
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.bar.suspend(|| io::stdout().lock().write_all(bytes));
        if written.as_ref().is_err_and(|e| e.kind() == ErrorKind::BrokenPipe) {
            self.stop.stop(SIGPIPE);
        }
        written.map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().lock().flush()
    }
}
