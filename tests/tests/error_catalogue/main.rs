//! The mistakes that people make, and what they are told: exact texts, because an error is part of the interface.
//!
//! Each text must name the layer or file, what was found, what was expected, and what to do. Whoever changes a text reads it
//! here once more. Substrings instead of whole texts were rejected: they hide the half that reads badly.
#![allow(clippy::unwrap_used, clippy::panic)] // a test that cannot go on shall panic
#![cfg(unix)] // some texts end with what the operating system says

#[path = "../common/mod.rs"]
mod common;
mod data_files;
mod nets;
mod runs;

use layers::prelude::*;
use ndarray::{Array2, Array4};
use std::{fmt::Display, path::Path};

/// What a user reads.
pub(crate) fn text<T>(result: Result<T, impl Display>) -> String {
    result.err().map_or_else(|| "no error".into(), |error| error.to_string())
}

/// Compares all texts before it fails, with the folder's name left out.
pub(crate) fn check(folder: &Path, cases: &[(&str, String, &str)]) {
    let folder = format!("{}/", folder.display());
    let mut failures = String::new();
    for (mistake, found, expected) in cases {
        let found = found.replace(&folder, "");
        if found != *expected {
            failures += &format!("\n{mistake}\n  found:    {found}\n  expected: {expected}\n");
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

pub(crate) fn memory(samples: usize, size: usize, label: f32) -> MemoryData {
    MemoryData::new("memory", samples)
        .array("data", Array4::<f32>::zeros((samples, 1, size, size)))
        .array("label", Array2::<f32>::from_elem((samples, 1), label))
}

pub(crate) fn net(layers: LayerList) -> layers::Result<Net> {
    Net::new("catalogue", &backend_cpu::Cpu::with_threads(1)?, layers)
}
