//! The error type of `core-tensor` and of the backends.
//!
//! Every variant says what was found, what was expected and, where there is something to do, what to do. The layer's name
//! is added one floor up, in `layers`, where it is known.

use crate::{DType, Shape};

/// The result of an operation on tensors.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong in an operation on tensors.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Two shapes that must agree do not.
    #[error("{operation}: {what} has shape {found}, expected {expected}")]
    Shape {
        /// The operation that was asked for, e.g. `convolution forward`.
        operation: &'static str,
        /// The operand at fault, e.g. `filter`.
        what: &'static str,
        /// The shape that was given.
        found: Shape,
        /// The shape that fits.
        expected: Shape,
    },
    /// A tensor or host array has another element type than the operation needs.
    #[error("{operation}: {what} holds {found} numbers, expected {expected}")]
    DType {
        /// The operation that was asked for.
        operation: &'static str,
        /// The operand at fault.
        what: &'static str,
        /// The element type that was given.
        found: DType,
        /// The element type that fits.
        expected: DType,
    },
    /// A host buffer has another number of elements than the tensor.
    #[error("{operation}: the host buffer has {found} elements, the tensor of shape {shape} has {expected}")]
    Length {
        /// `write` or `read`.
        operation: &'static str,
        /// The tensor's shape.
        shape: Shape,
        /// The host buffer's length.
        found: usize,
        /// The number of elements that `shape` has.
        expected: usize,
    },
    /// A property has a value that makes no sense, e.g. a stride of zero or a kernel larger than its padded input.
    #[error("{what} is {found}; expected {expected}")]
    Value {
        /// The property, in words a user knows.
        what: String,
        /// The value that was given.
        found: String,
        /// What would be right, and if need be how to get there.
        expected: String,
    },
    /// A tensor lives in another backend's memory.
    #[error(
        "{operation}: a tensor of backend `{found}` was given to backend `{expected}`; build the whole net on one backend"
    )]
    ForeignTensor {
        /// The operation that was asked for.
        operation: &'static str,
        /// The backend that owns the tensor.
        found: String,
        /// The backend that was asked to compute.
        expected: String,
    },
    /// One tensor was passed as operand and as result of an operation that cannot work in place.
    #[error("{operation}: the same memory was given as operand and as result; this operation does not work in place")]
    Aliased {
        /// The operation that was asked for.
        operation: &'static str,
    },
    /// The backend has no kernel of this name.
    #[error("backend `{backend}` has no kernel `{kernel}`")]
    UnknownKernel {
        /// The backend's name.
        backend: String,
        /// The kernel that was asked for.
        kernel: String,
    },
    /// The backend's memory, device or driver failed.
    #[error("backend `{backend}`: {message}")]
    Backend {
        /// The backend's name.
        backend: String,
        /// What it says, and what to do.
        message: String,
    },
}
