//! What can go wrong in this program, and how it is told: one `error:` block on stderr, with the causes below.
//!
//! `anyhow` was rejected: the two things that it would do here, a message and a chain of causes, are this file.

use std::{error::Error as StdError, fmt::Write, path::Path};

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
    /// The embedded sample cannot be unpacked.
    #[error("the embedded sample of MNIST is damaged; build the program again")]
    Sample(#[from] std::io::Error),
    /// One of Crema's crates failed; its messages name layer or file.
    #[error(transparent)]
    Tensor(#[from] core_tensor::Error),
    #[error(transparent)]
    Net(#[from] layers::Error),
    #[error(transparent)]
    Solver(#[from] solver::Error),
    #[error(transparent)]
    Data(#[from] io_hdf5::Error),
    /// Whoever read our output has gone away, e.g. `| head`.
    #[error("nobody reads the output")]
    BrokenPipe,
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

    /// The block that the user sees.
    pub(crate) fn report(&self) -> String {
        let mut text = format!("error: {self}");
        let mut cause = self.source();
        while let Some(error) = cause {
            // Some errors repeat their cause in their own text; saying it once is enough.
            let message = error.to_string();
            if !text.contains(&message) {
                let _ = write!(text, "\n  because: {message}");
            }
            cause = error.source();
        }
        text
    }
}
