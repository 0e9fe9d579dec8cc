//! Logical shapes: row-major, the batch axis first.
//!
//! A `Shape` is a small `Copy` value, so that shape arithmetic in the training loop never allocates. Six axes are more than
//! any layer of Caffe or Mocha uses; a `Vec` was rejected for its allocation, a const generic rank for what it does to
//! signatures.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// The largest number of axes.
pub const MAX_RANK: usize = 6;

/// The sizes of a tensor's axes, outermost (the batch) first.
///
/// ```
/// use core_tensor::Shape;
/// let images = Shape::new(&[64, 3, 28, 28])?;
/// assert_eq!((images.batch(), images.sample_len()), (64, 3 * 28 * 28));
/// assert_eq!(images.to_string(), "64x3x28x28");
/// # Ok::<(), core_tensor::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<usize>", into = "Vec<usize>")]
pub struct Shape {
    rank: usize,
    sizes: [usize; MAX_RANK],
}

impl Shape {
    /// A shape from its sizes.
    ///
    /// # Errors
    /// More than [`MAX_RANK`] axes, or a product that does not fit in memory.
    pub fn new(sizes: &[usize]) -> Result<Self> {
        if sizes.len() > MAX_RANK {
            return Err(Error::Value {
                what: "the number of axes".into(),
                found: format!("{} ({sizes:?})", sizes.len()),
                expected: format!("at most {MAX_RANK}"),
            });
        }
        let elements = sizes.iter().try_fold(1usize, |product, &size| product.checked_mul(size));
        if elements.is_none_or(|n| n > isize::MAX as usize / 16) {
            return Err(Error::Value {
                what: "the number of elements of a blob".into(),
                found: format!("the product of {sizes:?}"),
                expected: "one that fits in memory".into(),
            });
        }
        let mut shape = Shape { rank: sizes.len(), sizes: [1; MAX_RANK] };
        shape.sizes[..sizes.len()].copy_from_slice(sizes);
        Ok(shape)
    }

    /// The sizes of all axes.
    pub fn sizes(&self) -> &[usize] {
        &self.sizes[..self.rank]
    }

    /// The number of axes.
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// The size of one axis; 1 for axes that the shape does not have, as in Mocha.
    pub fn axis(&self, axis: usize) -> usize {
        if axis < self.rank { self.sizes[axis] } else { 1 }
    }

    /// The size of the batch axis.
    pub fn batch(&self) -> usize {
        self.axis(0)
    }

    /// Elements of one sample: the product of all axes but the batch.
    pub fn sample_len(&self) -> usize {
        self.sizes().iter().skip(1).product()
    }

    /// Elements in all.
    pub fn len(&self) -> usize {
        self.sizes().iter().product()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same samples, another batch size. A shape without axes stays as it is.
    pub fn with_batch(mut self, batch: usize) -> Self {
        if self.rank > 0 {
            self.sizes[0] = batch;
        }
        self
    }

    /// The same shape with another size along one axis, without memory from the heap. A shape without that axis stays as it is.
    ///
    /// ```
    /// # use core_tensor::Shape;
    /// assert_eq!(Shape::new(&[64, 10])?.with_axis(1, 1)?, Shape::new(&[64, 1])?);
    /// # Ok::<(), core_tensor::Error>(())
    /// ```
    ///
    /// # Errors
    /// A product that does not fit in memory.
    pub fn with_axis(mut self, axis: usize, size: usize) -> Result<Self> {
        if axis < self.rank {
            self.sizes[axis] = size;
        }
        Shape::new(self.sizes())
    }

    /// Splits around `axis`: (product of the axes before it, its size, product of the axes after it).
    pub fn around(&self, axis: usize) -> (usize, usize, usize) {
        let axis = axis.min(self.rank);
        let after = self.sizes().iter().skip(axis + 1).product();
        (self.sizes[..axis].iter().product(), self.axis(axis), after)
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.rank == 0 {
            return f.write_str("scalar");
        }
        for (i, size) in self.sizes().iter().enumerate() {
            write!(f, "{}{size}", if i == 0 { "" } else { "x" })?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl TryFrom<Vec<usize>> for Shape {
    type Error = Error;
    fn try_from(sizes: Vec<usize>) -> Result<Self> {
        Shape::new(&sizes)
    }
}

impl From<Shape> for Vec<usize> {
    fn from(shape: Shape) -> Self {
        shape.sizes().to_vec()
    }
}

/// A width and a height: of a kernel, a stride or a pad. Tuples are (width, height), as in Mocha's tutorial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Size2 {
    /// Extent along the rows, in pixels.
    pub width: usize,
    /// Extent along the columns, in pixels.
    pub height: usize,
}

impl From<(usize, usize)> for Size2 {
    fn from((width, height): (usize, usize)) -> Self {
        Size2 { width, height }
    }
}

impl std::fmt::Display for Size2 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "(width {}, height {})", self.width, self.height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn around_multiplies_to_len(sizes in prop::collection::vec(0usize..7, 0..=MAX_RANK), axis in 0usize..MAX_RANK) {
            let shape = Shape::new(&sizes).unwrap();
            let (before, size, after) = shape.around(axis);
            if axis < sizes.len() {
                prop_assert_eq!(before * size * after, shape.len());
            }
            prop_assert_eq!(shape.len(), sizes.iter().product::<usize>());
        }
    }

    #[test]
    fn too_large_is_an_error() {
        assert!(Shape::new(&[usize::MAX, 2]).is_err());
        assert!(Shape::new(&[1; MAX_RANK + 1]).is_err());
    }

    #[test]
    fn missing_axes_count_one() {
        let shape = Shape::new(&[4, 3]).unwrap();
        assert_eq!((shape.axis(1), shape.axis(2)), (3, 1));
        assert_eq!(shape.around(1), (4, 3, 1));
        assert_eq!(shape.with_batch(7).to_string(), "7x3");
    }
}
