//! Reference cases, computed in float64 with PyTorch and NumPy (`tests/golden/README.md`).
//!
//! Every file of the folder is run, or fails the test; so a new file cannot be overlooked. `CREMA_GOLDEN_DIR` names another folder of the same format. A test function for each file was
//! rejected: a file without a function would go unnoticed.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // as allowed inside of test functions

mod case;
mod layers;
mod solvers;

use case::Case;

#[test]
fn golden_layers() {
    run_all("layer", layers::run);
}

#[test]
fn golden_solvers() {
    let backends = layers::backends().unwrap();
    run_all("solver", |case| solvers::run_on_all(case, &backends));
}

#[test]
fn golden_policies() {
    run_all("policy", solvers::run_policy);
}

#[test]
fn golden_kinds_are_known() {
    for case in case::all() {
        let known = ["layer", "solver", "policy"].contains(&case.kind.as_str());
        assert!(known, "case {} is of the unknown kind `{}`", case.name, case.kind);
    }
}

/// Runs all cases of a kind and reports all that fail.
fn run_all(kind: &str, run: impl Fn(&Case) -> Result<(), String>) {
    let cases = case::all();
    let of_kind = || cases.iter().filter(|case| case.kind == kind);
    let (mut passed, mut failures) = (0, Vec::new());
    for case in of_kind() {
        match run(case) {
            Ok(()) => passed += 1,
            Err(message) => failures.push(format!("{} ({}): {message}", case.name, case.type_name)),
        }
    }
    println!("{kind} cases: {passed} passed");
    assert!(failures.is_empty(), "{} of {} cases failed:\n{}", failures.len(), of_kind().count(), failures.join("\n"));
    assert!(passed > 0, "no {kind} case in {}", case::folder().display());
}
