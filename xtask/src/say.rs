//! Lines for the person in front of the terminal.
//!
//! `println!` was rejected because it panics when its reader has gone (`cargo xtask tidy | head`); a chore goes on.

use crate::error::Error;
use indicatif::{ProgressBar, ProgressStyle};
use std::{
    fmt::Display,
    io::{Write, stderr, stdout},
    time::Duration,
};

/// A line of normal output; tests are silent.
pub(crate) fn line(text: impl Display) {
    if !cfg!(test) {
        let _ = writeln!(stdout(), "{text}");
    }
}

/// The last line of a chore that failed.
pub(crate) fn error(error: &Error) {
    let _ = writeln!(stderr(), "error: {error}");
}

/// A bar for a download; nothing is drawn unless standard error is a terminal.
pub(crate) fn download_bar(name: &str, bytes: Option<u64>) -> ProgressBar {
    let template = match bytes {
        Some(_) => "    {msg} [{bar:30}] {bytes}/{total_bytes}, {eta} left",
        None => "    {msg} {spinner} {bytes}",
    };
    let bar = bytes.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    styled(bar, template, name)
}

/// A bar for things that are counted; nothing is drawn unless standard error is a terminal.
pub(crate) fn counting_bar(what: &str) -> ProgressBar {
    styled(ProgressBar::new(0), "    {msg} [{bar:30}] {pos}/{len}, {eta} left", what)
}

/// A turning sign for work of unknown length; nothing is drawn unless standard error is a terminal.
pub(crate) fn spinner(what: &str) -> ProgressBar {
    let bar = styled(ProgressBar::new_spinner(), "    {msg} {spinner} {elapsed}", what);
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

fn styled(bar: ProgressBar, template: &str, message: &str) -> ProgressBar {
    // A template that does not parse leaves the bar in its default style.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.with_message(message.to_owned())
}
