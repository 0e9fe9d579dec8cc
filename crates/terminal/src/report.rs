//! How a program says things and how it fails: one `error:` block on stderr, with the causes below.
//!
//! `anyhow` was rejected: what it would do here, a chain of causes, is this file, and it says causes twice.

use crate::interrupt::{SIGPIPE, exit_code};
use std::{
    error::Error,
    fmt::Write as _,
    io::{self, ErrorKind, Write},
    process::ExitCode,
};

/// Writes a line to stdout.
///
/// # Errors
/// Nobody reads (`| head`), or the disk behind stdout is full.
pub fn say(text: &str) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{text}")
}

/// Tells an error on stderr, and says with which code to exit: as if SIGPIPE had ended the program, silently, if the error is
/// that nobody reads its output.
pub fn exit(error: &(dyn Error + 'static)) -> ExitCode {
    let nobody_reads = |e: &io::Error| e.kind() == ErrorKind::BrokenPipe;
    if causes(error).any(|cause| cause.downcast_ref::<io::Error>().is_some_and(nobody_reads)) {
        return ExitCode::from(exit_code(SIGPIPE));
    }
    // Nothing can be done if stderr is closed too.
    let _ = writeln!(io::stderr().lock(), "{}", report(error));
    ExitCode::FAILURE
}

/// The block that the user sees. A cause that its error's own text repeats is said once.
///
/// ```
/// let cause = std::io::Error::other("the disk is full");
/// assert_eq!(terminal::report(&cause), "error: the disk is full");
/// ```
pub fn report(error: &(dyn Error + 'static)) -> String {
    let mut text = format!("error: {error}");
    for cause in causes(error).skip(1) {
        let message = cause.to_string();
        if !text.contains(&message) {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n  because: {message}");
        }
    }
    text
}

/// The error, its cause, the cause's cause, and so on.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}
