//! Tensors: cheap handles to blocks of numbers in a backend's memory.
//!
//! Cloning a tensor copies the handle, not the numbers, like a file handle or a Mocha blob: that is how a training net and
//! its validation net share parameters, and how `Reshape` costs nothing. Who may touch the numbers when is the backend's
//! business: the CPU locks each block for the length of an operation, CUDA orders them on a stream. The alternative, plain
//! `&mut` borrows held by the net, was rejected because parameters are shared between nets that live side by side.

use crate::{DType, Element, Error, HostSlice, HostSliceMut, Result, Shape};
use ndarray::{ArrayD, IxDyn};
use std::{any::Any, fmt, sync::Arc};

/// What a tensor is for; the backend chooses the physical layout by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A blob that flows forward. Where the batch is padded to a vector's width, the pad repeats the last sample, so that it
    /// is as finite as real data.
    Data,
    /// A blob's gradient, laid out like its data. The pad is zero, so that sums over the batch need no mask; every kernel
    /// that writes a gradient keeps it so.
    Diff,
    /// A parameter, its gradient or its history, and small results: row-major, no padding.
    Param,
}

/// A block of a backend's memory. Implemented by backends only.
pub trait Storage: Any + Send + Sync {
    /// The owning backend's name.
    fn backend(&self) -> &'static str;
    /// Copies `source` (logical order, already checked for length) in, converting the element type if need be.
    fn write(&self, shape: Shape, role: Role, source: HostSlice<'_>) -> Result<()>;
    /// Copies the numbers out in logical order, converting the element type if need be.
    fn read(&self, shape: Shape, role: Role, target: HostSliceMut<'_>) -> Result<()>;
    /// Bytes of memory held, padding included.
    fn bytes(&self) -> usize;
    /// For the backend's downcast to its own type.
    fn as_any(&self) -> &dyn Any;
}

/// A handle to a block of numbers with a logical shape.
#[derive(Clone)]
pub struct Tensor {
    shape: Shape,
    dtype: DType,
    role: Role,
    storage: Arc<dyn Storage>,
}

impl Tensor {
    /// Wraps a backend's memory. For backends; users call [`crate::Backend::alloc`].
    pub fn from_storage(shape: Shape, dtype: DType, role: Role, storage: Arc<dyn Storage>) -> Self {
        Tensor { shape, dtype, role, storage }
    }

    /// The logical shape.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The element type.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// What the tensor is for.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The backend's memory behind the handle.
    pub fn storage(&self) -> &Arc<dyn Storage> {
        &self.storage
    }

    /// Whether both handles mean the same memory.
    pub fn same_memory(&self, other: &Tensor) -> bool {
        Arc::ptr_eq(&self.storage, &other.storage)
    }

    /// A handle to the same memory with another shape of the same number of elements. Blobs must keep their batch size,
    /// since the backend lays them out by it.
    ///
    /// # Errors
    /// [`Error::Shape`] when the number of elements or, for blobs, the batch size differs.
    pub fn reshaped(&self, shape: Shape) -> Result<Tensor> {
        let same_batch = self.role == Role::Param || shape.batch() == self.shape.batch();
        if shape.len() != self.shape.len() || !same_batch {
            return Err(Error::Shape { operation: "reshape", what: "the blob", found: self.shape, expected: shape });
        }
        Ok(Tensor { shape, ..self.clone() })
    }

    /// Copies numbers in, in logical (row-major) order; f32 and f64 are converted into one another.
    ///
    /// # Errors
    /// [`Error::Length`] when `source` has another number of elements; a backend's own failure.
    pub fn write<T: Element>(&self, source: &[T]) -> Result<()> {
        self.check_length("write", source.len())?;
        self.storage.write(self.shape, self.role, T::host(source))
    }

    /// Copies the numbers out, in logical (row-major) order; f32 and f64 are converted into one another.
    ///
    /// # Errors
    /// [`Error::Length`] when `target` has another number of elements; a backend's own failure.
    pub fn read_into<T: Element>(&self, target: &mut [T]) -> Result<()> {
        self.check_length("read", target.len())?;
        self.storage.read(self.shape, self.role, T::host_mut(target))
    }

    /// The numbers in logical order. Allocates; inside a training loop use [`Tensor::read_into`].
    ///
    /// # Errors
    /// A backend's own failure.
    pub fn read<T: Element>(&self) -> Result<Vec<T>> {
        let mut target = vec![T::default(); self.shape.len()];
        self.read_into(&mut target)?;
        Ok(target)
    }

    /// The numbers as an array of the logical shape. Allocates.
    ///
    /// # Errors
    /// A backend's own failure.
    pub fn to_array<T: Element>(&self) -> Result<ArrayD<T>> {
        let values = self.read()?;
        ArrayD::from_shape_vec(IxDyn(self.shape.sizes()), values).map_err(|e| Error::Value {
            what: "the array's shape".into(),
            found: e.to_string(),
            expected: self.shape.to_string(),
        })
    }

    fn check_length(&self, operation: &'static str, found: usize) -> Result<()> {
        let expected = self.shape.len();
        if found == expected { Ok(()) } else { Err(Error::Length { operation, shape: self.shape, found, expected }) }
    }
}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tensor({} {} {:?} on {})", self.shape, self.dtype, self.role, self.storage.backend())
    }
}
