//! Makes the backend that the command line names; the only place in this program that knows which there are.

use crate::{cli::BackendName, error::Result};
use backend_cpu::Cpu;
use core_tensor::Backend;
use std::sync::Arc;

/// The backend, with this many threads or one for each core.
pub(crate) fn new(name: BackendName, threads: Option<usize>) -> Result<Arc<dyn Backend>> {
    match name {
        BackendName::Cpu => Ok(Arc::new(threads.map_or_else(Cpu::new, Cpu::with_threads)?)),
    }
}
