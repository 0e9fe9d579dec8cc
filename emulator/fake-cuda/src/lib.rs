//! A CUDA device that is none: the driver and cuBLAS as shared libraries that run on the CPU.
//!
//! Crema's CUDA backend loads `libcuda.so` and `libcublas.so` at run time. For tests this crate provides libraries of those names
//! ([`Libraries`]); the backend's own code runs on them unmodified. Kernels are the PTX that ships, executed and watched by the
//! crate `ptx`. The device's name is `Fake`, so that no report can pass it off as a GPU.
//!
//! It is stricter than a GPU, so that what happens to work there fails here:
//! - Work on a stream begins when something waits for it. The target of a copy to the host is spoiled until then.
//! - Device addresses are no host addresses. Fresh memory holds NaN and may not be read.
//! - Handles that are unknown, freed or of another kind are refused and noted; so are double frees, and whatever is still alive
//!   when the context is released.
//! - What the checker finds in a kernel fails the launch, and as on a device every call after it.
//! - A process in which any of this has happened, or that leaves something alive, fails when it ends, unless its test has read
//!   what the fake had to say ([`Control::messages`]).
//!
//! A test runs itself again with the libraries' folder in `LD_LIBRARY_PATH` ([`rerun`]), since the system's loader reads that
//! variable only when a process starts. There it commands the fake through [`Control`].
//!
//! Rejected: one library for the driver and one for cuBLAS. They share the device's state, and one file under two names is
//! loaded once. Also rejected: a fake of the safe layer in Rust, which would leave out the calls that are easiest to get wrong.

mod blas;
mod codes;
mod control;
mod exit;
mod faults;
mod ffi;
mod libraries;
mod replaced;
mod state;
mod work;

pub use control::{Control, ControlError};
pub use libraries::{Libraries, is_rerun, rerun};
