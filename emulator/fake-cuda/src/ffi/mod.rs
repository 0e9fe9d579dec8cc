//! The functions that the libraries export, with the signatures of `cuda.h` and `cublas_v2.h`.
//!
//! They are thin: take pointers apart, ask the state, hand back a number. All dereferencing of the caller's pointers is in the
//! few functions of this file. Their common contract is that of the real libraries: a pointer is null or points to what the header
//! says. Handles are numbers here and are never dereferenced.

#![allow(unsafe_code)]

mod commands;
mod cublas;
mod device;
mod memory;
mod module;
mod stream;

use crate::{
    codes::{Code, INVALID_VALUE, SUCCESS},
    state::{State, with},
};
use std::{
    cell::Cell,
    ffi::{CStr, c_char, c_void},
};

thread_local! {
    /// The context that is current in this thread.
    static CURRENT: Cell<usize> = const { Cell::new(0) };
}

/// What must be there before a call can do its work.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    Nothing,
    /// An initialized driver.
    Device,
    /// A current context, and no failure so far.
    Context,
}

/// Runs a call.
fn call(need: Need, f: impl FnOnce(&mut State) -> Result<(), Code>) -> Code {
    let result = with(|state| {
        match need {
            Need::Nothing => {}
            Need::Device => state.check_device()?,
            Need::Context => state.check_context(CURRENT.get() != 0)?,
        }
        f(state)
    });
    result.err().unwrap_or(SUCCESS)
}

/// Hands a value to the caller.
fn put<T>(to: *mut T, value: T) -> Result<(), Code> {
    if to.is_null() {
        return Err(INVALID_VALUE);
    }
    // SAFETY: not null, and the caller gives a place for a `T`; it need not be initialized.
    unsafe { to.write(value) };
    Ok(())
}

/// A number that the caller points to.
fn get<T: Copy>(from: *const T) -> Option<T> {
    // SAFETY: the caller gives null or a readable `T`.
    unsafe { from.as_ref() }.copied()
}

/// A text that the caller points to.
fn text(from: *const c_char) -> Result<String, Code> {
    if from.is_null() {
        return Err(INVALID_VALUE);
    }
    // SAFETY: not null, and ends with a zero byte as the header asks.
    let text = unsafe { CStr::from_ptr(from) };
    text.to_str().map(String::from).map_err(|_| INVALID_VALUE)
}

/// A text for the caller, cut to his buffer and ended by a zero byte.
fn put_text(to: *mut c_char, size: usize, text: &str) -> Result<(), Code> {
    if to.is_null() || size == 0 {
        return Err(INVALID_VALUE);
    }
    let length = text.len().min(size - 1);
    // SAFETY: the caller's buffer has `size` bytes, of which at most that many are written.
    unsafe {
        std::ptr::copy_nonoverlapping(text.as_ptr(), to.cast::<u8>(), length);
        to.add(length).write(0);
    }
    Ok(())
}

/// The arguments of a launch, collected into the order and alignment that the kernel's parameter list has.
fn arguments(kernel: &ptx::Kernel, from: *const *const c_void) -> Result<Vec<u8>, Code> {
    let mut bytes = vec![0; kernel.param_bytes];
    for (at, param) in kernel.params.iter().enumerate() {
        if from.is_null() {
            return Err(INVALID_VALUE);
        }
        // SAFETY: the caller's list has a pointer for each parameter of the kernel.
        let argument = unsafe { *from.add(at) };
        if argument.is_null() {
            return Err(INVALID_VALUE);
        }
        // SAFETY: each points to as many bytes as its parameter has.
        let argument = unsafe { std::slice::from_raw_parts(argument.cast::<u8>(), param.size) };
        bytes[param.offset..param.offset + param.size].copy_from_slice(argument);
    }
    Ok(bytes)
}
