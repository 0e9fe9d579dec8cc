//! Web pages that look at a net: the live page of a run ([`Dashboard`]), and for pages of one's own a small HTTP server ([`Server`])
//! and the look that all pages share ([`STYLE`]).
//!
//! The server is `hyper` on a thread of its own. `tiny_http` was rejected, since it gives no means against a client that sends its
//! request slowly, or never; `axum`, since it hides the same means and builds twice as many crates. Each connection carries one
//! request, so that one limit of time covers all of it.
//!
//! Pages ask for nothing from outside: they work without internet access, and the header `Content-Security-Policy` forbids the
//! browser anything else.

mod dashboard;
mod error;
mod guard;
mod message;
mod server;

pub use dashboard::Dashboard;
pub use error::{Error, Result};
pub use message::{Method, Request, Response};
pub use server::{Limits, Server};

/// The look of all pages, to be served as `/style.css`: light and dark, from the width of a phone on.
pub const STYLE: &str = include_str!("../assets/style.css");
