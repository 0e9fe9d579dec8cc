//! The log: the tutorial's lines, or JSON objects.
//!
//! Log and screen share a terminal, so every line that is written goes through [`Lines`], which takes the screen away meanwhile.

use crate::{TerminalFlags, interrupt::SIGPIPE};
use indicatif::ProgressBar;
use jiff::Zoned;
use log::LevelFilter;
use serde_json::json;
use solver::StopFlag;
use std::io::{self, ErrorKind, Write};

/// Starts logging. `stop` is set when nobody reads the log any more.
pub(crate) fn start_log(flags: TerminalFlags, bar: &ProgressBar, stop: &StopFlag) {
    let lines = Lines { bar: bar.clone(), stop: stop.clone() };
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
