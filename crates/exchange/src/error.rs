//! The error type of this crate.

/// The result of writing or reading another format.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong. The caller knows the file's name and adds it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are not in the format.
    #[error("this is no {format} file, or a damaged one: {reason}")]
    Format {
        /// The format's name.
        format: &'static str,
        /// What its library says.
        reason: String,
    },
    /// An array cannot become a parameter.
    #[error("array `{array}` is {found}; expected {expected}")]
    Array {
        /// Its name in the file.
        array: String,
        /// What it is.
        found: String,
        /// What it must be.
        expected: String,
    },
    /// A layer cannot be said in the format.
    #[error("layer `{layer}` ({kind}) cannot be exported: {reason}")]
    Layer {
        /// The layer's name.
        layer: String,
        /// Its kind.
        kind: String,
        /// Why, and what to do.
        reason: String,
    },
    /// The net itself.
    #[error(transparent)]
    Net(#[from] layers::Error),
    /// A tensor cannot be read.
    #[error(transparent)]
    Tensor(#[from] core_tensor::Error),
}

impl Error {
    /// Bytes that the format's library refuses.
    pub(crate) fn format(format: &'static str, reason: impl ToString) -> Self {
        Error::Format { format, reason: reason.to_string() }
    }

    /// An array that cannot become a parameter.
    pub(crate) fn array(array: &str, found: impl Into<String>, expected: impl Into<String>) -> Self {
        Error::Array { array: array.to_owned(), found: found.into(), expected: expected.into() }
    }
}
