//! Mistakes in data files and their lists.

use crate::{check, net, text};
use core_tensor::Shape;
use io_hdf5::{Array, File, Hdf5Data, Numbers, write_arrays};
use layers::prelude::*;
use std::fs;

#[test]
fn data_files() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let shape = |sizes: &[usize]| Shape::new(sizes).unwrap();
    let zeros = vec![0.0; 4 * 28 * 28];
    let data =
        |n: usize| Array { name: "data", shape: shape(&[n, 1, 28, 28]), values: Numbers::F32(&zeros[..n * 784]) };
    let label = |n: usize| Array { name: "label", shape: shape(&[n, 1]), values: Numbers::F32(&zeros[..n]) };
    write_arrays(at("good.hdf5"), &[data(4), label(4)], &[]).unwrap();
    write_arrays(at("labels.hdf5"), &[Array { name: "labels", ..label(4) }, data(4)], &[]).unwrap();
    write_arrays(at("fewer.hdf5"), &[data(4), label(3)], &[]).unwrap();
    fs::write(at("cut.hdf5"), &fs::read(at("good.hdf5")).unwrap()[..5000]).unwrap();
    fs::write(at("text.hdf5"), "no HDF5").unwrap();
    fs::write(at("empty.txt"), "\n\n").unwrap();
    fs::write(at("list.txt"), "good.hdf5\nmissing.hdf5\n").unwrap();
    let read = |name: &str| {
        let mut net = net(layers![Hdf5Data::new("train-data", at(name)).batch_size(2)])?;
        net.forward()
    };
    check(
        folder.path(),
        &[
            (
                "no such list",
                text(read("train.txt")),
                "layer `train-data` (Hdf5Data): train.txt: cannot read the list of data files: No such file or directory \
             (os error 2)",
            ),
            (
                "empty list",
                text(read("empty.txt")),
                "layer `train-data` (Hdf5Data): empty.txt: the list is empty; expected an HDF5 file, or a text with the \
             path of one on each line",
            ),
            (
                "list with a missing file",
                text(read("list.txt")),
                "layer `train-data` (Hdf5Data): list.txt: line 2 names the file `missing.hdf5`, which does not exist \
             (looked for beside the list and in the working directory)",
            ),
            (
                "no such file",
                text(read("train.hdf5")),
                "layer `train-data` (Hdf5Data): train.hdf5: cannot open the file: No such file or directory (os error 2)",
            ),
            (
                "no HDF5 file",
                text(read("text.hdf5")),
                "layer `train-data` (Hdf5Data): text.hdf5: this is damaged, cut off, not HDF5, or HDF5 of a kind that is \
             not read here: HDF5 format error: HDF5 signature not found at any valid offset",
            ),
            (
                "file cut off",
                text(read("cut.hdf5")),
                "layer `train-data` (Hdf5Data): cut.hdf5: dataset `data`: this is damaged, cut off, not HDF5, or HDF5 of \
             a kind that is not read here: its numbers end at byte 12860, the file at 5000",
            ),
            (
                "dataset of another name",
                text(read("labels.hdf5")),
                "layer `train-data` (Hdf5Data): labels.hdf5: there is no dataset `label`; the file has: data, labels",
            ),
            (
                "fewer labels than images",
                text(read("fewer.hdf5")),
                "layer `train-data` (Hdf5Data): fewer.hdf5: dataset `label`: the number of samples is 3; expected 4, as \
             dataset `data` of the same file has",
            ),
            (
                "no batch size",
                text(net(layers![Hdf5Data::new("train-data", at("good.hdf5"))])),
                "layer `train-data` (Hdf5Data): batch_size is 0; expected at least 1; set it with `.batch_size(64)`",
            ),
            (
                "wrong number of datasets",
                text(net(layers![Hdf5Data::new("train-data", at("good.hdf5")).batch_size(2).datasets(["data"])])),
                "layer `train-data` (Hdf5Data): the number of datasets is 1; expected 2, one for each top (data, label)",
            ),
            (
                "writing into no folder",
                text(write_arrays(at("nowhere/x.hdf5"), &[label(3)], &[])),
                "nowhere/x.hdf5: cannot create a temporary file beside it: No such file or directory (os error 2)",
            ),
            (
                "reading what is no file",
                text(File::open(at("nowhere.hdf5"))),
                "nowhere.hdf5: cannot open the file: No such file or directory (os error 2)",
            ),
        ],
    );
}
