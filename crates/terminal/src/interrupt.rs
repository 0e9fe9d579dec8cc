//! Ctrl-C and SIGTERM: the first asks the solver to finish its iteration and save a snapshot, the second ends at once.
//!
//! SIGHUP is left alone on purpose: a handler would break `nohup`.

use signal_hook::{
    consts::{SIGINT, SIGTERM},
    flag,
};
use solver::StopFlag;
use std::{
    io,
    sync::{Arc, atomic::AtomicBool},
};

/// What a shell sees when the reader of our output has gone away. Not in `signal_hook::consts` on all systems.
pub(crate) const SIGPIPE: usize = 13;

/// Sets `stop` when a signal comes.
pub(crate) fn watch(stop: &StopFlag) -> io::Result<()> {
    let asked_before = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // Handlers run in this order: the first one ends the program only if an earlier signal has set `asked_before`.
        flag::register_conditional_shutdown(signal, exit_code(signal as usize).into(), asked_before.clone())
            .and_then(|_| flag::register(signal, asked_before.clone()))
            .and_then(|_| flag::register_usize(signal, stop.as_atomic().clone(), signal as usize))
            .map_err(|e| io::Error::new(e.kind(), format!("cannot watch for signal {signal}: {e}")))?;
    }
    Ok(())
}

/// The exit code of a program that a signal has ended, as shells have it: 130 for Ctrl-C.
pub fn exit_code(signal: usize) -> u8 {
    128u8.saturating_add(u8::try_from(signal).unwrap_or(0))
}
