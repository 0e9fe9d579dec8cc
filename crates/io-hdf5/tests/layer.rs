//! `Hdf5Data` in a net.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use backend_cpu::Cpu;
use core_tensor::{DType, Shape};
use io_hdf5::{Array, Hdf5Data, Numbers, write_arrays};
use layers::{Layer, LayerRef, Net, Registry, Wired, layers};
use std::{fs, path::Path};

fn shape(sizes: &[usize]) -> Shape {
    Shape::new(sizes).unwrap()
}

/// `count` samples of shape (2, 3) from number `first` on, with labels of shape (N).
fn write(path: &Path, first: usize, count: usize) {
    let data: Vec<f32> = (first * 6..(first + count) * 6).map(|i| i as f32).collect();
    let label: Vec<u8> = (first..first + count).map(|i| i as u8).collect();
    let arrays = [
        Array { name: "data", shape: shape(&[count, 2, 3]), values: Numbers::F32(&data) },
        Array { name: "label", shape: shape(&[count]), values: Numbers::U8(&label) },
    ];
    write_arrays(path, &arrays, &[]).unwrap();
}

/// Files with 5, 1 and 2 samples and their list.
fn data_set(folder: &Path) -> std::path::PathBuf {
    fs::create_dir(folder.join("sub")).unwrap();
    for (name, first, count) in [("a.hdf5", 0, 5), ("sub/b.h5", 5, 1), ("c", 6, 2)] {
        write(&folder.join(name), first, count);
    }
    let list = folder.join("train.txt");
    fs::write(&list, format!("a.hdf5\n  sub/b.h5  \n\n{}\n", folder.join("c").display())).unwrap();
    list
}

fn labels(net: &Net) -> Vec<f32> {
    net.blob("label").unwrap().data.read().unwrap()
}

#[test]
fn tops_have_the_files_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let list = data_set(folder.path());
    for dtype in [DType::F32, DType::F64] {
        let layer = Hdf5Data::new("train", &list).batch_size(3);
        let mut net = Net::builder("net").dtype(dtype).build(&Cpu::new().unwrap(), layers![layer]).unwrap();
        assert_eq!(net.blob("data").unwrap().data.shape(), shape(&[3, 2, 3]));
        assert_eq!(net.blob("label").unwrap().data.shape(), shape(&[3, 1]));
        let mut next = 0;
        for _ in 0..8 {
            net.forward().unwrap();
            let expected: Vec<f32> = (next..next + 3).map(|i| (i % 8) as f32).collect();
            assert_eq!(labels(&net), expected);
            let data: Vec<f64> = net.blob("data").unwrap().data.read().unwrap();
            let first = expected[0] as usize * 6;
            assert_eq!(data[..6], (first..first + 6).map(|i| i as f64).collect::<Vec<_>>()[..]);
            next += 3;
        }
        assert_eq!(net.epoch(), Some(3));
        // Other names for tops and datasets; a single file; a dataset twice.
        let other = Hdf5Data::new("train", folder.path().join("c"))
            .batch_size(2)
            .tops(["x", "label", "again"])
            .datasets(["data", "label", "label"]);
        let mut net = Net::new("net", &Cpu::new().unwrap(), layers![other]).unwrap();
        net.forward().unwrap();
        assert_eq!(net.blob("x").unwrap().data.read::<f32>().unwrap()[0], 36.0);
        assert_eq!(net.blob("again").unwrap().data.read::<f32>().unwrap(), labels(&net));
    }
}

#[test]
fn an_epoch_counts_each_sample_once() {
    let folder = tempfile::tempdir().unwrap();
    let layer = Hdf5Data::new("test", data_set(folder.path())).batch_size(3).shuffle(true);
    let mut net = Net::new("net", &Cpu::new().unwrap(), layers![layer]).unwrap();
    for epoch in 1..4 {
        let passed = net.forward_epoch().unwrap();
        assert_eq!((passed.batches, passed.samples, net.epoch()), (3, 8, Some(epoch)));
        let last = labels(&net);
        assert_eq!(last[1], last[2], "the last sample fills the batch");
    }
    // Training may go on within an epoch, validation starts from its first sample.
    net.forward().unwrap();
    assert_eq!(net.forward_epoch().unwrap().samples, 8);
}

#[test]
fn a_saved_position_is_taken_up_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let list = data_set(folder.path());
    let build = |seed: u64| {
        let layer = Hdf5Data::new("train", &list).batch_size(3).shuffle(true);
        Net::builder("net").seed(seed).build(&Cpu::new().unwrap(), layers![layer]).unwrap()
    };
    let mut net = build(1);
    let mut run = |batches: usize| -> Vec<Vec<f32>> {
        (0..batches)
            .map(|_| {
                net.forward().unwrap();
                labels(&net)
            })
            .collect()
    };
    let before = run(5);
    let saved = build(1).save_layers();
    assert_eq!(saved["train"]["position"], 0);
    let saved = {
        let mut net = build(1);
        for expected in before {
            net.forward().unwrap();
            assert_eq!(labels(&net), expected);
        }
        serde_json::to_string(&net.save_layers()).unwrap()
    };
    let after = run(20);
    // The order is the one that was begun, also where the program now has another seed.
    for seed in [1, 2] {
        let mut net = build(seed);
        net.forward().unwrap();
        net.restore_layers(&serde_json::from_str(&saved).unwrap()).unwrap();
        for expected in &after {
            net.forward().unwrap();
            assert_eq!(&labels(&net), expected);
        }
    }
}

#[test]
fn a_position_of_other_data_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let layer = Hdf5Data::new("train", data_set(folder.path())).batch_size(3).shuffle(true);
    let mut net = Net::new("net", &Cpu::new().unwrap(), layers![layer]).unwrap();
    let good = net.save_layers();
    for (key, value, expected) in [
        ("samples", 60_000.into(), "is one among 60000 samples; expected a position among 8"),
        ("position", 8.into(), "is 8; expected less than 8"),
        (
            "order",
            "as in the files".into(),
            "the order of samples is `all samples shuffled`; expected `as in the files`",
        ),
        ("epoch", "one".into(), "expected an object with seed, epoch, position, samples and order"),
    ] {
        let mut saved = good.clone();
        saved.get_mut("train").unwrap()[key] = value;
        let error = net.restore_layers(&saved).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    net.restore_layers(&good).unwrap();
}

#[test]
fn a_description_survives_json() {
    let layer = Hdf5Data::new("train", "train.txt").batch_size(3).shuffle(true).memory_limit(5).datasets(["x", "y"]);
    let json = serde_json::to_value(&layer).unwrap();
    assert_eq!(json["tops"], serde_json::json!(["data", "label"]));
    assert_eq!(serde_json::from_value::<Hdf5Data>(json).unwrap(), layer);
    let short = serde_json::json!({"name": "a", "tops": ["x"], "source": "x.h5", "batch_size": 2});
    let short: Hdf5Data = serde_json::from_value(short).unwrap();
    assert_eq!(short, Hdf5Data::new("a", "x.h5").tops(["x"]).batch_size(2));
    // As part of a net's description, as it stands in a snapshot.
    let mut json = serde_json::to_value(&short).unwrap();
    json["type"] = short.kind().into();
    let read = Registry::standard().add::<Hdf5Data>("Hdf5Data").read(&json).unwrap();
    assert_eq!(read, LayerRef::new(short));
}

#[test]
fn errors_say_what_to_do() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path();
    let list = data_set(folder);
    let file = |name: &str, arrays: &[(&str, &[usize])]| {
        let zeros = vec![0f32; 1000];
        let array = |(name, sizes): &(&'static str, &[usize])| {
            let shape = shape(sizes);
            Array { name, shape, values: Numbers::F32(&zeros[..shape.len()]) }
        };
        // The names outlive the table.
        let arrays: Vec<(&'static str, &[usize])> =
            arrays.iter().map(|(name, sizes)| (if *name == "data" { "data" } else { "label" }, *sizes)).collect();
        write_arrays(folder.join(name), &arrays.iter().map(array).collect::<Vec<_>>(), &[]).unwrap();
    };
    file("uneven.h5", &[("data", &[4, 2, 3]), ("label", &[5])]);
    file("other.h5", &[("data", &[4, 3, 2]), ("label", &[4])]);
    file("scalar.h5", &[("data", &[]), ("label", &[])]);
    file("none.h5", &[("data", &[0, 2, 3]), ("label", &[0])]);
    file("flat.h5", &[("data", &[4, 0, 3]), ("label", &[4])]);
    file("deep.h5", &[("data", &[1, 1, 1, 1, 1, 2]), ("label", &[1])]);
    for (name, text) in [
        ("empty.txt", "\n \n"),
        ("mixed.txt", "a.hdf5\nother.h5"),
        ("missing.txt", "a.hdf5\n\nnowhere.h5\n"),
        ("text.h5", "no HDF5"),
    ] {
        fs::write(folder.join(name), text).unwrap();
    }
    fs::write(folder.join("bytes.txt"), [0xff, 0xfe, 0x00]).unwrap();
    let whole = fs::read(folder.join("a.hdf5")).unwrap();
    fs::write(folder.join("cut.h5"), &whole[..whole.len() - 10]).unwrap();

    let from = |name: &str| Hdf5Data::new("train", folder.join(name)).batch_size(2);
    let cases = [
        (Hdf5Data::new("train", &list), "batch_size is 0; expected at least 1; set it with `.batch_size(64)`"),
        (from("gone.txt"), "gone.txt: cannot read the list of data files: No such file"),
        (from("gone.h5"), "gone.h5: cannot open the file: No such file"),
        (
            from("empty.txt"),
            "empty.txt: the list is empty; expected an HDF5 file, or a text with the path of one on each line",
        ),
        (from("bytes.txt"), "bytes.txt: this is no list of files; expected an HDF5 file, or a text"),
        (
            from("missing.txt"),
            "missing.txt: line 3 names the file `nowhere.h5`, which does not exist (looked for beside the list",
        ),
        (from("text.h5"), "text.h5: this is damaged, cut off, not HDF5"),
        (from("cut.h5"), "cut.h5: dataset `data`: this is damaged, cut off"),
        (
            from("uneven.h5"),
            "uneven.h5: dataset `label`: the number of samples is 5; expected 4, as dataset `data` of the same file has",
        ),
        (from("mixed.txt"), "other.h5: dataset `data`: the shape of a sample is [3, 2]; expected [2, 3], as in"),
        (
            from("scalar.h5"),
            "scalar.h5: dataset `data`: the shape is that of a scalar; expected samples along the first axis",
        ),
        (from("none.h5"), "none.h5: its datasets have 0 samples; expected 1 to 4294967295"),
        (from("flat.h5"), "flat.h5: dataset `data`: the shape of a sample is [0, 3]; expected one without a zero"),
        (from("a.hdf5").tops(["data", "lable"]), "a.hdf5: there is no dataset `lable`; the file has: data, label"),
        (from("a.hdf5").datasets(["data"]), "the number of datasets is 1; expected 2, one for each top (data, label)"),
        (from("a.hdf5").memory_limit(10), "memory_limit is 10 bytes; expected at least 112, since"),
        (from("a.hdf5").batch_size(usize::MAX / 2), "the number of elements of a blob"),
    ];
    for (layer, expected) in cases {
        let error = Net::new("net", &Cpu::new().unwrap(), layers![layer]).expect_err(expected).to_string();
        assert!(error.starts_with("layer `train` (Hdf5Data): "), "{error}");
        assert!(error.contains(expected), "found:    {error}\nexpected: {expected}");
    }
    assert!(Net::new("net", &Cpu::new().unwrap(), layers![from("deep.h5")]).is_ok());
}

#[test]
fn a_file_lost_while_training_is_an_error_of_the_layer() {
    let folder = tempfile::tempdir().unwrap();
    let layer = Hdf5Data::new("train", data_set(folder.path())).batch_size(3);
    let mut net = Net::new("net", &Cpu::new().unwrap(), layers![layer]).unwrap();
    fs::remove_file(folder.path().join("sub/b.h5")).unwrap();
    for _ in 0..2 {
        let error = net.forward().unwrap_err().to_string();
        assert!(error.starts_with("layer `train` (Hdf5Data): "), "{error}");
        assert!(error.contains("b.h5: cannot open the file"), "{error}");
    }
    // A file that grew is not the one that the order was made for.
    write(&folder.path().join("sub/b.h5"), 5, 2);
    let error = net.forward().unwrap_err().to_string();
    assert!(error.contains("b.h5: the file changed: it has 2 samples and had 1 when the net was built"), "{error}");
}
