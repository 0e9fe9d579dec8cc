//! The interface crate at the bottom of Crema: what a block of numbers is, which operations exist, and what a backend
//! must offer. It implements none of them and knows no other crate of ours.
//!
//! Three ideas carry everything above:
//!
//! - A [`Tensor`] is a handle to a block of numbers in a backend's memory. Its *logical* shape is row-major with the batch
//!   axis first, (N, C, H, W) for images; the *physical* layout is the backend's own secret, so that the CPU may keep the
//!   batch innermost (see `backend-cpu`). [`Tensor::write`] and [`Tensor::read`] always speak logical order.
//! - A [`Backend`] allocates tensors and computes. Dispatch is dynamic at the operation and monomorphic inside the kernel,
//!   so no backend or element-type parameter reaches the types that users write. The alternative, `B: Backend` on every
//!   public type, was tried by burn and by wgpu; both removed it at great cost.
//! - Operations that keep state between calls (convolution, pooling, inner product) are *plans*, built once from a plain
//!   description ([`ops`]) and run many times; everything else is a *named kernel* started by [`Backend::launch`].

mod backend;
mod dtype;
mod error;
pub mod ops;
mod philox;
mod rng;
mod shape;
mod tensor;

pub use backend::{Backend, Launch};
pub use dtype::{DType, Element, HostSlice, HostSliceMut};
pub use error::{Error, Result};
pub use philox::Philox;
pub use rng::{RngState, RngStream};
pub use shape::{MAX_RANK, Shape, Size2};
pub use tensor::{Role, Storage, Tensor};
