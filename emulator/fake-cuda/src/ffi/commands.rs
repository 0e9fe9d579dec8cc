//! Functions that no driver has: a test's commands to the fake.

use super::Need;
use super::{call, put_text, text};
use crate::{
    codes::{Code, INVALID_VALUE},
    exit::fail_if_unread,
    state::{lock, with},
};
use std::ffi::c_char;

/// What `fake_cuda_get` says of a name that nothing has.
pub(crate) const UNKNOWN: u64 = u64::MAX;

/// Forgets everything: memory, handles, failures, messages. The environment is read again. What nobody has read is not forgotten:
/// it ends the process.
#[unsafe(no_mangle)]
extern "C" fn fake_cuda_reset() {
    fail_if_unread();
    *lock() = None;
}

/// Sets a fault's number.
#[unsafe(no_mangle)]
extern "C" fn fake_cuda_set(name: *const c_char, value: u64) -> Code {
    call(Need::Nothing, |state| if state.faults.set(&text(name)?, value) { Ok(()) } else { Err(INVALID_VALUE) })
}

/// A count of what is alive or has happened.
#[unsafe(no_mangle)]
extern "C" fn fake_cuda_get(name: *const c_char) -> u64 {
    let Ok(name) = text(name) else { return UNKNOWN };
    with(|state| match name.as_str() {
        "launches" => state.launches,
        "allocations" => state.allocations,
        "live_allocations" => state.memory.live().count() as u64,
        "live_bytes" => state.memory.usage().1,
        "leaks" => state.leaks().len() as u64,
        _ => UNKNOWN,
    })
}

/// Puts the entry points of this PTX in place of those of the same name in modules that are loaded from now on.
#[unsafe(no_mangle)]
extern "C" fn fake_cuda_replace(ptx: *const c_char) -> Code {
    call(Need::Nothing, |state| {
        state.replacement = text(ptx)?;
        Ok(())
    })
}

/// Writes the messages, one a line, into a buffer, after which they count as read; returns the bytes that are needed.
#[unsafe(no_mangle)]
extern "C" fn fake_cuda_messages(to: *mut c_char, size: usize) -> usize {
    with(|state| {
        let lines = state.messages.join("\n");
        // Too small a buffer gets what fits; the caller asks again.
        if put_text(to, size, &lines).is_ok() && size > lines.len() {
            state.read = state.messages.len();
        }
        lines.len() + 1
    })
}
