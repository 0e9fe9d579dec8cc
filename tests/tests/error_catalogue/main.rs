//! The mistakes that people make with the libraries, and what they are told: `docs/ERRORS.md`, chapter by chapter. The last chapter
//! is about a program, and is checked where that is built (`examples/lenet/tests/error_catalogue.rs`).
#![allow(clippy::unwrap_used, clippy::panic)] // a test that cannot go on shall panic
#![cfg(unix)] // some texts end with what the operating system says

#[path = "../common/catalogue.rs"]
mod catalogue;
#[path = "../common/mod.rs"]
mod common;
mod data_files;
mod layers_and_labels;
mod nets;
mod snapshots;
mod solvers;

use layers::prelude::*;
use ndarray::{Array2, Array4};
use std::fmt::Display;

/// What a user reads.
pub(crate) fn text<T>(result: Result<T, impl Display>) -> String {
    result.err().map_or_else(|| "no error".into(), |error| error.to_string())
}

pub(crate) fn memory(samples: usize, size: usize, label: f32) -> MemoryData {
    MemoryData::new("memory", samples)
        .array("data", Array4::<f32>::zeros((samples, 1, size, size)))
        .array("label", Array2::<f32>::from_elem((samples, 1), label))
}

pub(crate) fn net(layers: LayerList) -> layers::Result<Net> {
    Net::new("catalogue", &backend_cpu::Cpu::with_threads(1)?, layers)
}

#[test]
fn every_chapter_is_tried() {
    let tried = ["Nets", "Layers and labels", "Data files", "Solvers", "Snapshots and weights", "The program"];
    assert_eq!(catalogue::chapters(), tried);
}
