//! The mistakes that people make with the program, and what they are told: the last chapter of `docs/ERRORS.md`.
#![cfg(target_os = "linux")] // some texts end with what the operating system says, and some mistakes need a namespace
#![allow(clippy::unwrap_used, clippy::panic)] // a test that cannot go on shall panic

#[path = "../../../tests/tests/common/catalogue.rs"]
mod catalogue;
mod program;

use catalogue::{CANNOT_BE_TRIED, check};
use program::{Output, Program, kill};
use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    process::Command,
};

#[test]
fn the_program() {
    let program = Program::new();
    assert_eq!(program.run_with(&["--max-iter", "1"]).code, Some(0));
    let at = |name: &str| program.folder().join(name);
    fs::write(at("a-file"), "").unwrap();
    fs::write(at("text.png"), "no picture").unwrap();
    fs::create_dir(at("full")).unwrap();
    fs::create_dir(at("locked")).unwrap();
    fs::set_permissions(at("locked"), Permissions::from_mode(0o555)).unwrap();
    fs::create_dir(at("empty")).unwrap();
    let said = |args: &[&str]| message(program.run_with(args));
    // A namespace in which nobody is root, so that permissions count.
    let as_nobody = |args: &[&str]| under(&program, &["unshare", "--user"], args);
    // A namespace with a small disk of its own: room for the sample and one snapshot.
    let mount = "mount -t tmpfs -o size=24m none full && exec \"$0\" \"$@\"";
    let on_full_disk =
        |args: &[&str]| under(&program, &["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount], args);
    check(
        "The program",
        program.folder(),
        &[
            ("An unknown flag", said(&["--max-itre", "5"])),
            ("A flag with a value that makes no sense", said(&["--batch-size", "0"])),
            ("An unknown backend", said(&["--backend", "tpu"])),
            ("CUDA without a driver", without_cuda(said(&["--backend", "cuda", "--max-iter", "1", "--out", "cuda"]))),
            ("A data folder that does not exist", said(&["--data", "nowhere"])),
            ("Another data set in the same folder", other_data(&program)),
            ("Two runs in one folder", second_run()),
            ("An output folder that is a file", said(&["--out", "a-file"])),
            (
                "An output folder that cannot be written to",
                as_nobody(&["--data", "snapshots/sample", "--out", "locked"]),
            ),
            ("The same with the embedded sample", as_nobody(&["--out", "locked"])),
            (
                "A full disk",
                on_full_disk(&["--out", "full", "--max-iter", "10", "--snapshot-every", "1", "--threads", "1"]),
            ),
            ("Prediction without a snapshot", said(&["predict", "--snapshot", "empty"])),
            ("An image that the test set does not have", said(&["predict", "--index", "5000"])),
            ("A picture that is none", said(&["predict", "--image", "text.png"])),
            ("A curve without statistics", said(&["curve", "--out", "empty"])),
        ],
    );
}

/// What a failed run has written to stderr.
fn message(output: Output) -> String {
    assert_ne!(output.code, Some(0), "{}", output.stdout);
    output.stderr
}

/// The same by way of `unshare`, where that works.
fn under(program: &Program, other: &[&str], args: &[&str]) -> String {
    let mut test = Command::new(other[0]);
    // The same namespace with nothing in it.
    let namespace = other[1..].iter().take_while(|word| word.starts_with("--"));
    let works = test.args(namespace).arg("true").output().is_ok_and(|output| output.status.success());
    if works { message(program.run_under(other, args)) } else { CANNOT_BE_TRIED.into() }
}

/// On a machine with a driver another message is right.
fn without_cuda(said: String) -> String {
    if said.contains("driver was not found") { said } else { CANNOT_BE_TRIED.into() }
}

/// A run while another one trains into the same folder, which goes on undisturbed.
fn second_run() -> String {
    let program = Program::new().args(["--max-iter", "1000000", "--display-every", "1", "--threads", "1"]);
    let mut first = program.start();
    first.wait_for("000001 :: TRAIN");
    let said = message(program.run_with(&["--max-iter", "1"]));
    kill(&first, "INT");
    assert_ne!(first.wait().code, None);
    said
}

/// A thousand images where training has seen five thousand.
fn other_data(program: &Program) -> String {
    let folder = program.folder().join("other");
    fs::create_dir(&folder).unwrap();
    for list in ["train.txt", "test.txt"] {
        fs::write(folder.join(list), "../snapshots/sample/test.hdf5\n").unwrap();
    }
    message(program.run_with(&["--data", "other", "--max-iter", "2"]))
}
