//! The error type of layers and nets: every variant names the layer or the blob.

use std::error::Error as StdError;

/// The result of building or running a net.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong in a net.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A layer failed; the source says how.
    #[error("layer `{layer}` ({kind}): {source}")]
    Layer {
        /// The layer's name.
        layer: String,
        /// The layer's kind, e.g. `Convolution`.
        kind: &'static str,
        /// What happened inside.
        source: Box<Error>,
    },
    /// The layers do not form a network.
    #[error("illegal network topology in net `{net}`: {message}")]
    Topology {
        /// The net's name.
        net: String,
        /// Which blob or layer, and what to do.
        message: String,
    },
    /// A tensor operation failed.
    #[error(transparent)]
    Tensor(#[from] core_tensor::Error),
    /// A property, a label or an operand has a value that makes no sense.
    #[error("{what} is {found}; expected {expected}")]
    Value {
        /// The property, in words a user knows.
        what: String,
        /// The value that was given.
        found: String,
        /// What would be right, and if need be how to get there.
        expected: String,
    },
    /// No layer, blob or parameter of this name.
    #[error("net `{net}` has no {what} `{name}`{hint}")]
    NotFound {
        /// The net's name.
        net: String,
        /// `layer`, `blob` or `parameter`.
        what: &'static str,
        /// The name that was asked for.
        name: String,
        /// The nearest existing name, as `; did you mean ...?`, or the list of names.
        hint: String,
    },
    /// A gradient check found a wrong gradient.
    #[error(
        "the gradient of {place} is {analytic}, but a central difference gives {numeric}; expected them to agree within \
         {tolerance} of the larger. The layer's backward pass is wrong, or its output has a kink there"
    )]
    Gradient {
        /// Which element of which parameter or blob.
        place: String,
        /// What the backward pass has computed.
        analytic: f64,
        /// What a central difference of the loss gives.
        numeric: f64,
        /// The largest difference allowed.
        tolerance: f64,
    },
    /// A data source failed, e.g. a file could not be read.
    #[error("{0}")]
    Source(#[source] Box<dyn StdError + Send + Sync>),
}

impl Error {
    /// Says in which layer it happened; an error that already names its layer stays as it is.
    pub fn in_layer(self, layer: &str, kind: &'static str) -> Self {
        match self {
            named @ (Error::Layer { .. } | Error::Topology { .. } | Error::NotFound { .. }) => named,
            other => Error::Layer { layer: layer.into(), kind, source: Box::new(other) },
        }
    }

    /// Wraps a data source's own error.
    pub fn source_failed(error: impl StdError + Send + Sync + 'static) -> Self {
        Error::Source(Box::new(error))
    }
}
