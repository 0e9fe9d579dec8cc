//! How many numbers become one.

use serde::{Deserialize, Serialize};

/// What a reduction adds up; names are Caffe's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ReductionOperation {
    /// The numbers.
    #[default]
    Sum,
    /// Their absolute values.
    AbsoluteSum,
    /// Their squares.
    SumOfSquares,
    /// The numbers, divided by how many they are.
    Mean,
}

impl ReductionOperation {
    /// The number that kernels know the operation by (also in `kernels/reduction.cu`). A mean is a sum to them.
    pub fn code(self) -> usize {
        match self {
            ReductionOperation::Sum | ReductionOperation::Mean => 0,
            ReductionOperation::AbsoluteSum => 1,
            ReductionOperation::SumOfSquares => 2,
        }
    }
}
