//! The C library as judge: it reads what we write, and we read what it writes. `cargo test -p io-hdf5 --features libhdf5`,
//! with libhdf5 installed.

#![cfg(feature = "libhdf5")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use core_tensor::Shape;
use hdf5_metno::{File as Oracle, H5Type};
use io_hdf5::{Array, Attribute, File, Numbers, snapshots, statistics, write_arrays};
use solver::{Checkpoint, FORMAT_VERSION, Meta, NamedArray, Values};
use std::{fmt::Debug, path::Path};

#[test]
fn it_reads_our_arrays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("arrays.hdf5");
    let floats: Vec<f32> = (0..24).map(|i| i as f32 * 0.1).collect();
    let doubles: Vec<f64> = floats.iter().map(|&v| f64::from(v).sin()).collect();
    let (bytes, integers) = ([0u8, 127, 255], [i64::MIN, 0, i64::MAX]);
    let array = |name, sizes: &[usize], values| Array { name, shape: Shape::new(sizes).unwrap(), values };
    let arrays = [
        array("data", &[2, 3, 2, 2], Numbers::F32(&floats)),
        array("group/inner/doubles", &[24, 1], Numbers::F64(&doubles)),
        array("bytes", &[3], Numbers::U8(&bytes)),
        array("group/integers", &[1, 3], Numbers::I64(&integers)),
        array("nothing", &[0, 4], Numbers::F32(&[])),
        array("one", &[], Numbers::F64(&[2.5])),
    ];
    write_arrays(&path, &arrays, &[("text", Attribute::Text("é")), ("number", Attribute::Integer(-3))]).unwrap();

    let file = Oracle::open(&path).unwrap();
    let data = file.dataset("data").unwrap();
    assert_eq!(data.shape(), [2, 3, 2, 2]);
    assert!(data.offset().is_some(), "in one run");
    assert_eq!(data.read_raw::<f32>().unwrap(), floats);
    assert_eq!(file.dataset("group/inner/doubles").unwrap().read_raw::<f64>().unwrap(), doubles);
    assert_eq!(file.dataset("bytes").unwrap().read_raw::<u8>().unwrap(), bytes);
    assert_eq!(file.dataset("group/integers").unwrap().read_raw::<i64>().unwrap(), integers);
    assert_eq!(file.dataset("nothing").unwrap().shape(), [0, 4]);
    assert_eq!(file.dataset("one").unwrap().read_scalar::<f64>().unwrap(), 2.5);
    assert_eq!(file.attr("number").unwrap().read_scalar::<i64>().unwrap(), -3);
}

#[test]
fn it_reads_our_snapshots_and_statistics() {
    let folder = tempfile::tempdir().unwrap();
    let array = |name: &str, values: Vec<f32>| NamedArray {
        name: name.into(),
        shape: Shape::new(&[values.len()]).unwrap(),
        values: Values::F32(values),
    };
    // Enough names to need more than one block of a group, and a description that no attribute can hold.
    let layers = 0..300;
    let checkpoint = Checkpoint {
        iteration: 5000,
        parameters: layers.clone().map(|i| array(&format!("layer{i}___weight"), vec![i as f32; 3])).collect(),
        history: layers.map(|i| array(&format!("momentum/layer{i}___weight"), vec![-(i as f32); 3])).collect(),
        meta: Meta {
            format_version: FORMAT_VERSION,
            crema_version: "0.1.0".into(),
            method: "SGD".into(),
            solver: serde_json::Value::Null,
            network: serde_json::Value::String("x".repeat(100_000)),
            layers: Default::default(),
            statistics: [("obj-val".to_owned(), [(1, 2.5), (2, f64::NAN)].into_iter().collect())].into_iter().collect(),
        },
    };
    let path = snapshots(folder.path()).save(&checkpoint).unwrap();
    let file = Oracle::open(&path).unwrap();
    assert_eq!(file.dataset("layer299___weight").unwrap().read_raw::<f32>().unwrap(), [299.0; 3]);
    assert_eq!(file.dataset("history/momentum/layer7___weight").unwrap().read_raw::<f32>().unwrap(), [-7.0; 3]);
    assert_eq!(file.attr("iteration").unwrap().read_scalar::<i64>().unwrap(), 5000);
    let json = file.dataset("crema").unwrap().read_raw::<u8>().unwrap();
    assert!(serde_json::from_slice::<serde_json::Value>(&json).unwrap()["meta"]["method"] == "SGD");

    let store = statistics(folder.path().join("statistics.hdf5"));
    store.save(&checkpoint.meta.statistics).unwrap();
    let file = Oracle::open(store.path()).unwrap();
    assert_eq!(file.dataset("statistics/obj-val/iteration").unwrap().read_raw::<i64>().unwrap(), [1, 2]);
    let values = file.dataset("statistics/obj-val/value").unwrap().read_raw::<f64>().unwrap();
    assert!(values[0] == 2.5 && values[1].is_nan());
}

#[test]
fn we_read_its_arrays() {
    fn check<T: H5Type + Copy + Debug + Into<f64>>(folder: &Path, values: &[T]) {
        let path = folder.join("theirs.h5");
        let file = Oracle::create(&path).unwrap();
        let write = |builder: hdf5_metno::DatasetBuilder, name: &str| {
            let dataset = builder.empty::<T>().shape((values.len() / 2, 2)).create(name).unwrap();
            dataset.write_raw(values).unwrap();
        };
        write(file.new_dataset_builder(), "contiguous");
        write(file.new_dataset_builder().chunk((3, 2)), "chunked");
        write(file.new_dataset_builder().chunk((3, 1)).shuffle().deflate(6), "packed");
        file.close().unwrap();
        let expected: Vec<f64> = values.iter().map(|&v| v.into()).collect();
        let file = File::open(&path).unwrap();
        for name in ["contiguous", "chunked", "packed"] {
            let dataset = file.dataset(name).unwrap();
            assert_eq!(dataset.read::<f64>().unwrap(), expected, "{name}");
            let mut window = [0f64; 8];
            dataset.read_rows(2, 4, &mut window).unwrap();
            assert_eq!(window, expected[4..12], "{name}");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    check::<u8>(folder.path(), &(0..20).map(|i| i * 12).collect::<Vec<_>>());
    check::<i32>(folder.path(), &(0..20).map(|i| i * 99_999 - 1_000_000).collect::<Vec<_>>());
    check::<f32>(folder.path(), &(0..20).map(|i| (i as f32).sin()).collect::<Vec<_>>());
    check::<f64>(folder.path(), &(0..20).map(|i| f64::from(i).cos()).collect::<Vec<_>>());
}
