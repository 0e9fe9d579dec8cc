//! The error type of training runs.

use std::{error::Error as StdError, path::PathBuf};

/// The result of training, saving and loading.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong in a run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The net failed. Boxed, like the next, because errors with two shapes in them are large and results travel.
    #[error(transparent)]
    Net(Box<layers::Error>),
    /// A tensor operation of an update failed.
    #[error(transparent)]
    Tensor(Box<core_tensor::Error>),
    /// A setting makes no sense.
    #[error("{what} is {found}; expected {expected}")]
    Value {
        /// The setting.
        what: String,
        /// The value that was given.
        found: String,
        /// What would be right.
        expected: String,
    },
    /// The loss became NaN or infinite.
    #[error(
        "training diverged at iteration {iteration}: the loss is {loss}, and the first blob with a NaN or infinite value is \
         {blob}. The last good snapshot is kept. Try a smaller learning rate, or look at the input data"
    )]
    Diverged {
        /// The iteration whose loss it was.
        iteration: u64,
        /// The loss.
        loss: f64,
        /// The first bad blob in order of computation, with the layer that made it.
        blob: String,
    },
    /// A snapshot does not fit the solver or the net.
    #[error("snapshot {}: {message}", path.display())]
    Snapshot {
        /// The file.
        path: PathBuf,
        /// What does not fit, and what to do.
        message: String,
    },
    /// A file could not be read or written.
    #[error("{}: {message}", path.display())]
    File {
        /// The file or directory.
        path: PathBuf,
        /// What happened, and what to do.
        message: String,
        /// The cause underneath.
        #[source]
        source: Option<Box<dyn StdError + Send + Sync>>,
    },
    /// A hook on the gradients failed.
    #[error("the gradient hook failed at iteration {iteration}")]
    GradientHook {
        /// The iteration whose gradients they were.
        iteration: u64,
        /// What it said.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
    /// A user's coffee break failed.
    #[error("coffee break `{name}` failed")]
    CoffeeBreak {
        /// Which one.
        name: String,
        /// What it said.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
}

impl From<layers::Error> for Error {
    fn from(error: layers::Error) -> Self {
        Error::Net(Box::new(error))
    }
}

impl From<core_tensor::Error> for Error {
    fn from(error: core_tensor::Error) -> Self {
        Error::Tensor(Box::new(error))
    }
}
