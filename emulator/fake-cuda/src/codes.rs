//! Results of the CUDA driver and of cuBLAS, as their headers number them.

/// A `CUresult`.
pub(crate) type Code = u32;

pub(crate) const SUCCESS: Code = 0;
pub(crate) const INVALID_VALUE: Code = 1;
pub(crate) const OUT_OF_MEMORY: Code = 2;
pub(crate) const NOT_INITIALIZED: Code = 3;
pub(crate) const DEVICE_UNAVAILABLE: Code = 46;
pub(crate) const NO_DEVICE: Code = 100;
pub(crate) const INVALID_DEVICE: Code = 101;
pub(crate) const INVALID_CONTEXT: Code = 201;
pub(crate) const INVALID_PTX: Code = 218;
pub(crate) const INVALID_HANDLE: Code = 400;
pub(crate) const NOT_FOUND: Code = 500;
pub(crate) const NOT_READY: Code = 600;
pub(crate) const ILLEGAL_ADDRESS: Code = 700;
pub(crate) const LAUNCH_OUT_OF_RESOURCES: Code = 701;
pub(crate) const MISALIGNED_ADDRESS: Code = 716;
pub(crate) const LAUNCH_FAILED: Code = 719;

/// The name and the description of a result, both ending with a zero byte.
pub(crate) fn words(code: Code) -> Option<(&'static str, &'static str)> {
    Some(match code {
        SUCCESS => ("CUDA_SUCCESS\0", "no error\0"),
        INVALID_VALUE => ("CUDA_ERROR_INVALID_VALUE\0", "invalid argument\0"),
        OUT_OF_MEMORY => ("CUDA_ERROR_OUT_OF_MEMORY\0", "out of memory\0"),
        NOT_INITIALIZED => ("CUDA_ERROR_NOT_INITIALIZED\0", "initialization error\0"),
        DEVICE_UNAVAILABLE => {
            ("CUDA_ERROR_DEVICE_UNAVAILABLE\0", "CUDA-capable device(s) is/are busy or unavailable\0")
        }
        NO_DEVICE => ("CUDA_ERROR_NO_DEVICE\0", "no CUDA-capable device is detected\0"),
        INVALID_DEVICE => ("CUDA_ERROR_INVALID_DEVICE\0", "invalid device ordinal\0"),
        INVALID_CONTEXT => ("CUDA_ERROR_INVALID_CONTEXT\0", "invalid device context\0"),
        INVALID_PTX => ("CUDA_ERROR_INVALID_PTX\0", "a PTX JIT compilation failed\0"),
        INVALID_HANDLE => ("CUDA_ERROR_INVALID_HANDLE\0", "invalid resource handle\0"),
        NOT_FOUND => ("CUDA_ERROR_NOT_FOUND\0", "named symbol not found\0"),
        NOT_READY => ("CUDA_ERROR_NOT_READY\0", "device not ready\0"),
        ILLEGAL_ADDRESS => ("CUDA_ERROR_ILLEGAL_ADDRESS\0", "an illegal memory access was encountered\0"),
        LAUNCH_OUT_OF_RESOURCES => {
            ("CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES\0", "too many resources requested for launch\0")
        }
        MISALIGNED_ADDRESS => ("CUDA_ERROR_MISALIGNED_ADDRESS\0", "misaligned address\0"),
        LAUNCH_FAILED => ("CUDA_ERROR_LAUNCH_FAILED\0", "unspecified launch failure\0"),
        _ => return None,
    })
}

/// A `cublasStatus_t`.
pub(crate) type Status = u32;

pub(crate) const BLAS_SUCCESS: Status = 0;
pub(crate) const BLAS_NOT_INITIALIZED: Status = 1;
pub(crate) const BLAS_ALLOC_FAILED: Status = 3;
pub(crate) const BLAS_INVALID_VALUE: Status = 7;
pub(crate) const BLAS_EXECUTION_FAILED: Status = 13;
