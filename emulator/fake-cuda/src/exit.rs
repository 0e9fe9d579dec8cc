//! A process that has done what a good program avoids fails when it ends, whether or not its test has asked.
//!
//! It is the end that counts: a test that looks too early, or not at all, would miss what comes out when the last handle goes.
//! Messages that the test has read are its own affair, since it may have provoked them.

#![allow(unsafe_code)]
#![allow(clippy::print_stderr)] // the process ends; nobody is left to be told otherwise

use crate::state::lock;

/// What the linker gives the loader to call when the library is unloaded, or the process ends.
#[used]
// SAFETY: the section holds pointers to functions of this type.
#[unsafe(link_section = ".fini_array")]
static AT_THE_END: extern "C" fn() = at_the_end;

// SAFETY: this is the declaration in `unistd.h`.
unsafe extern "C" {
    /// Ends the process at once.
    safe fn _exit(code: i32) -> !;
}

extern "C" fn at_the_end() {
    fail_if_unread();
}

/// Ends the process as failed if something has gone wrong that nobody has read, or something is still alive.
pub(crate) fn fail_if_unread() {
    let complaints = lock().as_ref().map(|state| state.complaints()).unwrap_or_default();
    if complaints.is_empty() {
        return;
    }
    for complaint in complaints {
        eprintln!("fake CUDA: {complaint}");
    }
    _exit(1)
}
