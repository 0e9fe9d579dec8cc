//! cuBLAS.

use super::{CURRENT, get, put};
use crate::{
    blas::{Matrix, Product},
    codes::{BLAS_ALLOC_FAILED, BLAS_EXECUTION_FAILED, BLAS_INVALID_VALUE, BLAS_NOT_INITIALIZED, BLAS_SUCCESS, Status},
    state::{Handle, NO_STREAM, State, with},
    work::Task,
};
use std::ffi::c_int;

/// The version unless a test says otherwise.
const MAJOR: u64 = 12;

#[unsafe(no_mangle)]
extern "C" fn cublasGetProperty(property: u32, value: *mut c_int) -> Status {
    let major = with(|state| state.faults.get("blas_version").unwrap_or(MAJOR));
    let found = if property == 0 { major as c_int } else { 0 };
    put(value, found).map_or(BLAS_INVALID_VALUE, |()| BLAS_SUCCESS)
}

#[unsafe(no_mangle)]
extern "C" fn cublasCreate_v2(handle: *mut Handle) -> Status {
    with(|state| {
        if state.check_context(CURRENT.get() != 0).is_err() {
            return BLAS_NOT_INITIALIZED;
        }
        // A handle has a workspace on the device.
        state.allocations += 1;
        if state.faults.get("fail_allocation").is_some_and(|from| state.allocations >= from) {
            return BLAS_ALLOC_FAILED;
        }
        let new = state.new_handle();
        state.blas.insert(new, NO_STREAM);
        put(handle, new).map_or(BLAS_INVALID_VALUE, |()| BLAS_SUCCESS)
    })
}

#[unsafe(no_mangle)]
extern "C" fn cublasDestroy_v2(handle: Handle) -> Status {
    call(handle, |state| {
        state.drain_all();
        state.blas.remove(&handle);
        BLAS_SUCCESS
    })
}

#[unsafe(no_mangle)]
extern "C" fn cublasGetVersion_v2(handle: Handle, version: *mut c_int) -> Status {
    call(handle, |state| {
        let major = state.faults.get("blas_version").unwrap_or(MAJOR) as c_int;
        put(version, major * 10_000).map_or(BLAS_INVALID_VALUE, |()| BLAS_SUCCESS)
    })
}

#[unsafe(no_mangle)]
extern "C" fn cublasSetStream_v2(handle: Handle, stream: Handle) -> Status {
    call(handle, |state| {
        if state.stream(stream).is_err() {
            return BLAS_INVALID_VALUE;
        }
        state.blas.insert(handle, stream);
        BLAS_SUCCESS
    })
}

/// Only the plain mode and TF32, which is computed in f32 here, are known.
#[unsafe(no_mangle)]
extern "C" fn cublasSetMathMode(handle: Handle, mode: u32) -> Status {
    call(handle, |_| if matches!(mode & 0xf, 0 | 2 | 3) { BLAS_SUCCESS } else { BLAS_INVALID_VALUE })
}

#[unsafe(no_mangle)]
extern "C" fn cublasSetWorkspace_v2(handle: Handle, workspace: u64, bytes: usize) -> Status {
    call(handle, |state| {
        let known = workspace == 0 || state.check_range("cublasSetWorkspace", workspace, bytes).is_ok();
        if known { BLAS_SUCCESS } else { BLAS_INVALID_VALUE }
    })
}

#[unsafe(no_mangle)]
extern "C" fn cublasSgemm_v2(
    handle: Handle,
    transpose_a: u32,
    transpose_b: u32,
    m: c_int,
    n: c_int,
    k: c_int,
    alpha: *const f32,
    a: u64,
    lda: c_int,
    b: u64,
    ldb: c_int,
    beta: *const f32,
    c: u64,
    ldc: c_int,
) -> Status {
    let factors = factors(alpha, beta);
    product(handle, false, [m, n, k], factors, (transpose_a, a, lda, 0), (transpose_b, b, ldb, 0), (c, ldc, 0), 1)
}

#[unsafe(no_mangle)]
extern "C" fn cublasDgemm_v2(
    handle: Handle,
    transpose_a: u32,
    transpose_b: u32,
    m: c_int,
    n: c_int,
    k: c_int,
    alpha: *const f64,
    a: u64,
    lda: c_int,
    b: u64,
    ldb: c_int,
    beta: *const f64,
    c: u64,
    ldc: c_int,
) -> Status {
    let factors = factors(alpha, beta);
    product(handle, true, [m, n, k], factors, (transpose_a, a, lda, 0), (transpose_b, b, ldb, 0), (c, ldc, 0), 1)
}

#[unsafe(no_mangle)]
extern "C" fn cublasSgemmStridedBatched(
    handle: Handle,
    transpose_a: u32,
    transpose_b: u32,
    m: c_int,
    n: c_int,
    k: c_int,
    alpha: *const f32,
    a: u64,
    lda: c_int,
    stride_a: i64,
    b: u64,
    ldb: c_int,
    stride_b: i64,
    beta: *const f32,
    c: u64,
    ldc: c_int,
    stride_c: i64,
    count: c_int,
) -> Status {
    let (a, b) = ((transpose_a, a, lda, stride_a), (transpose_b, b, ldb, stride_b));
    product(handle, false, [m, n, k], factors(alpha, beta), a, b, (c, ldc, stride_c), count)
}

#[unsafe(no_mangle)]
extern "C" fn cublasDgemmStridedBatched(
    handle: Handle,
    transpose_a: u32,
    transpose_b: u32,
    m: c_int,
    n: c_int,
    k: c_int,
    alpha: *const f64,
    a: u64,
    lda: c_int,
    stride_a: i64,
    b: u64,
    ldb: c_int,
    stride_b: i64,
    beta: *const f64,
    c: u64,
    ldc: c_int,
    stride_c: i64,
    count: c_int,
) -> Status {
    let (a, b) = ((transpose_a, a, lda, stride_a), (transpose_b, b, ldb, stride_b));
    product(handle, true, [m, n, k], factors(alpha, beta), a, b, (c, ldc, stride_c), count)
}

#[unsafe(no_mangle)]
extern "C" fn cublasGetStatusString(status: Status) -> *const std::ffi::c_char {
    let text = match status {
        BLAS_SUCCESS => c"success",
        BLAS_NOT_INITIALIZED => c"the library was not initialized",
        BLAS_ALLOC_FAILED => c"the resource allocation failed",
        BLAS_INVALID_VALUE => c"an invalid value was used as input",
        BLAS_EXECUTION_FAILED => c"the function failed to launch on the GPU",
        _ => c"unknown status",
    };
    text.as_ptr()
}

/// Alpha and beta, which are read at once.
fn factors<T: Copy + Into<f64>>(alpha: *const T, beta: *const T) -> Option<(f64, f64)> {
    Some((get(alpha)?.into(), get(beta)?.into()))
}

/// A matrix as it is passed: 0 or 1 for transposed, address, leading dimension, stride.
type Operand = (u32, u64, c_int, i64);

fn product(
    handle: Handle,
    double: bool,
    sizes: [c_int; 3],
    factors: Option<(f64, f64)>,
    a: Operand,
    b: Operand,
    c: (u64, c_int, i64),
    count: c_int,
) -> Status {
    call(handle, |state| {
        let size = |number: c_int| usize::try_from(number).ok();
        let matrix = |(transposed, address, leading, stride): Operand| {
            let transposed = (transposed <= 2).then_some(transposed != 0)?;
            Some(Matrix { address, leading: size(leading)?, transposed, stride })
        };
        let build = || {
            let (alpha, beta) = factors?;
            let [m, n, k] = [size(sizes[0])?, size(sizes[1])?, size(sizes[2])?];
            let (a, b, c) = (matrix(a)?, matrix(b)?, matrix((0, c.0, c.1, c.2))?);
            Some(Product { double, m, n, k, alpha, beta, a, b, c, count: size(count)? })
        };
        let Some(product) = build() else {
            state.note(format!("cuBLAS: sizes {sizes:?}, a null pointer or an unknown operation"));
            return BLAS_INVALID_VALUE;
        };
        if let Err(what) = product.check() {
            state.note(format!("cuBLAS: {what} ({product:?})"));
            return BLAS_INVALID_VALUE;
        }
        if product.m == 0 || product.n == 0 || product.count == 0 {
            return BLAS_SUCCESS;
        }
        let stream = state.blas.get(&handle).copied().unwrap_or(NO_STREAM);
        state.submit(stream, Task::Product(product)).map_or(BLAS_EXECUTION_FAILED, |()| BLAS_SUCCESS)
    })
}

/// Runs a call on a handle that exists, unless the device has failed.
fn call(handle: Handle, f: impl FnOnce(&mut State) -> Status) -> Status {
    with(|state| {
        if !state.blas.contains_key(&handle) {
            state.note(format!("cuBLAS: {handle:#x} is no handle, or has been destroyed"));
            return BLAS_NOT_INITIALIZED;
        }
        match state.check_context(CURRENT.get() != 0) {
            Ok(()) => f(state),
            Err(_) => BLAS_EXECUTION_FAILED,
        }
    })
}

/// The pointer mode: alpha and beta of the host only.
#[unsafe(no_mangle)]
extern "C" fn cublasSetPointerMode_v2(handle: Handle, mode: u32) -> Status {
    call(handle, |_| if mode == 0 { BLAS_SUCCESS } else { BLAS_INVALID_VALUE })
}

/// A matrix by a vector whose numbers lie side by side: a product with one column.
fn by_vector(
    handle: Handle,
    double: bool,
    transposed: u32,
    [m, n]: [c_int; 2],
    factors: Option<(f64, f64)>,
    a: (u64, c_int),
    x: (u64, c_int),
    y: (u64, c_int),
) -> Status {
    if x.1 != 1 || y.1 != 1 {
        return BLAS_INVALID_VALUE;
    }
    let (rows, terms) = if transposed == 0 { (m, n) } else { (n, m) };
    let (a, x) = ((transposed, a.0, a.1, 0), (0, x.0, terms.max(1), 0));
    product(handle, double, [rows, 1, terms], factors, a, x, (y.0, rows.max(1), 0), 1)
}

#[unsafe(no_mangle)]
extern "C" fn cublasSgemv_v2(
    handle: Handle,
    transpose: u32,
    m: c_int,
    n: c_int,
    alpha: *const f32,
    a: u64,
    lda: c_int,
    x: u64,
    step_x: c_int,
    beta: *const f32,
    y: u64,
    step_y: c_int,
) -> Status {
    by_vector(handle, false, transpose, [m, n], factors(alpha, beta), (a, lda), (x, step_x), (y, step_y))
}

#[unsafe(no_mangle)]
extern "C" fn cublasDgemv_v2(
    handle: Handle,
    transpose: u32,
    m: c_int,
    n: c_int,
    alpha: *const f64,
    a: u64,
    lda: c_int,
    x: u64,
    step_x: c_int,
    beta: *const f64,
    y: u64,
    step_y: c_int,
) -> Status {
    by_vector(handle, true, transpose, [m, n], factors(alpha, beta), (a, lda), (x, step_x), (y, step_y))
}
