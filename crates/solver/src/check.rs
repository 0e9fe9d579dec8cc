//! Checks of settings, so that all are refused in the same words.

use crate::{Error, Result};

/// Finite, 0 or more.
pub(crate) fn not_negative(what: &str, name: &str, value: f64) -> Result<()> {
    if value.is_finite() && value >= 0.0 { Ok(()) } else { Err(wrong(what, name, value, "a finite number, 0 or more")) }
}

/// Finite and more than 0.
pub(crate) fn positive(what: &str, name: &str, value: f64) -> Result<()> {
    if value.is_finite() && value > 0.0 {
        return Ok(());
    }
    Err(wrong(what, name, value, "a finite number, more than 0"))
}

/// At least 0 and less than 1: a momentum, or how much of a mean is kept.
pub(crate) fn fraction(what: &str, name: &str, value: f64) -> Result<()> {
    if (0.0..1.0).contains(&value) { Ok(()) } else { Err(wrong(what, name, value, "at least 0 and less than 1")) }
}

/// A count of at least 1.
pub(crate) fn at_least_one(what: &str, name: &str, value: u64) -> Result<()> {
    if value > 0 { Ok(()) } else { Err(wrong(what, name, value, "at least 1")) }
}

/// The error that says what was found and what was expected.
pub(crate) fn wrong(what: &str, name: &str, found: impl ToString, expected: &str) -> Error {
    Error::Value { what: format!("{what} {name}"), found: found.to_string(), expected: expected.into() }
}
