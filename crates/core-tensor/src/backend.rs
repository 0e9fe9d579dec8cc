//! The `Backend` trait: memory, three kinds of plan, and named kernels.
//!
//! Everything without state between calls goes through [`Backend::launch`] by name, `family.kernel`; the family is a file of
//! the same stem in each backend (`backend-cpu/src/kernels/softmax.rs`, `kernels/softmax.cu`). So a new kernel is a new file
//! and no line here. One typed method per operation was rejected: dfdx's backend trait grew to some sixty methods that way,
//! and every new layer edited it. What the untyped call gives up, the thin typed wrappers in [`crate::ops`] give back.

use crate::{
    DType, Result, Role, Shape, Tensor,
    ops::{AffinePlan, Convolution, InnerProduct, PoolPlan, Pooling},
};
use std::{fmt, sync::Arc};

/// A device that holds tensors and computes with them. Cheap to clone behind an [`Arc`].
pub trait Backend: Send + Sync + fmt::Debug {
    /// The short name: `cpu`, `cuda`.
    fn name(&self) -> &'static str;

    /// One line for logs: the device, its instruction set, its threads.
    fn describe(&self) -> String;

    /// Memory for a tensor, filled with zeros.
    ///
    /// # Errors
    /// The memory cannot be had.
    fn alloc(&self, shape: Shape, dtype: DType, role: Role) -> Result<Tensor>;

    /// Bytes of memory that a tensor takes. Memory that was had for one tensor serves, one after the other, for all of the same
    /// element type that take no more: [`Tensor::from_storage`] makes another tensor in it.
    fn bytes(&self, shape: Shape, dtype: DType, role: Role) -> usize {
        let _ = role;
        shape.len() * dtype.size()
    }

    /// Prepares a convolution.
    ///
    /// # Errors
    /// The description makes no sense or the workspace cannot be had.
    fn convolution(&self, description: &Convolution) -> Result<Box<dyn AffinePlan>>;

    /// Prepares a convolution and the pooling of its output as one operation, if that is faster than one after the other: a
    /// plan whose `y` is the pooled blob and whose `dy` is the pooled blob's gradient. The convolution's neuron comes before
    /// the pooling.
    ///
    /// # Errors
    /// A description makes no sense or the workspace cannot be had.
    fn convolution_pooling(&self, _: &Convolution, _: &Pooling) -> Result<Option<Box<dyn AffinePlan>>> {
        Ok(None)
    }

    /// Prepares an inner product.
    ///
    /// # Errors
    /// The description makes no sense or the workspace cannot be had.
    fn inner_product(&self, description: &InnerProduct) -> Result<Box<dyn AffinePlan>>;

    /// Prepares a pooling.
    ///
    /// # Errors
    /// The description makes no sense or the workspace cannot be had.
    fn pooling(&self, description: &Pooling) -> Result<Box<dyn PoolPlan>>;

    /// Runs a named kernel to its end (CPU) or queues it (CUDA).
    ///
    /// # Errors
    /// No kernel of that name, operands that do not fit, or a failure of the device.
    fn launch(&self, call: Launch<'_>) -> Result<()>;
}

/// A call of a named kernel. Which operands it takes stands at the kernel; [`crate::ops`] has a typed function for each.
#[derive(Debug, Clone, Copy)]
pub struct Launch<'a> {
    /// `family.kernel`, e.g. `softmax.forward`.
    pub kernel: &'static str,
    /// Tensors that are only read.
    pub reads: &'a [&'a Tensor],
    /// Tensors that are written, or changed in place.
    pub writes: &'a [&'a Tensor],
    /// Sizes, axes and counts.
    pub sizes: &'a [usize],
    /// Coefficients.
    pub scalars: &'a [f64],
}

impl<B: Backend + ?Sized> Backend for Arc<B> {
    fn name(&self) -> &'static str {
        (**self).name()
    }
    fn describe(&self) -> String {
        (**self).describe()
    }
    fn alloc(&self, shape: Shape, dtype: DType, role: Role) -> Result<Tensor> {
        (**self).alloc(shape, dtype, role)
    }
    fn bytes(&self, shape: Shape, dtype: DType, role: Role) -> usize {
        (**self).bytes(shape, dtype, role)
    }
    fn convolution(&self, description: &Convolution) -> Result<Box<dyn AffinePlan>> {
        (**self).convolution(description)
    }
    fn convolution_pooling(&self, first: &Convolution, then: &Pooling) -> Result<Option<Box<dyn AffinePlan>>> {
        (**self).convolution_pooling(first, then)
    }
    fn inner_product(&self, description: &InnerProduct) -> Result<Box<dyn AffinePlan>> {
        (**self).inner_product(description)
    }
    fn pooling(&self, description: &Pooling) -> Result<Box<dyn PoolPlan>> {
        (**self).pooling(description)
    }
    fn launch(&self, call: Launch<'_>) -> Result<()> {
        (**self).launch(call)
    }
}
