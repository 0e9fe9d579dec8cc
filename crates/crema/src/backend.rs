//! Makes the backend that the command line or the file names; the only place in this program that knows which there are.

use crate::error::Result;
use backend_cpu::Cpu;
use backend_cuda::Cuda;
use clap::ValueEnum;
use core_tensor::Backend;
use serde::Deserialize;
use std::sync::Arc;

/// The graphics card that is taken: the first.
const DEVICE: usize = 0;

/// The backends that this program is built with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BackendName {
    /// All cores, or --threads of them
    #[default]
    Cpu,
    /// The first NVIDIA graphics card; an error if it cannot be used
    Cuda,
    /// CUDA where it works, otherwise the CPU; a line says which, and why
    Auto,
}

/// The backend; the CPU with this many threads or one for each core. Only `auto` may choose, and `say` gets what it chose and why.
pub(crate) fn new(name: BackendName, threads: Option<u16>, say: impl FnOnce(&str)) -> Result<Arc<dyn Backend>> {
    let cpu = || -> Result<Arc<dyn Backend>> {
        Ok(Arc::new(threads.map_or_else(Cpu::new, |threads| Cpu::with_threads(threads.into()))?))
    };
    match name {
        BackendName::Cpu => cpu(),
        BackendName::Cuda => Ok(Arc::new(Cuda::new(DEVICE)?)),
        BackendName::Auto => match Cuda::new(DEVICE) {
            Ok(cuda) => {
                say(&format!("Computing on {}", cuda.describe()));
                Ok(Arc::new(cuda))
            }
            Err(reason) => {
                let cpu = cpu()?;
                say(&format!("Computing on {}, since CUDA does not work: {reason}", cpu.describe()));
                Ok(cpu)
            }
        },
    }
}
