//! Zeroing random elements.

use super::{only_blobs, same_shape};
use crate::{Backend, Error, Launch, Philox, Result, Tensor};

/// Which elements of a blob are zeroed, as a function of their logical index.
///
/// The element of sample n and feature f (its place within the sample, row-major) belongs to word `f % 4` of the stream's
/// block `[f / 4, n, draw % 2^32, draw / 2^32]`, and is zeroed where that word is less than `ratio 2^32`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RandomMask {
    /// The stream that the mask is drawn from.
    pub stream: Philox,
    /// Which of the stream's masks it is.
    pub draw: u64,
    /// The probability of being zeroed, at least 0 and less than 1.
    pub ratio: f64,
}

/// `y = scale x` where the mask keeps, `y = 0 x` elsewhere. The backward pass is the same function of the gradients.
///
/// Kernel `dropout.apply`: reads x; writes y; sizes the two words of the key, the two of the draw (low ones first), and
/// `ratio 2^32`; scalar scale.
pub fn dropout(backend: &dyn Backend, mask: &RandomMask, scale: f64, x: &Tensor, y: &Tensor) -> Result<()> {
    same_shape("dropout", "the output", y, x)?;
    if !(0.0..1.0).contains(&mask.ratio) {
        return Err(Error::Value {
            what: "the ratio of dropout".into(),
            found: mask.ratio.to_string(),
            expected: "at least 0 and less than 1".into(),
        });
    }
    only_blobs("dropout", &[x, y])?;
    let [key_low, key_high] = mask.stream.key();
    let (draw_low, draw_high) = (mask.draw as u32, (mask.draw >> 32) as u32);
    // Exact: a multiplication by a power of two, rounded down to less than 2^32.
    let threshold = (mask.ratio * 2f64.powi(32)) as u32;
    let sizes = [key_low, key_high, draw_low, draw_high, threshold].map(|word| word as usize);
    backend.launch(Launch { kernel: "dropout.apply", reads: &[x], writes: &[y], sizes: &sizes, scalars: &[scale] })
}
