//! Cutting a window out of images.

use super::only_blobs;
use crate::{Backend, Error, Launch, Result, Shape, Tensor};

/// Where a window is cut out of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CropWindow {
    /// The first row.
    pub top: usize,
    /// The first column.
    pub left: usize,
    /// Whether columns are taken from right to left.
    pub mirror: bool,
}

/// `y`, (N, C, H', W'), gets the window of `x`, (N, C, H, W), that begins at row `top` and column `left`, with its columns in
/// reverse order if it is mirrored.
///
/// Kernel `crop.forward`: reads x; writes y; sizes top, left, mirror (0 or 1).
pub fn crop_forward(backend: &dyn Backend, window: CropWindow, x: &Tensor, y: &Tensor) -> Result<()> {
    check("crop forward", window, x, y)?;
    let sizes = [window.top, window.left, usize::from(window.mirror)];
    backend.launch(Launch { kernel: "crop.forward", reads: &[x], writes: &[y], sizes: &sizes, scalars: &[] })
}

/// `dx` gets `dy` where the window was, and 0 elsewhere.
///
/// Kernel `crop.backward`: reads dy; writes dx; sizes as forward.
pub fn crop_backward(backend: &dyn Backend, window: CropWindow, dy: &Tensor, dx: &Tensor) -> Result<()> {
    check("crop backward", window, dx, dy)?;
    let sizes = [window.top, window.left, usize::from(window.mirror)];
    backend.launch(Launch { kernel: "crop.backward", reads: &[dy], writes: &[dx], sizes: &sizes, scalars: &[] })
}

fn check(operation: &'static str, window: CropWindow, image: &Tensor, cut: &Tensor) -> Result<()> {
    only_blobs(operation, &[image, cut])?;
    let (outer, inner) = (image.shape(), cut.shape());
    let fits = window.top + inner.axis(2) <= outer.axis(2) && window.left + inner.axis(3) <= outer.axis(3);
    if outer.rank() != 4 || !fits {
        return Err(Error::Value {
            what: format!("the window of {operation}"),
            found: format!("row {} and column {} of {outer} to {inner}", window.top, window.left),
            expected: "a window that lies within images (N, channels, height, width)".into(),
        });
    }
    let expected = Shape::new(&[outer.batch(), outer.axis(1), inner.axis(2), inner.axis(3)])?;
    if inner == expected {
        return Ok(());
    }
    Err(Error::Shape { operation, what: "the window", found: inner, expected })
}
