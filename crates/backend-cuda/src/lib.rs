//! The CUDA backend: hand-written kernels for everything but matrix products, which are cuBLAS's.
//!
//! Nothing of CUDA is needed to build it: the kernels are embedded as PTX, which the driver turns into machine code for the card
//! at hand, and the driver and cuBLAS are looked for when a [`Cuda`] is made.
//!
//! ```no_run
//! use core_tensor::{Backend, DType, Role, Shape, ops::kernels};
//! let cuda = backend_cuda::Cuda::new(0)?;
//! let y = cuda.alloc(Shape::new(&[2, 3])?, DType::F32, Role::Data)?;
//! kernels::fill(&cuda, &y, 1.5)?;
//! assert_eq!(y.read::<f32>()?, [1.5; 6]);
//! # Ok::<(), core_tensor::Error>(())
//! ```
//!
//! Where things are: `libraries` finds driver and cuBLAS, `driver` and `blas` are all calls into them, `memory` has storage, the
//! cache of blocks and the transfers, `launch` and `ptx` tie launchers to kernels by their parameter lists, `kernels` has one
//! file per family. `unsafe` stands in `libraries`, `driver`, `blas` and `launch` only.
//!
//! Everything runs on one stream, in the order in which it was asked for; the host waits only when it reads a result. A blob's
//! physical order is its logical one, row-major.

mod blas;
mod driver;
mod kernels;
mod launch;
mod libraries;
mod memory;
mod ptx;

use blas::Blas;
use core_tensor::{
    Backend, DType, Launch, Result, Role, Shape, Tensor,
    ops::{AffinePlan, Convolution, InnerProduct, PoolPlan, Pooling},
};
use driver::Device;
use launch::Modules;
use memory::{Memory, Scratch};
use std::sync::{Arc, Mutex};

/// The backend's name, in errors too.
const NAME: &str = "cuda";

/// A CUDA device, ready to compute. Clones share its stream and memory.
#[derive(Clone)]
pub struct Cuda(Arc<Inner>);

struct Inner {
    blas: Mutex<Blas>,
    modules: Modules,
    scratch: Scratch,
    memory: Arc<Memory>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Before the kernels and cuBLAS go, what is queued must have run; if it fails, nobody is left to be told.
        let _ = self.memory.device().synchronize();
    }
}

/// What can be chosen about the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// Lets matrix products round their operands to TF32, 10 bits of mantissa instead of 23, on cards that have tensor cores
    /// (Ampere and later). Several times faster, with relative errors of 1e-3 instead of 1e-6.
    pub tf32: bool,
    /// Asks the driver for each piece of memory by itself and in its exact size, instead of keeping blocks and giving them out
    /// again. Slow, but compute-sanitizer, like the emulator of our tests, then sees every access beyond the end of a tensor.
    pub exact_memory: bool,
}

impl Cuda {
    /// The device with this number, counted from 0, as `nvidia-smi` lists them.
    ///
    /// # Errors
    /// No NVIDIA driver or an older one than 520 (CUDA 11.8), no cuBLAS, no such device, or the device refuses the kernels. The
    /// text says what was looked for and what to install.
    pub fn new(ordinal: usize) -> Result<Self> {
        Self::with_options(ordinal, Options::default())
    }

    /// As [`Cuda::new`], with a choice.
    ///
    /// # Errors
    /// As [`Cuda::new`].
    pub fn with_options(ordinal: usize, options: Options) -> Result<Self> {
        libraries::check()?;
        let device = Arc::new(Device::open(ordinal)?);
        let blas = Mutex::new(Blas::new(&device, options.tf32)?);
        let modules = Modules::load(&device, kernels::FAMILIES)?;
        let memory = Memory::new(device, options.exact_memory);
        Ok(Cuda(Arc::new(Inner { blas, modules, scratch: Scratch::default(), memory })))
    }

    /// How often memory was asked of the driver; it stays the same in a training loop after the first iterations.
    pub fn allocations(&self) -> u64 {
        self.memory().allocations()
    }

    /// Waits until the device has done all that it was asked for.
    ///
    /// # Errors
    /// Something of it failed.
    pub fn synchronize(&self) -> Result<()> {
        self.device().synchronize()
    }

    fn memory(&self) -> &Arc<Memory> {
        &self.0.memory
    }

    fn device(&self) -> &Device {
        self.memory().device()
    }
}

impl Backend for Cuda {
    fn name(&self) -> &'static str {
        NAME
    }

    fn describe(&self) -> String {
        self.device().to_string()
    }

    fn alloc(&self, shape: Shape, dtype: DType, role: Role) -> Result<Tensor> {
        Ok(Tensor::from_storage(shape, dtype, role, Arc::new(self.memory().storage(shape, dtype)?)))
    }

    fn convolution(&self, description: &Convolution) -> Result<Box<dyn AffinePlan>> {
        Ok(Box::new(kernels::convolution::Plan::new(self, description)?))
    }

    fn inner_product(&self, description: &InnerProduct) -> Result<Box<dyn AffinePlan>> {
        Ok(Box::new(kernels::inner_product::Plan::new(self, description)?))
    }

    fn pooling(&self, description: &Pooling) -> Result<Box<dyn PoolPlan>> {
        Ok(Box::new(kernels::pooling::Plan::new(self, description)?))
    }

    fn launch(&self, call: Launch<'_>) -> Result<()> {
        kernels::launch(self, call)
    }
}

impl std::fmt::Debug for Cuda {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.describe())
    }
}
