//! `Hdf5Output` in a net, and transformers of `Hdf5Data`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use backend_cpu::Cpu;
use core_tensor::{DType, Shape};
use io_hdf5::{Array, File, Hdf5Data, Hdf5Output, Hdf5OutputState, Numbers, write_arrays};
use layers::{LayerRef, MemoryData, Net, Registry, Transformer, Wired, layers};
use ndarray::Array2;
use std::path::Path;

fn numbers(samples: usize, features: usize) -> Array2<f64> {
    Array2::from_shape_fn((samples, features), |(n, i)| (n * 10 + i) as f64)
}

fn build(output: Hdf5Output, dtype: DType) -> Result<Net, layers::Error> {
    let data = MemoryData::new("data", 3).array("x", numbers(5, 2)).array("label", numbers(5, 1));
    Net::builder("net").dtype(dtype).build(&Cpu::new().unwrap(), layers![data, output.bottoms(["x", "label"])])
}

fn read(path: &Path, dataset: &str) -> (Vec<usize>, Vec<f64>) {
    let dataset = File::open(path).unwrap().dataset(dataset).unwrap();
    (dataset.sizes().to_vec(), dataset.read().unwrap())
}

#[test]
fn an_epoch_is_written_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.hdf5");
    for dtype in [DType::F32, DType::F64] {
        let output = || Hdf5Output::new("out", &path).force_overwrite(true);
        let mut net = build(output().datasets(["features", "group/label"]), dtype).unwrap();
        net.forward_epoch().unwrap();
        net.state_mut::<Hdf5OutputState>("out").unwrap().finish().unwrap();
        let expected = numbers(5, 2).into_raw_vec_and_offset().0;
        assert_eq!(read(&path, "features"), (vec![5, 2], expected.clone()));
        assert_eq!(read(&path, "group/label"), (vec![5, 1], numbers(5, 1).into_raw_vec_and_offset().0));
        // What follows is written with the rest when the net goes.
        net.forward_epoch().unwrap();
        assert_eq!(read(&path, "features").0, [5, 2]);
        drop(net);
        assert_eq!(read(&path, "features"), (vec![10, 2], [expected.clone(), expected].concat()));
        // The output feeds another net.
        let data = Hdf5Data::new("data", &path).batch_size(10).tops(["x"]).datasets(["features"]);
        Net::new("net", &Cpu::new().unwrap(), layers![data]).unwrap().forward().unwrap();
        // A net that saw nothing leaves the file alone.
        drop(build(output(), dtype).unwrap());
        assert_eq!(read(&path, "features").0, [10, 2]);
    }
}

#[test]
fn what_cannot_be_written_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.hdf5");
    let fails = |output: Hdf5Output, part: &str| {
        let text = build(output, DType::F32).map(|_| ()).unwrap_err().to_string();
        assert!(text.starts_with("layer `out` (Hdf5Output): ") && text.contains(part), "{text}");
    };
    let output = |path: &Path| Hdf5Output::new("out", path);
    fails(output(&path).datasets(["x"]), "the number of datasets is 1; expected 2, one for each bottom (x, label)");
    fails(output(&folder.path().join("none/out.hdf5")), "none: this is no directory");
    std::fs::write(&path, "old").unwrap();
    fails(output(&path), "out.hdf5: this file is there already; choose another name, or allow it to be replaced with");
    let mut net = build(output(&path).force_overwrite(true).datasets(["x", "x"]), DType::F32).unwrap();
    net.forward().unwrap();
    let text = net.state_mut::<Hdf5OutputState>("out").unwrap().finish().unwrap_err().to_string();
    assert!(text.contains("dataset `x`: the name is `x`; expected a path"), "{text}");
    drop(net);
    assert_eq!(std::fs::read(&path).unwrap(), b"old");
}

#[test]
fn the_description_survives_json() {
    let output = Hdf5Output::new("out", "a/b.hdf5").datasets(["y"]).force_overwrite(true).bottom("x");
    let json = LayerRef::new(output.clone()).to_json();
    let read = Registry::standard().add::<Hdf5Output>("Hdf5Output").read(&json).unwrap();
    assert_eq!(read, LayerRef::new(output));
    let data = Hdf5Data::new("data", "a.hdf5").transformer("data", Transformer::Scale { scale: 2.0 });
    let json = LayerRef::new(data.clone()).to_json();
    assert_eq!(Registry::standard().add::<Hdf5Data>("Hdf5Data").read(&json).unwrap(), LayerRef::new(data));
}

#[test]
fn transformers_change_each_sample_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.hdf5");
    let values: Vec<f32> = (0..7 * 6).map(|i| i as f32).collect();
    let label: Vec<f32> = (0..7).map(|i| i as f32).collect();
    let arrays = [
        Array { name: "data", shape: Shape::new(&[7, 2, 3]).unwrap(), values: Numbers::F32(&values) },
        Array { name: "label", shape: Shape::new(&[7]).unwrap(), values: Numbers::F32(&label) },
    ];
    write_arrays(&path, &arrays, &[]).unwrap();
    let data = || {
        Hdf5Data::new("data", &path)
            .batch_size(4)
            .transformer("data", Transformer::SubMean { mean: vec![1.0, -1.0] })
            .transformer("data", Transformer::Scale { scale: 0.5 })
    };
    // In memory and streamed, in order and shuffled; the last batch of an epoch is filled up with changed samples.
    for (memory_limit, shuffle) in [(1 << 20, false), (1 << 20, true), (120, false), (120, true)] {
        let layer = data().memory_limit(memory_limit).shuffle(shuffle);
        let mut net = Net::new("net", &Cpu::new().unwrap(), layers![layer]).unwrap();
        for _ in 0..6 {
            net.forward_epoch().unwrap();
            let found: Vec<f64> = net.blob("data").unwrap().data.read().unwrap();
            let samples: Vec<f64> = net.blob("label").unwrap().data.read().unwrap();
            for (at, found) in found.into_iter().enumerate() {
                let (n, i) = (samples[at / 6], at % 6);
                let mean = if i < 3 { 1.0 } else { -1.0 };
                assert_eq!(found, (n * 6.0 + i as f64 - mean) * 0.5, "element {i} of sample {n}");
            }
        }
    }
    let wrong = data().transformer("label", Transformer::SubMean { mean: vec![0.0; 2] });
    let text = Net::new("net", &Cpu::new().unwrap(), layers![wrong]).unwrap_err().to_string();
    assert!(text.contains("layer `data` (Hdf5Data): the mean for top `label` is 2 numbers; expected 1"), "{text}");
}
