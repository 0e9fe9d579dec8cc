//! Mistakes in data files and their lists.

use crate::{catalogue::check, net, text};
use core_tensor::Shape;
use io_hdf5::{Array, Hdf5Data, Hdf5Output, Numbers, write_arrays};
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
    let small = Array { name: "data", shape: shape(&[4, 1, 14, 14]), values: Numbers::F32(&zeros[..784]) };
    let label = |n: usize| Array { name: "label", shape: shape(&[n, 1]), values: Numbers::F32(&zeros[..n]) };
    write_arrays(at("good.hdf5"), &[data(4), label(4)], &[]).unwrap();
    write_arrays(at("small.hdf5"), &[small, label(4)], &[]).unwrap();
    write_arrays(at("labels.hdf5"), &[Array { name: "labels", ..label(4) }, data(4)], &[]).unwrap();
    write_arrays(at("fewer.hdf5"), &[data(4), label(3)], &[]).unwrap();
    write_arrays(at("none.hdf5"), &[data(0), label(0)], &[]).unwrap();
    fs::write(at("cut.hdf5"), &fs::read(at("good.hdf5")).unwrap()[..5000]).unwrap();
    fs::write(at("text.hdf5"), "no HDF5").unwrap();
    fs::write(at("empty.txt"), "\n\n").unwrap();
    fs::write(at("list.txt"), "good.hdf5\nmissing.hdf5\n").unwrap();
    fs::write(at("mixed.txt"), "good.hdf5\nsmall.hdf5\n").unwrap();
    let layer = |name: &str| Hdf5Data::new("train-data", at(name));
    let read = |name: &str| text(net(layers![layer(name).batch_size(2)]).and_then(|mut net| net.forward()));
    let write = |name: &str| {
        let output = Hdf5Output::new("output", at(name)).bottom("label");
        text(net(layers![layer("good.hdf5").batch_size(2), output]).and_then(|mut net| net.forward()))
    };
    check(
        "Data files",
        folder.path(),
        &[
            ("No such list of files", read("train.txt")),
            ("An empty list of files", read("empty.txt")),
            ("A list that names a file that is not there", read("list.txt")),
            ("No such data file", read("train.hdf5")),
            ("A data file that is not HDF5", read("text.hdf5")),
            ("A data file that is cut off", read("cut.hdf5")),
            ("Files with samples of different shapes", read("mixed.txt")),
            ("A dataset of another name", read("labels.hdf5")),
            ("Fewer labels than images in a file", read("fewer.hdf5")),
            ("A file without samples", read("none.hdf5")),
            ("No batch size", text(net(layers![layer("good.hdf5")]))),
            ("A dataset for each top", text(net(layers![layer("good.hdf5").batch_size(2).datasets(["data"])]))),
            ("An output file that exists", write("good.hdf5")),
            ("An output file in no folder", write("nowhere/x.hdf5")),
        ],
    );
}
