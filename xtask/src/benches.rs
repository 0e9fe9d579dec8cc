//! `time` and `compare`: programs of the benches package.
//!
//! They are started through cargo, so that a chore such as `tidy` need not be built with all of the framework.

use crate::error::{About, Error, Result};
use std::{ffi::OsString, process::Command};

/// Builds and runs the program; what it has to say, it says itself.
pub(crate) fn run(program: &str, arguments: &[OsString]) -> Result<()> {
    // All of the package's programs, because one of them starts another.
    cargo("build", &["--bins"], &[])?;
    cargo("run", &["--quiet", "--bin", program, "--"], arguments)
}

fn cargo(command: &str, flags: &[&str], arguments: &[OsString]) -> Result<()> {
    let package = ["--release", "--package", "crema-benches"];
    let mut cargo = Command::new(env!("CARGO"));
    let status = cargo.arg(command).args(package).args(flags).args(arguments).status().about("cargo")?;
    if status.success() { Ok(()) } else { Err(Error("it has failed, see above".into())) }
}
