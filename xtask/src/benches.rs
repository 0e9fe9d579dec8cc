//! `time`: a program of the benches package.
//!
//! It is started through cargo, so that a chore such as `tidy` need not be built with all of the framework.

use crate::error::{About, Error, Result};
use std::{ffi::OsString, process::Command};

/// Builds and runs the program; what it has to say, it says itself.
pub(crate) fn run(program: &str, arguments: &[OsString]) -> Result<()> {
    let cargo = ["run", "--release", "--package", "crema-benches", "--bin", program, "--"];
    let status = Command::new(env!("CARGO")).args(cargo).args(arguments).status().about("cargo")?;
    if status.success() { Ok(()) } else { Err(Error(format!("`{program}` has failed, see above"))) }
}
