//! Makes the backend that the command line names; the only place in this program that knows which there are.

use crate::{cli::BackendName, error::Result};
use backend_cpu::Cpu;
use backend_cuda::Cuda;
use core_tensor::Backend;
use std::sync::Arc;

/// The graphics card that is taken: the first.
const DEVICE: usize = 0;

/// The backend; the CPU with this many threads or one for each core. Only `auto` may choose, and it says what and why.
pub(crate) fn new(name: BackendName, threads: Option<usize>) -> Result<Arc<dyn Backend>> {
    match name {
        BackendName::Cpu => cpu(threads),
        BackendName::Cuda => Ok(Arc::new(Cuda::new(DEVICE)?)),
        BackendName::Auto => match Cuda::new(DEVICE) {
            Ok(cuda) => {
                log::info!("Computing on {}", cuda.describe());
                Ok(Arc::new(cuda))
            }
            Err(reason) => {
                let cpu = cpu(threads)?;
                log::info!("Computing on {}, since CUDA does not work: {reason}", cpu.describe());
                Ok(cpu)
            }
        },
    }
}

fn cpu(threads: Option<usize>) -> Result<Arc<dyn Backend>> {
    Ok(Arc::new(threads.map_or_else(Cpu::new, Cpu::with_threads)?))
}
