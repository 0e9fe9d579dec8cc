//! Where the random stream of a layer stands: what a snapshot keeps.

use crate::{Error, Result, Setup};
use core_tensor::Philox;
use serde::{Deserialize, Serialize};

/// A stream of random numbers by position, and how many times numbers were drawn from it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Draws {
    pub(super) stream: Philox,
    /// Draws so far; each takes blocks of its own, told apart by this number.
    pub(super) count: u64,
}

impl Draws {
    /// No draws yet from the layer's stream for this purpose.
    pub(super) fn new(setup: &Setup<'_>, purpose: &str) -> Self {
        Draws { stream: setup.philox(purpose), count: 0 }
    }

    pub(super) fn save(&self) -> serde_json::Value {
        // Three integers: writing them as JSON cannot fail.
        serde_json::to_value(self).unwrap_or_default()
    }

    pub(super) fn restore(&mut self, saved: &serde_json::Value) -> Result<()> {
        *self = Draws::deserialize(saved).map_err(|e| Error::Value {
            what: "the saved state of the layer's random stream".into(),
            found: format!("{saved} ({e})"),
            expected: "a stream's key and the number of draws".into(),
        })?;
        Ok(())
    }
}
