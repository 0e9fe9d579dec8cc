//! A test's hand on the fake driver that its process has loaded.

#![allow(unsafe_code)]

use libloading::Library;
use std::ffi::{CString, c_char};
use thiserror::Error;

/// Commands the fake in this process.
pub struct Control {
    library: Library,
}

/// The fake cannot be commanded.
#[derive(Debug, Error)]
pub enum ControlError {
    /// No library, or one that is not the fake.
    #[error("the driver that this process finds is not the fake: {0}")]
    Library(#[from] libloading::Error),
    /// No fault or count has this name.
    #[error("the fake knows nothing of the name `{0}`")]
    Name(String),
}

type Reset = extern "C" fn();
type Set = extern "C" fn(*const c_char, u64) -> u32;
type Get = extern "C" fn(*const c_char) -> u64;
type Replace = extern "C" fn(*const c_char) -> u32;
type Messages = extern "C" fn(*mut c_char, usize) -> usize;

impl Control {
    /// Finds the fake as the backend finds a driver.
    ///
    /// # Errors
    ///
    /// If the process has none: it must have been started by [`rerun`](crate::rerun).
    pub fn open() -> Result<Self, ControlError> {
        // SAFETY: loading the fake runs no code of its own.
        let library = unsafe { Library::new("libcuda.so") }?;
        // SAFETY: the symbol is only looked for.
        unsafe { library.get::<Reset>(b"fake_cuda_reset") }?;
        Ok(Control { library })
    }

    /// Forgets everything, as if the process had just started. Messages that have not been read end the process.
    ///
    /// # Errors
    ///
    /// If the library is not the fake.
    pub fn reset(&self) -> Result<(), ControlError> {
        // SAFETY: `Reset` is the function's type.
        let reset = unsafe { self.library.get::<Reset>(b"fake_cuda_reset") }?;
        reset();
        Ok(())
    }

    /// Orders a fault: `fail_allocation`, `fail_launch`, `refuse_launch`, `lose_device`, `driver_version`, `blas_version`,
    /// `compute_capability`, `memory`, `devices`, `order`, `check`. Environment variables of these names in capitals, with
    /// `FAKE_CUDA_` before them, do the same; `memory` has its effect only there.
    ///
    /// # Errors
    ///
    /// If there is no such fault.
    pub fn set(&self, name: &str, value: u64) -> Result<(), ControlError> {
        let unknown = || ControlError::Name(name.into());
        let text = CString::new(name).map_err(|_| unknown())?;
        // SAFETY: `Set` is the function's type.
        let set = unsafe { self.library.get::<Set>(b"fake_cuda_set") }?;
        if set(text.as_ptr(), value) == 0 { Ok(()) } else { Err(unknown()) }
    }

    /// A count: `launches`, `allocations`, `live_allocations`, `live_bytes`, `leaks`.
    ///
    /// # Errors
    ///
    /// If nothing is counted under this name.
    pub fn get(&self, name: &str) -> Result<u64, ControlError> {
        let unknown = || ControlError::Name(name.into());
        let text = CString::new(name).map_err(|_| unknown())?;
        // SAFETY: `Get` is the function's type.
        let get = unsafe { self.library.get::<Get>(b"fake_cuda_get") }?;
        let count = get(text.as_ptr());
        if count == u64::MAX { Err(unknown()) } else { Ok(count) }
    }

    /// Puts the entry points of this PTX in place of those of the same name in modules that are loaded from now on.
    ///
    /// # Errors
    ///
    /// If the library is not the fake, or the text has a zero in it.
    pub fn replace_kernels(&self, ptx: &str) -> Result<(), ControlError> {
        let text = CString::new(ptx).map_err(|_| ControlError::Name("PTX with a zero byte".into()))?;
        // SAFETY: `Replace` is the function's type.
        let replace = unsafe { self.library.get::<Replace>(b"fake_cuda_replace") }?;
        if replace(text.as_ptr()) == 0 { Ok(()) } else { Err(ControlError::Name("PTX that is no text".into())) }
    }

    /// All that a good program avoids: findings of the checker, wrong calls, leaks at the context's release. What is not read
    /// here fails the process when it ends.
    ///
    /// # Errors
    ///
    /// If the library is not the fake.
    pub fn messages(&self) -> Result<Vec<String>, ControlError> {
        // SAFETY: `Messages` is the function's type; it writes no more than the buffer's size.
        let messages = unsafe { self.library.get::<Messages>(b"fake_cuda_messages") }?;
        let mut buffer = vec![0_u8; messages(std::ptr::null_mut(), 0)];
        messages(buffer.as_mut_ptr().cast(), buffer.len());
        buffer.pop();
        let text = String::from_utf8_lossy(&buffer);
        Ok(text.lines().map(String::from).collect())
    }
}
