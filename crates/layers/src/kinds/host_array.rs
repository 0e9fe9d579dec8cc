//! An array in the user's memory, of either element type, that costs nothing to clone.

use ndarray::{ArcArray, Array, Dimension, IxDyn};

/// An n-dimensional array of f32 or f64, samples along axis 0. Made from any owned `ndarray` array with `into()`.
///
/// ```
/// use layers::HostArray;
/// let images: HostArray = ndarray::Array4::<f32>::zeros((10, 1, 28, 28)).into();
/// assert_eq!(images.shape(), [10, 1, 28, 28]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum HostArray {
    /// 32-bit numbers.
    F32(ArcArray<f32, IxDyn>),
    /// 64-bit numbers.
    F64(ArcArray<f64, IxDyn>),
}

impl HostArray {
    /// The sizes of all axes.
    pub fn shape(&self) -> &[usize] {
        match self {
            HostArray::F32(array) => array.shape(),
            HostArray::F64(array) => array.shape(),
        }
    }
}

impl<D: Dimension> From<Array<f32, D>> for HostArray {
    fn from(array: Array<f32, D>) -> Self {
        HostArray::F32(row_major(array))
    }
}

impl<D: Dimension> From<Array<f64, D>> for HostArray {
    fn from(array: Array<f64, D>) -> Self {
        HostArray::F64(row_major(array))
    }
}

/// The same array in row-major order, which layers read as a slice; copies only if it is not so yet.
fn row_major<T: Clone, D: Dimension>(array: Array<T, D>) -> ArcArray<T, IxDyn> {
    let array = array.into_dyn();
    if array.is_standard_layout() { array.into_shared() } else { array.as_standard_layout().into_owned().into_shared() }
}
