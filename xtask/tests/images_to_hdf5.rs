//! `cargo xtask images-to-hdf5` as a program: what it writes, what it says, and what it refuses.

#![allow(clippy::unwrap_used)] // a test stops at the first error

use image::{Rgb, RgbImage};
use std::{fs, path::Path, process::Command};

/// Standard output or, with `error: `, standard error.
fn program(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .current_dir(folder)
        .arg("images-to-hdf5")
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

/// Two red cats and a blue dog.
fn pictures(folder: &Path) {
    for (file, color) in [("cats/1.png", [200, 0, 0]), ("cats/2.png", [210, 0, 0]), ("dogs/1.png", [0, 0, 100])] {
        let path = folder.join("pets").join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        RgbImage::from_pixel(6, 4, Rgb(color)).save(path).unwrap();
    }
}

/// A dataset's sizes and numbers.
fn dataset(file: &Path, name: &str) -> (Vec<usize>, Vec<f32>) {
    let dataset = io_hdf5::File::open(file).unwrap().dataset(name).unwrap();
    (dataset.sizes().to_vec(), dataset.read().unwrap())
}

#[test]
fn folders_and_lists_become_data_sets() {
    let folder = tempfile::tempdir().unwrap();
    pictures(folder.path());
    let said = program(folder.path(), &["pets", "--size", "3x2"]).unwrap();
    assert_eq!(said, "  label 0: cats\n  label 1: dogs\n3 pictures of 3x2x3 are in data/pets.txt\n");
    let data = folder.path().join("data");
    assert_eq!(fs::read_to_string(data.join("pets.txt")).unwrap(), "pets-0.hdf5\n");
    assert_eq!(fs::read_to_string(data.join("pets-classes.txt")).unwrap(), "cats\ndogs\n");
    let (sizes, pixels) = dataset(&data.join("pets-0.hdf5"), "data");
    let (label_sizes, labels) = dataset(&data.join("pets-0.hdf5"), "label");
    assert_eq!((sizes, label_sizes), (vec![3, 3, 2, 3], vec![3, 1]));
    let mut first: Vec<_> = pixels.chunks(18).map(|picture| picture[0]).zip(labels).collect();
    first.sort_by(|a, b| a.0.total_cmp(&b.0));
    assert_eq!(first, [(0., 1.), (200., 0.), (210., 0.)]);

    fs::write(folder.path().join("list.csv"), "pets/dogs/1.png,7\n").unwrap();
    let list = ["list.csv", "--size=6x4", "--crop=2x1", "--channels=bgr", "--mean=-1,0,50", "--scale=0.5"];
    let said = program(folder.path(), &[&list[..], &["--out=.", "--name=dog"]].concat()).unwrap();
    assert_eq!(said, "1 pictures of 3x1x2 are in ./dog.txt\n");
    let (sizes, pixels) = dataset(&folder.path().join("dog-0.hdf5"), "data");
    assert_eq!((sizes, pixels), (vec![1, 3, 1, 2], vec![50.5, 50.5, 0., 0., -25., -25.]));
    assert_eq!(dataset(&folder.path().join("dog-0.hdf5"), "label").1, [7.]);
}

#[test]
fn what_is_there_stays_unless_forced() {
    let folder = tempfile::tempdir().unwrap();
    pictures(folder.path());
    program(folder.path(), &["pets", "--size=3x2"]).unwrap();
    let error = program(folder.path(), &["pets", "--size=6x4"]).unwrap_err();
    assert!(error.starts_with("error: data/pets.txt: this is there already; `--force` replaces it"), "{error}");
    assert_eq!(dataset(&folder.path().join("data/pets-0.hdf5"), "data").0, [3, 3, 2, 3]);
    program(folder.path(), &["pets", "--size=6x4", "--force"]).unwrap();
    assert_eq!(dataset(&folder.path().join("data/pets-0.hdf5"), "data").0, [3, 3, 4, 6]);
}

#[test]
fn mistakes_are_told() {
    let folder = tempfile::tempdir().unwrap();
    pictures(folder.path());
    fs::write(folder.path().join("list.csv"), "pets/cats/1.png,cat\n").unwrap();
    for (arguments, message) in [
        (&["pets"][..], "--size <WxH>"),
        (&["pets", "--size=28"], "expected width and height in pixels, e.g. 256x256"),
        (&["pets", "--size=3x2", "--channels=cmyk"], "expected gray, rgb or bgr"),
        (&["pets", "--size=3x2", "--crop=4x1"], "error: the crop is 4x1; expected 1x1 to 3x2, the size"),
        (&["pets", "--size=3x2", "--mean=1,2"], "error: the mean is 2 numbers; expected 3, or 1 for all"),
        (&["list.csv", "--size=3x2"], "error: list.csv: line 1 is one with the label `cat`"),
        (&["nothing", "--size=3x2"], "nothing: "),
        (&["..", "--size=3x2"], "`--name NAME` gives one"),
    ] {
        let error = program(folder.path(), arguments).unwrap_err();
        assert!(error.contains(message), "{arguments:?}: {error}");
    }
    assert!(!folder.path().join("data/pets.txt").exists());
}
