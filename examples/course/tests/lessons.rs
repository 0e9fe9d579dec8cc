//! Every lesson runs from its command line, for a few iterations, and leaves what it promises.

#![allow(clippy::unwrap_used)] // a test stops at the first error

use std::{fs, path::Path, process::Command};

/// Runs a lesson in a folder, and gives its log.
fn run(program: &str, folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new(program).current_dir(folder).args(arguments).output().unwrap();
    let (log, errors) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{program} {arguments:?}: {errors}\n{log}");
    log
}

/// A lesson, its iterations, and the files that it leaves in `lessons/NAME`.
fn check(program: &str, name: &str, iterations: &str, files: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let log = run(program, folder.path(), &["--max-iter", iterations]);
    for file in files {
        let path = folder.path().join("lessons").join(name).join(file);
        assert!(fs::metadata(&path).is_ok_and(|file| file.len() > 0), "{} is missing\n{log}", path.display());
    }
    log
}

#[test]
fn dropout() {
    let files = ["dropout/snapshot-000200.hdf5", "dropout/learning-curve.png"];
    let log = check(env!("CARGO_BIN_EXE_1-dropout"), "1-dropout", "200", &files);
    assert!(log.contains("Accuracy (avg over 1000)"), "{log}");
}

#[test]
fn fashion_says_what_it_needs() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_2-fashion")).current_dir(folder.path()).output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(errors.contains("cargo xtask fetch-fashion-mnist"), "{errors}");
}

/// The digits stand in for clothes: the files have the same form.
#[test]
fn fashion() {
    let folder = tempfile::tempdir().unwrap();
    digits::unpack(folder.path()).unwrap();
    run(env!("CARGO_BIN_EXE_2-fashion"), folder.path(), &["--data", "sample", "--max-iter", "20"]);
    assert!(folder.path().join("lessons/2-fashion/fashion/snapshot-000020.hdf5").is_file());
}

#[test]
fn own_layer() {
    let log = check(env!("CARGO_BIN_EXE_3-own-layer"), "3-own-layer", "200", &["own-layer/snapshot-000200.hdf5"]);
    assert!(log.contains("MaxAbs"), "{log}");
}

#[test]
fn own_coffee_break() {
    let files = ["weights-000000.png", "weights-000500.png"];
    let log = check(env!("CARGO_BIN_EXE_4-own-coffee-break"), "4-own-coffee-break", "500", &files);
    assert!(log.contains("have moved by"), "{log}");
}

#[test]
fn autoencoder() {
    let files = [
        "autoencoder1/snapshot-000020.hdf5",
        "autoencoder3/snapshot-000020.hdf5",
        "pretrained/snapshot-000020.hdf5",
        "from-random/snapshot-000020.hdf5",
    ];
    check(env!("CARGO_BIN_EXE_5-autoencoder"), "5-autoencoder", "20", &files);
}

#[test]
fn variational_autoencoder() {
    let files = ["vae/snapshot-000050.hdf5", "samples.png"];
    check(env!("CARGO_BIN_EXE_6-variational-autoencoder"), "6-variational-autoencoder", "50", &files);
}

/// Images whose colour tells their class, in CIFAR-10's own format.
#[test]
fn cifar10() {
    let folder = tempfile::tempdir().unwrap();
    let original = folder.path().join("cifar-10-batches-bin");
    fs::create_dir(&original).unwrap();
    let record = |i: u8| {
        let class = i % 10;
        let planes = [class * 25, 250 - class * 25, (class % 3) * 100];
        [vec![class], planes.iter().flat_map(|&value| vec![value.wrapping_add(i / 10); 1024]).collect()].concat()
    };
    let images: Vec<u8> = (0..100).flat_map(record).collect();
    let names = (1..=5).map(|i| format!("data_batch_{i}.bin")).chain(["test_batch.bin".into()]);
    names.for_each(|name| fs::write(original.join(name), &images).unwrap());
    let program = env!("CARGO_BIN_EXE_7-cifar10");
    let log = run(program, folder.path(), &["--data", "cifar-10-batches-bin", "--max-iter", "30"]);
    assert!(log.contains("Importing cifar-10-batches-bin"), "{log}");
    // The imported files serve as well.
    run(program, folder.path(), &["--data", "lessons/7-cifar10/data", "--max-iter", "31"]);
    assert!(folder.path().join("lessons/7-cifar10/cifar10/snapshot-000031.hdf5").is_file());
}
