//! What can go wrong in this program. `terminal` tells it: one `error:` block on stderr, with the causes below.

use std::{error::Error as StdError, io, path::Path};

/// The result of anything in this program.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A message for the user, complete in itself.
    #[error("{0}")]
    Message(String),
    /// A message for the user, and what the machine said.
    #[error("{message}")]
    Because { message: String, source: Box<dyn StdError + Send + Sync> },
    /// One of Crema's crates failed; its messages name layer or file.
    #[error(transparent)]
    Tensor(#[from] core_tensor::Error),
    #[error(transparent)]
    Net(#[from] layers::Error),
    #[error(transparent)]
    Solver(#[from] solver::Error),
    #[error(transparent)]
    Data(#[from] io_hdf5::Error),
    #[error(transparent)]
    Page(#[from] page::Error),
    #[error(transparent)]
    Picture(#[from] picture::Error),
    /// The terminal cannot be used.
    #[error("cannot write to stdout, or watch for Ctrl-C")]
    Terminal(#[from] io::Error),
}

impl Error {
    /// A message, and what the machine said.
    pub(crate) fn because(message: impl Into<String>, source: impl StdError + Send + Sync + 'static) -> Self {
        Error::Because { message: message.into(), source: Box::new(source) }
    }

    /// A file that could not be read or written.
    pub(crate) fn file(what: &str, path: &Path, source: impl StdError + Send + Sync + 'static) -> Self {
        Error::because(format!("cannot {what} {}", path.display()), source)
    }
}
