//! The table of features (`docs/FEATURES.md`) against the list of layers and the files that it names, so that it cannot rot.

#![allow(clippy::unwrap_used, clippy::panic)] // clippy.toml allows them in test functions, not in their helpers

use layers::Registry;
use std::{collections::BTreeSet, fs, path::Path};

/// What Mocha exports as layers (`src/Mocha.jl`).
const MOCHA_LAYERS: &str = "Accuracy Argmax AsyncHDF5Data BinaryAccuracy BinaryCrossEntropyLoss ChannelPooling Concat Convolution \
                            Crop Dropout ElementWise GaussianKLLoss HDF5Data HDF5Output HingeLoss Identity Index2Onehot \
                            InnerProduct LRN MemoryData MemoryOutput MultinomialLogisticLoss Pooling Power RandomMask \
                            RandomNormal Reshape SoftlabelSoftmaxLoss Softmax SoftmaxLoss Split SquareLoss TiedInnerProduct \
                            WassersteinLoss";

/// Kinds of layers that are not in the standard registry, since they read and write files.
const FILE_LAYERS: [&str; 2] = ["Hdf5Data", "Hdf5Output"];

struct Row {
    theirs: String,
    ours: String,
    proof: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// All rows of all tables but their heads.
fn rows() -> Vec<Row> {
    let text = fs::read_to_string(root().join("docs/FEATURES.md")).unwrap();
    let is_row = |line: &&str| line.starts_with('|') && !line.starts_with("| ---") && !line.starts_with("| theirs");
    let row = |line: &str| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [theirs, ours, proof] = cells[..] else { panic!("not three cells: {line}") };
        Row { theirs: theirs.into(), ours: ours.into(), proof: proof.into() }
    };
    text.lines().filter(is_row).map(row).collect()
}

/// What stands in backticks.
fn names(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn every_row_is_proved_by_its_files() {
    let rows = rows();
    assert!(rows.len() > 50, "only {} rows", rows.len());
    for Row { theirs, ours, proof } in rows {
        if ours.starts_with("none") {
            assert!(proof.is_empty(), "{theirs}: nothing to be proved, but there is `{proof}`");
            continue;
        }
        let read = |path: &str| fs::read(root().join(path)).unwrap_or_else(|error| panic!("{theirs}: {path}: {error}"));
        let files: Vec<Vec<u8>> = names(&proof).map(read).collect();
        assert!(names(&ours).next().is_some(), "{theirs}: no name");
        for name in names(&ours).filter(|name| !name.contains(' ')) {
            let is_in = |file: &Vec<u8>| file.windows(name.len()).any(|bytes| bytes == name.as_bytes());
            assert!(files.iter().any(is_in), "{theirs}: `{name}` is in none of {proof}");
        }
    }
}

#[test]
fn every_layer_has_a_row() {
    let rows = rows();
    let ours: BTreeSet<&str> =
        rows.iter().filter(|row| !row.ours.starts_with("none")).flat_map(|row| names(&row.ours)).collect();
    for kind in Registry::standard().kinds().chain(FILE_LAYERS) {
        assert!(ours.contains(kind), "docs/FEATURES.md has no row for the layer {kind}");
    }
    let theirs: BTreeSet<&str> = rows.iter().flat_map(|row| names(&row.theirs)).collect();
    assert_eq!(MOCHA_LAYERS.split_whitespace().count(), 34);
    for layer in MOCHA_LAYERS.split_whitespace() {
        assert!(theirs.contains(format!("{layer}Layer").as_str()), "docs/FEATURES.md has no row for Mocha's {layer}");
    }
}
