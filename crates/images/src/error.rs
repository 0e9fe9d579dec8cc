//! The error type of this crate.

use std::path::{Path, PathBuf};

/// The result of working with pictures.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A picture, list or folder cannot be used.
    #[error("{}: {message}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// What is wrong, and what to do.
        message: String,
    },
    /// A setting makes no sense.
    #[error("{what} is {found}; expected {expected}")]
    Value {
        /// The setting.
        what: String,
        /// What was given.
        found: String,
        /// What would be right.
        expected: String,
    },
    /// The data set cannot be written.
    #[error(transparent)]
    Hdf5(#[from] io_hdf5::Error),
    /// The network cannot be asked.
    #[error(transparent)]
    Solver(#[from] solver::Error),
    /// A shape that no tensor has.
    #[error(transparent)]
    Tensor(#[from] core_tensor::Error),
}

impl Error {
    /// Something about a file.
    pub(crate) fn file(path: &Path, message: impl ToString) -> Self {
        Error::File { path: path.into(), message: message.to_string() }
    }

    /// A setting that makes no sense.
    pub(crate) fn value(what: &str, found: impl ToString, expected: impl ToString) -> Self {
        Error::Value { what: what.into(), found: found.to_string(), expected: expected.to_string() }
    }
}
