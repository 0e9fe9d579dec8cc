//! Why a PTX file cannot be executed.

use thiserror::Error;

/// A PTX file that cannot be read or executed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{file}:{line}: {what}")]
pub struct Error {
    /// The name under which the text was given.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// What was found, and what was expected.
    pub what: String,
}

/// Result of reading PTX.
pub type Result<T> = std::result::Result<T, Error>;

/// An error without its file, which is added by whoever knows it.
#[derive(Debug, Clone)]
pub(crate) struct Flaw {
    pub(crate) line: usize,
    pub(crate) what: String,
}

impl Flaw {
    pub(crate) fn new(line: usize, what: impl Into<String>) -> Self {
        Flaw { line, what: what.into() }
    }

    pub(crate) fn in_file(self, file: &str) -> Error {
        Error { file: file.into(), line: self.line, what: self.what }
    }
}
