//! Pictures: of networks ([`network`]) and of how they learned ([`LearningCurve`]). They are made as text or pixels; writing files
//! is the caller's.

mod curve;
mod font;
pub mod network;

pub use curve::LearningCurve;
pub use font::use_embedded_font;

/// What goes wrong in drawing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The layout of a network failed.
    #[error("net `{net}` cannot be drawn: {reason}; `picture::network::dot` gives its picture as text for GraphViz")]
    Layout {
        /// The net's name.
        net: String,
        /// What the layout said.
        reason: String,
    },
    /// A curve needs two points.
    #[error("there are {0} objective values; a curve needs two")]
    TooFewValues(usize),
    /// The plotting library failed.
    #[error("the curve cannot be drawn: {0}")]
    Plot(String),
}
