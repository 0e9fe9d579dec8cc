//! Whether the driver and cuBLAS are there, new enough and complete, found out before `cudarc` touches them.
//!
//! `cudarc` opens a library at its first call and panics if the library or a function is missing. So each is opened here first,
//! under the names that `cudarc` tries and in its order, and each function that this crate calls is looked up.

#![allow(unsafe_code)]

use crate::NAME;
use core_tensor::{Error, Result};
use libloading::Library;
use std::ffi::c_int;

/// The oldest driver interface that reads PTX 7.8, as `cuDriverGetVersion` counts.
const DRIVER_VERSION: c_int = 11_080;
/// The oldest cuBLAS that is known to fit.
const BLAS_MAJOR: c_int = 11;

/// A library, and what this crate needs from it.
struct Wanted {
    /// What people call it.
    title: &'static str,
    /// The names that `cudarc` derives file names from.
    stems: &'static [&'static str],
    /// Every function that `driver.rs` or `blas.rs` calls.
    symbols: &'static [&'static str],
    /// How to come by it.
    remedy: &'static str,
}

const DRIVER: Wanted = Wanted {
    title: "the NVIDIA driver",
    stems: &["cuda", "nvcuda"],
    symbols: &[
        "cuCtxSetCurrent",
        "cuDeviceGet",
        "cuDeviceGetAttribute",
        "cuDeviceGetCount",
        "cuDeviceGetName",
        "cuDevicePrimaryCtxRelease_v2",
        "cuDevicePrimaryCtxRetain",
        "cuDeviceTotalMem_v2",
        "cuDriverGetVersion",
        "cuEventCreate",
        "cuEventDestroy_v2",
        "cuEventRecord",
        "cuEventSynchronize",
        "cuGetErrorName",
        "cuGetErrorString",
        "cuInit",
        "cuLaunchKernel",
        "cuMemAlloc_v2",
        "cuMemFreeHost",
        "cuMemFree_v2",
        "cuMemGetInfo_v2",
        "cuMemHostAlloc",
        "cuMemcpyDtoHAsync_v2",
        "cuMemcpyHtoDAsync_v2",
        "cuMemsetD8Async",
        "cuModuleGetFunction",
        "cuModuleLoadData",
        "cuModuleUnload",
        "cuStreamCreate",
        "cuStreamDestroy_v2",
        "cuStreamSynchronize",
    ],
    remedy: "install NVIDIA's driver 520 or newer, or use the backend `cpu`",
};

const BLAS: Wanted = Wanted {
    title: "cuBLAS",
    stems: &["cublas"],
    symbols: &[
        "cublasCreate_v2",
        "cublasDestroy_v2",
        "cublasDgemm_v2",
        "cublasGetProperty",
        "cublasSetMathMode",
        "cublasSetStream_v2",
        "cublasSgemm_v2",
    ],
    remedy: "install cuBLAS 11, 12 or 13 (part of the CUDA toolkit) and put its folder into LD_LIBRARY_PATH",
};

/// Makes sure that calls through `cudarc` will find their functions.
///
/// # Errors
/// A library or a function is missing, or a version is too old; with what to do.
pub(crate) fn check() -> Result<()> {
    let driver = DRIVER.open()?;
    // SAFETY: `cuDriverGetVersion` has this signature, and may be called before `cuInit`.
    let version = unsafe { number(&driver, |get: GetVersion, value| get(value), b"cuDriverGetVersion") };
    if version < DRIVER_VERSION {
        return Err(error(format!(
            "the NVIDIA driver speaks CUDA {}.{}, but the kernels need 11.8 or newer; {}",
            version / 1000,
            version % 1000 / 10,
            DRIVER.remedy
        )));
    }
    let blas = BLAS.open()?;
    // SAFETY: `cublasGetProperty` has this signature; property 0 is the major version.
    let major = unsafe { number(&blas, |get: GetProperty, value| get(0, value), b"cublasGetProperty") };
    if major < BLAS_MAJOR {
        return Err(error(format!("cuBLAS {major} was found, but {BLAS_MAJOR} or newer is needed; {}", BLAS.remedy)));
    }
    // Closing a library that `cudarc` opens next would run its start and end for nothing; the driver does not like that.
    std::mem::forget((driver, blas));
    Ok(())
}

type GetVersion = unsafe extern "C" fn(*mut c_int) -> c_int;
type GetProperty = unsafe extern "C" fn(c_int, *mut c_int) -> c_int;

/// What a function that fills in one number says; 0 if it fails or is missing.
///
/// # Safety
/// The library's function must have the type `F`.
unsafe fn number<F: Copy>(library: &Library, call: impl FnOnce(F, *mut c_int) -> c_int, name: &[u8]) -> c_int {
    let mut value = 0;
    // SAFETY: the caller vouches for the type.
    let found = unsafe { library.get::<F>(name) };
    match found {
        Ok(function) if call(*function, &raw mut value) == 0 => value,
        _ => 0,
    }
}

impl Wanted {
    /// Opens the library that `cudarc` will open, and looks for all functions in it.
    fn open(&self) -> Result<Library> {
        let names: Vec<String> = self.stems.iter().flat_map(|stem| cudarc::get_lib_name_candidates(stem)).collect();
        let mut broken = None;
        for name in &names {
            // SAFETY: NVIDIA's libraries may be loaded and unloaded at any time; that is how they are meant to be found.
            match unsafe { Library::new(name) } {
                Ok(library) => return self.complete(name, library),
                Err(error) => {
                    let complaint = complaint(&error);
                    if broken.is_none() && !is_absence(name, &complaint) {
                        broken = Some((name, complaint));
                    }
                }
            }
        }
        let title = self.title;
        Err(error(match broken {
            Some((name, cause)) => format!("{title} ({name}) cannot be loaded: {cause}; {}", self.remedy),
            None => format!(
                "{title} was not found: looked for {} in LD_LIBRARY_PATH and the system's library folders; {}",
                short_list(&names),
                self.remedy
            ),
        }))
    }

    fn complete(&self, name: &str, library: Library) -> Result<Library> {
        for symbol in self.symbols {
            // SAFETY: the address is only compared with "not there", never called.
            if unsafe { library.get::<unsafe extern "C" fn()>(symbol.as_bytes()) }.is_err() {
                return Err(error(format!("{} ({name}) has no function `{symbol}`; {}", self.title, self.remedy)));
            }
        }
        Ok(library)
    }
}

/// What the system's loader says; `libloading` keeps it one level down.
fn complaint(error: &libloading::Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

/// Whether the loader's complaint is that there is no file of this name. A file that is there, but needs one that is not, or
/// is damaged, is another matter.
fn is_absence(name: &str, complaint: &str) -> bool {
    complaint.contains(&format!("{name}: cannot open shared object file")) || cfg!(not(target_os = "linux"))
}

/// The names that a user may recognize: without those of 32-bit and Windows libraries.
fn short_list(names: &[String]) -> String {
    let plain = |name: &&String| !name.contains("64") && !name.contains("32") && !name.contains("nvcuda");
    names.iter().filter(plain).map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn error(message: String) -> Error {
    Error::Backend { backend: NAME.into(), message }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOWHERE: Wanted = Wanted { title: "nothing", stems: &["crema-nowhere"], symbols: &[], remedy: "do this" };

    #[test]
    fn a_missing_library_is_named_with_a_remedy() {
        let message = NOWHERE.open().err().map(|error| error.to_string()).unwrap_or_default();
        for part in ["backend `cuda`: nothing was not found", "libcrema-nowhere.so, ", "LD_LIBRARY_PATH", "do this"] {
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_missing_function_is_named() {
        // The C library is there on every Linux; it is only known by another name than `cudarc` would give it.
        // SAFETY: it is loaded already.
        let library = unsafe { Library::new("libc.so.6") }.unwrap();
        let wanted = Wanted { symbols: &["malloc", "cuNowhere"], ..NOWHERE };
        let message = wanted.complete("libc.so.6", library).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(message.contains("nothing (libc.so.6) has no function `cuNowhere`; do this"), "{message}");
    }

    #[test]
    fn a_library_that_lacks_another_is_not_absent() {
        let complaint = "libcublasLt.so.12: cannot open shared object file: No such file or directory";
        assert!(!is_absence("libcublas.so.12", complaint) || cfg!(not(target_os = "linux")));
        assert!(is_absence("libcublasLt.so.12", complaint));
    }
}
