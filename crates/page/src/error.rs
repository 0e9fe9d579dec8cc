//! The error type of this crate.

use std::{io, net::SocketAddr};

/// The result of starting a server.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address cannot be had.
    #[error("cannot serve on {address}: {}", advice(source))]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The system gives no thread or no event queue.
    #[error("the page's server cannot be started")]
    Start(#[source] io::Error),
}

/// What is in the way, and what to do.
fn advice(source: &io::Error) -> String {
    match source.kind() {
        io::ErrorKind::AddrInUse => "another program has this port; give another one, or 0 for any that is free".into(),
        io::ErrorKind::AddrNotAvailable => {
            "this machine has no such address; 127.0.0.1 is this machine alone, 0.0.0.0 \
                                            all of its networks"
                .into()
        }
        io::ErrorKind::PermissionDenied => "ports below 1024 are reserved for the system; give a higher one".into(),
        _ => source.to_string(),
    }
}
