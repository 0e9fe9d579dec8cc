//! The log: the tutorial's lines, or JSON objects.
//!
//! Log and screen share a terminal, so every line that is written goes through [`Lines`], which takes the screen away meanwhile.

use crate::{TerminalFlags, interrupt::SIGPIPE};
use indicatif::ProgressBar;
use jiff::Zoned;
use log::LevelFilter;
use serde_json::json;
use solver::StopFlag;
use std::{
    collections::VecDeque,
    io::{self, ErrorKind, Write},
    sync::{Arc, Mutex, PoisonError},
};

/// How many lines a [`LogTail`] keeps.
const TAIL: usize = 200;

/// The last lines of the log, for whoever else shows them. Clones mean the same log.
#[derive(Debug, Clone, Default)]
pub struct LogTail(Arc<Mutex<VecDeque<String>>>);

impl LogTail {
    /// The lines, at most 200, the oldest first.
    pub fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    fn push(&self, text: &str) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.extend(text.lines().map(str::to_owned));
        let surplus = lines.len().saturating_sub(TAIL);
        lines.drain(..surplus);
    }
}

/// Starts logging. `stop` is set when nobody reads the log any more.
pub(crate) fn start_log(flags: TerminalFlags, bar: &ProgressBar, stop: &StopFlag, tail: &LogTail) {
    let lines = Lines { bar: bar.clone(), stop: stop.clone(), tail: tail.clone() };
    env_logger::Builder::new()
        .filter_level(if flags.quiet { LevelFilter::Warn } else { LevelFilter::Info })
        .parse_default_env()
        .target(env_logger::Target::Pipe(Box::new(lines)))
        .format(move |line, record| {
            let text = record.args().to_string();
            if flags.json {
                let time = Zoned::now().strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
                let level = record.level().as_str();
                return writeln!(line, "{}", json!({"event": "log", "time": time, "level": level, "text": text}));
            }
            let time = Zoned::now().strftime("%d-%b %H:%M:%S");
            writeln!(line, "{}", format!("{time}:{}: {text}", record.level()).trim_end())
        })
        .init();
}

/// The writer behind the log: takes the screen away while a line is written, and notices when nobody reads.
struct Lines {
    bar: ProgressBar,
    stop: StopFlag,
    tail: LogTail,
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // The logger writes whole lines.
        self.tail.push(&String::from_utf8_lossy(bytes));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_the_last_lines() {
        let tail = LogTail::default();
        (0..150).for_each(|i| tail.push(&format!("{i} a\n{i} b\n")));
        let lines = tail.lines();
        assert_eq!((lines.len(), lines[0].as_str(), lines[199].as_str()), (200, "50 a", "149 b"));
    }
}
