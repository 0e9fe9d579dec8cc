//! Snapshots come back as they were, or not at all.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use core_tensor::Shape;
use io_hdf5::{Array, File, Numbers, decode_snapshot, read_weights, snapshots, statistics, write_arrays};
use proptest::prelude::*;
use solver::{Checkpoint, FORMAT_VERSION, Meta, NamedArray, Values};
use std::{fs, path::Path};

fn array(name: &str, sizes: &[usize], values: Values) -> NamedArray {
    NamedArray { name: name.into(), shape: Shape::new(sizes).unwrap(), values }
}

fn checkpoint(iteration: u64) -> Checkpoint {
    let numbers = |n: usize| (0..n).map(|i| i as f32 * 0.37 + iteration as f32).collect::<Vec<_>>();
    Checkpoint {
        iteration,
        parameters: vec![
            array("conv1___filter", &[2, 1, 3, 3], Values::F32(numbers(18))),
            array("conv1___bias", &[2], Values::F32(numbers(2))),
            array("ip1___weight", &[1, 2], Values::F64(vec![std::f64::consts::PI, -0.0])),
        ],
        history: vec![array("momentum/conv1___filter", &[2, 1, 3, 3], Values::F32(numbers(18)))],
        meta: Meta {
            format_version: FORMAT_VERSION,
            crema_version: "0.1.0".into(),
            method: "SGD".into(),
            solver: serde_json::json!({"lr": 0.1}),
            network: serde_json::json!({"layers": ["a", "b"]}),
            layers: [("data".to_owned(), serde_json::json!({"position": 7}))].into_iter().collect(),
            statistics: [("obj-val".to_owned(), [(1, 2.5), (2, 0.1)].into_iter().collect())].into_iter().collect(),
        },
    }
}

fn save(folder: &Path, iteration: u64) -> Vec<u8> {
    fs::read(snapshots(folder).save(&checkpoint(iteration)).unwrap()).unwrap()
}

fn newest(folder: &Path) -> Option<u64> {
    snapshots(folder).load_newest().unwrap().map(|(_, checkpoint)| checkpoint.iteration)
}

#[test]
fn a_directory_of_snapshots() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("deep/snapshots");
    let store = snapshots(&folder);
    assert!(store.load_newest().unwrap().is_none(), "no directory yet");
    store.prepare().unwrap();
    assert!(store.load_newest().unwrap().is_none());
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    for iteration in [999_999, 5, 1_000_000] {
        let path = store.save(&checkpoint(iteration)).unwrap();
        assert_eq!(path, folder.join(format!("snapshot-{iteration:06}.hdf5")));
    }
    for name in
        ["snapshot-2000000.hdf5.tmp", "snapshot-x.hdf5", "snapshot-.hdf5", "snapshot-3000000.h5", "statistics.hdf5"]
    {
        fs::write(folder.join(name), "something else").unwrap();
    }
    let (path, loaded) = store.load_newest().unwrap().unwrap();
    assert_eq!(path, folder.join("snapshot-1000000.hdf5"));
    assert_eq!(loaded, checkpoint(1_000_000));
    assert_eq!(store.load(5).unwrap(), (folder.join("snapshot-000005.hdf5"), checkpoint(5)));
    let error = store.load(7).unwrap_err().to_string();
    assert!(error.contains("snapshot-000007.hdf5: cannot read the snapshot: No such file"), "{error}");
    // The same again writes the same bytes: nothing depends on the clock.
    assert_eq!(save(&folder, 5), save(&folder, 5));
}

#[test]
fn damaged_ones_are_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = save(folder.path(), 300);
    save(folder.path(), 100);
    save(folder.path(), 200);
    let path = |n: u32| folder.path().join(format!("snapshot-{n:06}.hdf5"));
    fs::write(path(300), &bytes[..bytes.len() / 2]).unwrap();
    assert_eq!(newest(folder.path()), Some(200));
    fs::write(path(200), b"").unwrap();
    assert_eq!(newest(folder.path()), Some(100));
    fs::write(path(100), b"no HDF5").unwrap();
    let error = snapshots(folder.path()).load_newest().unwrap_err().to_string();
    assert!(
        error.contains("no intact snapshot among the 3 that are there; remove them to start from scratch"),
        "{error}"
    );
    assert!(error.contains("snapshot-000100.hdf5"), "{error}");
    // A snapshot of another release is not damaged, and an older one in its place would be a surprise.
    save(folder.path(), 400);
    let mut other = checkpoint(500);
    other.meta.format_version = 99;
    snapshots(folder.path()).save(&other).unwrap();
    let error = snapshots(folder.path()).load_newest().unwrap_err().to_string();
    assert!(error.contains("its format version is 99; this release reads 1; read it with Crema 0.1.0"), "{error}");
}

#[test]
fn snapshots_are_removed_by_their_iteration() {
    let folder = tempfile::tempdir().unwrap();
    for iteration in [100, 200] {
        save(folder.path(), iteration);
    }
    let store = snapshots(folder.path());
    store.remove(200).unwrap();
    assert_eq!(newest(folder.path()), Some(100));
    store.remove(200).unwrap(); // it is gone already
    std::fs::create_dir(folder.path().join("snapshot-000300.hdf5")).unwrap();
    let message = store.remove(300).unwrap_err().to_string();
    assert!(message.contains("snapshot-000300.hdf5") && message.contains("remove the snapshot"), "{message}");
}

#[test]
fn one_snapshot_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    save(folder.path(), 7);
    save(folder.path(), 8);
    let path = folder.path().join("snapshot-000007.hdf5");
    assert_eq!(snapshots(&path).load_newest().unwrap(), Some((path.clone(), checkpoint(7))));
    let error = snapshots(&path).save(&checkpoint(9)).unwrap_err().to_string();
    assert!(error.contains("this names a file; snapshots are saved into a directory"), "{error}");
    assert!(snapshots(&path).prepare().is_err());
    let missing = folder.path().join("snapshot-000009.hdf5");
    let error = snapshots(&missing).load_newest().unwrap_err().to_string();
    assert!(error.contains("snapshot-000009.hdf5: cannot read the snapshot"), "{error}");
    // A file by any name, and one that is HDF5 but no snapshot.
    fs::rename(&path, folder.path().join("best")).unwrap();
    assert_eq!(newest(&folder.path().join("best")), Some(7));
    let arrays = [Array { name: "x", shape: Shape::new(&[1]).unwrap(), values: Numbers::U8(&[1]) }];
    write_arrays(&path, &arrays, &[]).unwrap();
    let error = snapshots(&path).load_newest().unwrap_err().to_string();
    assert!(error.contains("this is HDF5 but no snapshot of a run"), "{error}");
}

#[test]
fn every_truncation_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = save(folder.path(), 1);
    for length in 0..bytes.len() {
        assert!(decode_snapshot(Path::new("cut"), bytes[..length].to_vec()).is_err(), "cut at {length}");
    }
}

#[test]
fn every_changed_byte_is_noticed_or_harmless() {
    let folder = tempfile::tempdir().unwrap();
    let (bytes, expected) = (save(folder.path(), 1), checkpoint(1));
    let mut noticed = 0;
    for (place, mask) in (0..bytes.len()).flat_map(|place| [1, 0x10, 0x80, 0xff].map(|mask| (place, mask))) {
        let mut changed = bytes.clone();
        changed[place] ^= mask;
        match decode_snapshot(Path::new("changed"), changed) {
            Ok(checkpoint) => assert_eq!(checkpoint, expected, "byte {place} changed by {mask:#x}"),
            Err(_) => noticed += 1,
        }
    }
    assert!(noticed > 3 * bytes.len(), "{noticed} of {}", 4 * bytes.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn round_trip(
        iteration in 0u64..1 << 40,
        arrays in prop::collection::btree_map("[a-z]{1,4}___[a-z]{1,3}", (prop::collection::vec(0usize..4, 0..4), any::<bool>()), 0..6),
        history in prop::collection::btree_map("[a-z]{1,4}/[a-z]{1,4}___[a-z]", (prop::collection::vec(0usize..4, 1..3), any::<bool>()), 0..4),
        long in 0usize..100_000,
    ) {
        let make = |(name, (sizes, double)): (&String, &(Vec<usize>, bool))| {
            let len: usize = sizes.iter().product();
            let values = (0..len).map(|i| (i as f64 + 0.1).sin());
            let values = if *double { Values::F64(values.collect()) } else { Values::F32(values.map(|v| v as f32).collect()) };
            array(name, sizes, values)
        };
        let mut original = checkpoint(iteration);
        original.parameters = arrays.iter().map(make).collect();
        original.history = history.iter().map(make).collect();
        original.meta.network = serde_json::Value::String("x".repeat(long));
        let folder = tempfile::tempdir().unwrap();
        snapshots(folder.path()).save(&original).unwrap();
        let (_, loaded) = snapshots(folder.path()).load_newest().unwrap().unwrap();
        prop_assert_eq!(loaded, original);
    }

    #[test]
    fn garbage_is_an_error(start in prop::collection::vec(any::<u8>(), 0..64), end in prop::collection::vec(any::<u8>(), 0..600)) {
        let signature = b"\x89HDF\r\n\x1a\n".to_vec();
        prop_assert!(decode_snapshot(Path::new("garbage"), [signature, start, end].concat()).is_err());
    }
}

/// Files of others: changed bytes give an error or other numbers, but no panic and no wait.
#[test]
fn changed_bytes_in_h5py_files_never_panic() {
    for name in ["contiguous.h5", "contiguous-latest.h5", "gzip.h5", "shuffle.h5", "unlimited.h5", "odd.h5", "mocha.h5"]
    {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
        let bytes = fs::read(&path).unwrap();
        let lengths = (0..bytes.len()).step_by(97).map(|length| bytes[..length].to_vec());
        let changed = (0..bytes.len()).step_by(3).map(|place| {
            let mut changed = bytes.clone();
            changed[place] ^= [1, 0x80, 0xff][place / 3 % 3];
            changed
        });
        for bytes in lengths.chain(changed) {
            let Ok(file) = File::from_bytes(name, bytes) else { continue };
            for dataset in file.datasets().unwrap_or_default() {
                let _ = file.dataset(&dataset).and_then(|dataset| dataset.read::<f32>());
            }
            let _ = file.text("note");
        }
    }
}

#[test]
fn weights_from_snapshots_and_from_mocha() {
    let folder = tempfile::tempdir().unwrap();
    save(folder.path(), 1);
    let path = folder.path().join("snapshot-000001.hdf5");
    assert_eq!(read_weights(&path).unwrap(), checkpoint(1).parameters);
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert!(read_weights(&path).unwrap_err().to_string().contains("its checksum is wrong"));

    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let weights = read_weights(fixtures.join("mocha.h5")).unwrap();
    assert_eq!(weights[0], array("conv1___bias", &[1, 2, 1, 1], Values::F32(vec![0.5, -0.5])));
    assert_eq!(weights[1].shape, Shape::new(&[2, 1, 3, 3]).unwrap());
    assert_eq!(weights[1].values, Values::F64((0..18).map(|i| f64::from(i) / 4.0).collect()));
    assert_eq!(weights[2], array("ip1___weight", &[1, 1, 2, 3], Values::F32(vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0])));
    let error = read_weights(fixtures.join("gzip.h5")).unwrap_err().to_string();
    assert!(error.contains("expected datasets called `layer___param`"), "{error}");
}

#[test]
fn places_that_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), b"").unwrap();
    let below = folder.path().join("file/below");
    let error = snapshots(&below).prepare().unwrap_err().to_string();
    assert!(error.contains("file/below: cannot create the directory"), "{error}");
    let error = statistics(below.join("statistics.hdf5")).prepare().unwrap_err().to_string();
    assert!(error.contains("file/below: cannot create the directory"), "{error}");
    // A directory that goes away while training runs.
    let gone = folder.path().join("gone");
    let store = snapshots(&gone);
    store.prepare().unwrap();
    fs::remove_dir(&gone).unwrap();
    let error = store.save(&checkpoint(1)).unwrap_err().to_string();
    assert!(error.contains("gone/snapshot-000001.hdf5: cannot create a temporary file beside it"), "{error}");
}
