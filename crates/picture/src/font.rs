//! The font of all plots. It is embedded, because a bare machine has none; asking the system for one would need its C libraries.

use crate::Error;
use plotters::style::{FontStyle, register_font};

/// Gives `plotters` an embedded font under the name `sans-serif`: DejaVu Sans, ASCII only. Whoever draws with `plotters` calls it
/// first; again does no harm.
///
/// # Errors
/// The program was built with a damaged font.
pub fn use_embedded_font() -> Result<(), Error> {
    register_font("sans-serif", FontStyle::Normal, include_bytes!("../font/DejaVuSans-ascii.ttf"))
        .map_err(|_| Error::Plot("the embedded font is damaged".into()))
}
