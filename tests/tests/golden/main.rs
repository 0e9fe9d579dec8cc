//! Reference cases, computed in float64 with PyTorch and NumPy (`tests/golden/README.md`).
//!
//! Every file of the folder is run, or waits by the type of its layer or solver in [`WAITING`], or fails the test; so a new
//! file cannot be overlooked. `CREMA_GOLDEN_DIR` names another folder of the same format. A test function for each file was
//! rejected: a file without a function would go unnoticed.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // as allowed inside of test functions

mod case;
mod layers;
mod solvers;

use case::Case;
use std::collections::BTreeSet;

/// Types of layers and solvers that do not exist yet. This list may only shrink: a type that exists must not stand here.
const WAITING: &[&str] = &["Adadelta", "Adagrad", "Adam", "Nesterov", "RMSProp"];

#[test]
fn golden_layers() {
    run_all("layer", layers::run);
}

#[test]
fn golden_solvers() {
    run_all("solver", solvers::run);
}

#[test]
fn golden_policies() {
    run_all("policy", solvers::run_policy);
}

#[test]
fn golden_list_of_waiting_types_is_right() {
    let cases = case::all();
    for case in &cases {
        let known = ["layer", "solver", "policy"].contains(&case.kind.as_str());
        assert!(known, "case {} is of the unknown kind `{}`", case.name, case.kind);
    }
    let types: BTreeSet<&str> = cases.iter().map(|case| case.type_name.as_str()).collect();
    for &waiting in WAITING {
        assert!(!layers::exists(waiting) && !solvers::exists(waiting), "{waiting} exists: take it off the list");
        let elsewhere = std::env::var_os("CREMA_GOLDEN_DIR").is_some();
        assert!(elsewhere || types.contains(waiting), "no case is of type {waiting}: take it off the list");
    }
}

/// Runs all cases of a kind and reports all that fail.
fn run_all(kind: &str, run: fn(&Case) -> Result<(), String>) {
    let cases = case::all();
    let of_kind = || cases.iter().filter(|case| case.kind == kind);
    let (mut passed, mut waiting, mut failures) = (0, Vec::new(), Vec::new());
    for case in of_kind() {
        if WAITING.contains(&case.type_name.as_str()) {
            waiting.push(case.name.as_str());
            continue;
        }
        match run(case) {
            Ok(()) => passed += 1,
            Err(message) => failures.push(format!("{} ({}): {message}", case.name, case.type_name)),
        }
    }
    println!("{kind} cases: {passed} passed, {} wait: {}", waiting.len(), waiting.join(", "));
    assert!(failures.is_empty(), "{} of {} cases failed:\n{}", failures.len(), of_kind().count(), failures.join("\n"));
    assert!(passed > 0, "no {kind} case in {}", case::folder().display());
}
