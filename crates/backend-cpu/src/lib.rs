//! The CPU backend: batch-innermost memory, vector kernels in safe Rust, deterministic threads.
//!
//! ```
//! use core_tensor::{Backend, DType, Role, Shape, ops::kernels};
//! let cpu = backend_cpu::Cpu::new()?;
//! let y = cpu.alloc(Shape::new(&[2, 3])?, DType::F32, Role::Data)?;
//! kernels::fill(&cpu, &y, 1.5)?;
//! assert_eq!(y.read::<f32>()?, [1.5; 6]);
//! # Ok::<(), core_tensor::Error>(())
//! ```
//!
//! Where things are: `memory` has the layout, `lane`, `vector` and `isa` the vectors, `threads` the pool, `kernels` one file per family.
//! `unsafe` stands in `memory`, `vector`, `isa` and `threads` only.

mod isa;
mod kernels;
mod lane;
mod memory;
mod peak;
mod threads;
mod vector;

pub use isa::Level;

use core_tensor::{
    Backend, DType, Error, Launch, Result, Role, Shape, Tensor,
    ops::{AffinePlan, Convolution, InnerProduct, PoolPlan, Pooling},
};
use lane::LANES;
use memory::{Buffer, Stored, lanes_for};
use std::{sync::Arc, thread};
use threads::Pool;

/// The CPU, ready to compute. Clones share the threads.
#[derive(Clone)]
pub struct Cpu(Arc<Inner>);

struct Inner {
    pool: Pool,
    level: Level,
}

impl Cpu {
    /// All cores that this process may use, and the best instruction set that they have.
    ///
    /// # Errors
    /// The operating system refuses to start the threads.
    pub fn new() -> Result<Self> {
        Self::with_threads(thread::available_parallelism().map_or(1, usize::from))
    }

    /// This many threads, the caller's included; results do not depend on it.
    ///
    /// # Errors
    /// Zero threads, or the operating system refuses to start them.
    pub fn with_threads(threads: usize) -> Result<Self> {
        Self::with_level(threads, Level::detect())
    }

    /// This many threads and this instruction set; for tests, and for comparisons on equal terms.
    ///
    /// # Errors
    /// Zero threads, an instruction set that the processor does not have, or the threads cannot be started.
    pub fn with_level(threads: usize, level: Level) -> Result<Self> {
        let best = Level::detect();
        if level > best {
            return Err(Error::Value {
                what: "the instruction set".into(),
                found: level.to_string(),
                expected: format!("at most {best}, which is what this processor has"),
            });
        }
        if threads == 0 {
            return Err(Error::Value {
                what: "the number of threads".into(),
                found: "0".into(),
                expected: "at least 1".into(),
            });
        }
        let pool = Pool::new(threads).map_err(|error| Error::Backend {
            backend: memory::NAME.into(),
            message: format!("{threads} threads could not be started: {error}"),
        })?;
        Ok(Cpu(Arc::new(Inner { pool, level })))
    }

    /// Threads that compute, the caller's included.
    pub fn threads(&self) -> usize {
        self.0.pool.threads()
    }

    /// The instruction set in use.
    pub fn level(&self) -> Level {
        self.0.level
    }

    fn pool(&self) -> &Pool {
        &self.0.pool
    }
}

impl Backend for Cpu {
    fn name(&self) -> &'static str {
        memory::NAME
    }

    fn describe(&self) -> String {
        let threads = self.threads();
        format!("CPU, {}, {threads} thread{}", self.level(), if threads == 1 { "" } else { "s" })
    }

    fn alloc(&self, shape: Shape, dtype: DType, role: Role) -> Result<Tensor> {
        let lanes = lanes_for(shape, role);
        let storage = match dtype {
            DType::F32 => f32::storage(Buffer::zeroed(lanes)?),
            DType::F64 => f64::storage(Buffer::zeroed(lanes)?),
        };
        Ok(Tensor::from_storage(shape, dtype, role, Arc::new(storage)))
    }

    fn bytes(&self, shape: Shape, dtype: DType, role: Role) -> usize {
        lanes_for(shape, role) * LANES * dtype.size()
    }

    fn convolution(&self, description: &Convolution) -> Result<Box<dyn AffinePlan>> {
        kernels::convolution::plan(self, description)
    }

    fn convolution_pooling(&self, first: &Convolution, then: &Pooling) -> Result<Option<Box<dyn AffinePlan>>> {
        kernels::convolution::pooled_plan(self, first, then)
    }

    fn inner_product(&self, description: &InnerProduct) -> Result<Box<dyn AffinePlan>> {
        kernels::inner_product::plan(self, description)
    }

    fn pooling(&self, description: &Pooling) -> Result<Box<dyn PoolPlan>> {
        Ok(match description.dtype {
            DType::F32 => Box::new(kernels::pooling::Plan::<f32>::new(self, description)?),
            DType::F64 => Box::new(kernels::pooling::Plan::<f64>::new(self, description)?),
        })
    }

    fn launch(&self, call: Launch<'_>) -> Result<()> {
        kernels::launch(self, call)
    }
}

impl std::fmt::Debug for Cpu {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.describe())
    }
}
