//! The error type of files: every variant names the file, and the dataset where there is one.

use std::{
    io::{self, ErrorKind},
    path::PathBuf,
};

/// The result of reading or writing a file.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong with a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused: no such file, no permission, full disk.
    #[error("{}: cannot {action}: {source}{}", path.display(), advice(source.kind()))]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What was tried, e.g. `open the file`.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not HDF5, is cut off, has wrong bytes in it, or uses a part of HDF5 that is not known here.
    #[error("{}: {}this is damaged, cut off, not HDF5, or HDF5 of a kind that is not read here: {message}; fetch or write the file again", path.display(), prefix(dataset))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The dataset, or nothing when it is not about a single one.
        dataset: String,
        /// Where the reader stopped.
        message: String,
    },
    /// The file has no dataset of this name.
    #[error("{}: there is no dataset `{dataset}`; {hint}", path.display())]
    NoDataset {
        /// The file.
        path: PathBuf,
        /// The name that was asked for.
        dataset: String,
        /// The datasets that there are.
        hint: String,
    },
    /// A dataset is not what is needed: its shape, its element type, its size.
    #[error("{}: dataset `{dataset}`: {what} is {found}; expected {expected}", path.display())]
    Dataset {
        /// The file.
        path: PathBuf,
        /// The dataset.
        dataset: String,
        /// The property, e.g. `the element type`.
        what: &'static str,
        /// What the file has.
        found: String,
        /// What would be right, and if need be how to get there.
        expected: String,
    },
    /// The file as a whole is not what is needed, e.g. a list of files without a line.
    #[error("{}: {message}", path.display())]
    Content {
        /// The file or directory.
        path: PathBuf,
        /// What was found, what was expected, what to do.
        message: String,
    },
    /// A setting makes no sense, e.g. a batch size of zero.
    #[error("{what} is {found}; expected {expected}")]
    Value {
        /// The setting.
        what: &'static str,
        /// The value that was given.
        found: String,
        /// What would be right.
        expected: String,
    },
}

impl Error {
    /// The file or directory that it is about.
    fn path(&self) -> Option<&PathBuf> {
        match self {
            Error::Io { path, .. }
            | Error::Unreadable { path, .. }
            | Error::NoDataset { path, .. }
            | Error::Dataset { path, .. }
            | Error::Content { path, .. } => Some(path),
            Error::Value { .. } => None,
        }
    }
}

impl From<Error> for layers::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Value { what, found, expected } => layers::Error::Value { what: what.into(), found, expected },
            other => layers::Error::source_failed(other),
        }
    }
}

impl From<Error> for solver::Error {
    fn from(error: Error) -> Self {
        // The solver's error starts with the path, as ours does: it is said once.
        let path = error.path().cloned().unwrap_or_default();
        let full = error.to_string();
        let message = full.strip_prefix(&format!("{}: ", path.display())).unwrap_or(&full).to_owned();
        match error {
            Error::Value { what, found, expected } => solver::Error::Value { what: what.into(), found, expected },
            Error::Io { source, .. } => solver::Error::File { path, message, source: Some(Box::new(source)) },
            _ => solver::Error::File { path, message, source: None },
        }
    }
}

/// What to do about what the system said, where a user can do something.
fn advice(kind: io::ErrorKind) -> &'static str {
    match kind {
        ErrorKind::NotFound => "; check the path, which starts at the working directory if it is relative",
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "; choose a place that this user may use, or change its permissions"
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            "; make room there or choose another place; what was written before is intact"
        }
        _ => "",
    }
}

/// Words for the dataset at fault, if there is one.
fn prefix(dataset: &str) -> String {
    if dataset.is_empty() { String::new() } else { format!("dataset `{dataset}`: ") }
}
