//! All calls into cuBLAS: matrix products of row-major matrices.
//!
//! cuBLAS thinks in columns. A row-major matrix read by columns is its transpose, so `c = a b` is asked for as `cᵀ = bᵀ aᵀ`: the
//! operands change places and nothing is moved.

#![allow(unsafe_code)]

use crate::driver::{Address, Device, backend_error};
use core_tensor::{DType, Result};
use cudarc::cublas::{
    result::{self, CublasError},
    sys::{self, cublasMath_t, cublasOperation_t, cublasStatus_t},
};
use std::sync::Arc;

/// A row-major matrix in the device's memory, or its transpose.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Matrix {
    pub(crate) address: Address,
    /// Columns of the matrix as it lies in memory.
    pub(crate) columns: usize,
    pub(crate) transposed: bool,
}

/// Sizes of a product `c = a b`: c has `rows` and `columns`, and `depth` products are summed for each of its numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) depth: usize,
}

/// cuBLAS on the device's stream.
pub(crate) struct Blas {
    handle: sys::cublasHandle_t,
    device: Arc<Device>,
}

// SAFETY: a handle may be used from any thread, by one at a time; a mutex around this value sees to that.
unsafe impl Send for Blas {}

impl Blas {
    pub(crate) fn new(device: &Arc<Device>, tf32: bool) -> Result<Self> {
        device.bind()?;
        let failed = |error| failed("starting cuBLAS", error);
        let blas = Blas { handle: result::create_handle().map_err(failed)?, device: device.clone() };
        // The default mode computes f32 in f32; TF32 must be asked for.
        let mode = if tf32 { cublasMath_t::CUBLAS_TF32_TENSOR_OP_MATH } else { cublasMath_t::CUBLAS_DEFAULT_MATH };
        // SAFETY: handle and stream are alive; `cudarc` has a stream type for each library, all of them the same pointer.
        unsafe {
            result::set_stream(blas.handle, device.stream().cast()).map_err(failed)?;
            sys::cublasSetMathMode(blas.handle, mode).result().map_err(failed)?;
        }
        Ok(blas)
    }

    /// `c = a b`, or `c += a b`. Queued like a kernel. The addresses are those of tensors or plans that are alive, of at least
    /// these sizes.
    pub(crate) fn product(
        &self,
        dtype: DType,
        sizes: Sizes,
        a: Matrix,
        b: Matrix,
        c: Address,
        add: bool,
    ) -> Result<()> {
        self.device.bind()?;
        let Sizes { rows, columns, depth } = sizes;
        let (rows, columns, depth) = (number(rows)?, number(columns)?, number(depth)?);
        let (lda, ldb) = (number(a.columns)?, number(b.columns)?);
        let (a_as, b_as) = (operation(a), operation(b));
        let (alpha_f64, beta_f64) = (1.0_f64, if add { 1.0_f64 } else { 0.0 });
        let (alpha_f32, beta_f32) = (alpha_f64 as f32, beta_f64 as f32);
        // SAFETY: the handle is alive, alpha and beta are read before the calls return, and for the addresses the callers
        // vouch: they pass sizes of the tensors that they have checked.
        let status = unsafe {
            match dtype {
                DType::F32 => result::sgemm(
                    self.handle,
                    b_as,
                    a_as,
                    columns,
                    rows,
                    depth,
                    &raw const alpha_f32,
                    b.address.as_u64() as *const f32,
                    ldb,
                    a.address.as_u64() as *const f32,
                    lda,
                    &raw const beta_f32,
                    c.as_u64() as *mut f32,
                    columns,
                ),
                DType::F64 => result::dgemm(
                    self.handle,
                    b_as,
                    a_as,
                    columns,
                    rows,
                    depth,
                    &raw const alpha_f64,
                    b.address.as_u64() as *const f64,
                    ldb,
                    a.address.as_u64() as *const f64,
                    lda,
                    &raw const beta_f64,
                    c.as_u64() as *mut f64,
                    columns,
                ),
            }
        };
        status.map_err(|error| failed("a matrix product", error))
    }
}

impl Drop for Blas {
    fn drop(&mut self) {
        // SAFETY: the handle was made in `new` and is given up here. A failure (the device is lost) changes nothing.
        let _ = self.device.bind().map(|()| unsafe { result::destroy_handle(self.handle) });
    }
}

fn operation(matrix: Matrix) -> cublasOperation_t {
    if matrix.transposed { cublasOperation_t::CUBLAS_OP_T } else { cublasOperation_t::CUBLAS_OP_N }
}

fn number(size: usize) -> Result<i32> {
    i32::try_from(size)
        .map_err(|_| backend_error(format!("a matrix of {size} rows or columns is too large for cuBLAS")))
}

fn failed(doing: &str, error: CublasError) -> core_tensor::Error {
    let advice = match error.0 {
        cublasStatus_t::CUBLAS_STATUS_ALLOC_FAILED => "; out of memory: use a smaller batch or a smaller net",
        cublasStatus_t::CUBLAS_STATUS_NOT_INITIALIZED => "; do driver and cuBLAS fit together?",
        cublasStatus_t::CUBLAS_STATUS_ARCH_MISMATCH => {
            "; this cuBLAS knows no card of this age: install another version"
        }
        cublasStatus_t::CUBLAS_STATUS_EXECUTION_FAILED => {
            "; this or an earlier operation failed on the device, which takes no more work from this process: start it again, \
             it goes on from the last snapshot"
        }
        _ => "",
    };
    backend_error(format!("{doing} failed: {:?}{advice}", error.0))
}
