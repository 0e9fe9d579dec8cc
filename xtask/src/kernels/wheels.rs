//! NVIDIA's compilers as Python wheels, in folders of their own below `target/`.
//!
//! The versions are pinned: another NVRTC writes other PTX. Their licence does not allow us to pass them on, so they are
//! fetched with pip when asked for (`--install`) and never checked in.

use crate::error::{About, Error, Result};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// A wheel and where in it the part that we need lies.
pub(super) struct Wheel {
    /// What people call it.
    pub(super) name: &'static str,
    /// For pip.
    requirement: &'static str,
    /// From the folder that it is installed into.
    part: &'static str,
}

/// Compiles CUDA to PTX; 23 MB.
pub(super) const NVRTC: Wheel =
    Wheel { name: "NVRTC 11.8.89", requirement: "nvidia-cuda-nvrtc-cu11==11.8.89", part: "nvidia/cuda_nvrtc/lib" };

/// Assembles PTX for a card; 37 MB.
pub(super) const PTXAS: Wheel =
    Wheel { name: "ptxas 13.0.88", requirement: "nvidia-cuda-nvcc==13.0.88", part: "nvidia/cu13/bin/ptxas" };

impl Wheel {
    /// The part that we need, if it is installed.
    pub(super) fn installed(&self, root: &Path) -> Option<PathBuf> {
        let part = self.folder(root).join(self.part);
        part.exists().then_some(part)
    }

    /// Fetches the wheel with pip unless it is there.
    pub(super) fn install(&self, root: &Path) -> Result<PathBuf> {
        if let Some(part) = self.installed(root) {
            return Ok(part);
        }
        let mut pip = python();
        pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check", "--target"]);
        let output = pip.arg(self.folder(root)).arg(self.requirement).output().about("python3")?;
        self.installed(root).ok_or_else(|| {
            let said = String::from_utf8_lossy(&output.stderr);
            Error(format!("{} could not be installed with pip:\n{}", self.name, said.trim()))
        })
    }

    fn folder(&self, root: &Path) -> PathBuf {
        root.join("target/cuda").join(self.requirement.replace("==", "-"))
    }
}

/// Python, which comes with pip and ctypes.
pub(super) fn python() -> Command {
    Command::new("python3")
}
