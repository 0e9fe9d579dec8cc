//! What a chore says when it fails: one text for a person to read.
//!
//! Nobody matches on a chore's errors, so there are no variants; what there is instead is the habit of saying at each step
//! which file or address it was about.

use std::fmt::{Debug, Display};

/// The result of a chore.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Error(pub(crate) String);

impl Error {
    /// An error with this text.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Error(text.into())
    }
}

/// Says what an error was about.
pub(crate) trait About<T> {
    /// Puts `subject: ` in front of the error's text.
    fn about(self, subject: impl Display) -> Result<T>;
}

impl<T, E: Display> About<T> for std::result::Result<T, E> {
    fn about(self, subject: impl Display) -> Result<T> {
        self.map_err(|error| Error(format!("{subject}: {error}")))
    }
}
