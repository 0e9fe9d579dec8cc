//! Files that h5py wrote are read bit for bit; `fixtures/make.py` makes them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use io_hdf5::{Dataset, File};
use std::path::PathBuf;

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// What `make.py` puts into a dataset of this numpy type.
fn expected(type_string: &str) -> Vec<f64> {
    let offset = match &type_string[1..2] {
        "u" => 0.0,
        "i" => -50.0,
        _ => -49.75,
    };
    (0..42).map(|i| f64::from((7 * i + 3) % 100) + offset).collect()
}

fn check(dataset: &Dataset, name: &str) {
    let expected = expected(name);
    assert_eq!(dataset.sizes(), [7, 2, 3]);
    assert_eq!(dataset.read::<f64>().unwrap(), expected, "{name}");
    assert_eq!(dataset.read::<f32>().unwrap(), expected.iter().map(|&v| v as f32).collect::<Vec<_>>(), "{name}");
    for start in 0..=7 {
        for rows in 0..=7 - start {
            let mut window = vec![0f32; rows * 6];
            dataset.read_rows(start, rows, &mut window).unwrap();
            let expected: Vec<_> = expected[start * 6..(start + rows) * 6].iter().map(|&v| v as f32).collect();
            assert_eq!(window, expected, "{name}: rows {start}..{}", start + rows);
        }
    }
}

#[test]
fn every_layout_and_type_of_h5py() {
    let layouts = [
        ("contiguous", 12),
        ("contiguous-latest", 12),
        ("userblock", 12),
        ("chunked", 5),
        ("chunked-inner", 5),
        ("gzip", 5),
        ("shuffle", 5),
        ("unlimited", 5),
    ];
    for (layout, types) in layouts {
        let path = fixture(&format!("{layout}.h5"));
        let from_memory = File::from_bytes(&path, std::fs::read(&path).unwrap()).unwrap();
        for file in [File::open(&path).unwrap(), from_memory] {
            let names = file.datasets().unwrap();
            assert_eq!(names.len(), types, "{layout}");
            for name in names {
                check(&file.dataset(&name).unwrap(), &name);
            }
        }
    }
}

#[test]
fn chunks_are_reported_so_that_windows_can_follow_them() {
    let rows = |layout: &str| File::open(fixture(layout)).unwrap().dataset("<f4").unwrap().chunk_rows();
    assert_eq!((rows("contiguous.h5"), rows("gzip.h5"), rows("shuffle.h5")), (1, 3, 4));
}

#[test]
fn odd_contents() {
    let file = File::open(fixture("odd.h5")).unwrap();
    assert_eq!(file.dataset("bool").unwrap().read::<f32>().unwrap(), [1.0, 0.0, 1.0]);
    assert_eq!(file.dataset("scalar").unwrap().read::<f32>().unwrap(), [2.5]);
    assert!(file.dataset("scalar").unwrap().sizes().is_empty());
    assert!(file.dataset("empty").unwrap().read::<f32>().unwrap().is_empty());
    assert_eq!(file.dataset("unwritten").unwrap().read::<f32>().unwrap(), [0.0; 6]);
    assert_eq!(file.dataset("group/inner/deep").unwrap().read::<f64>().unwrap(), [0.0, 1.0, 2.0, 3.0]);
    assert_eq!(file.text("note").unwrap().as_deref(), Some("fixed text"));
    assert_eq!(file.text("none").unwrap(), None);
    for (name, found) in [("half", "other"), ("text", "vlen_string"), ("complex", "compound")] {
        let error = file.dataset(name).unwrap_err().to_string();
        assert!(error.contains(&format!("dataset `{name}`: the element type is {found}")), "{error}");
        assert!(error.contains("expected integers of 8 to 64 bits, f32 or f64"), "{error}");
    }
}

#[test]
fn errors_name_file_and_dataset() {
    let file = File::open(fixture("mocha.h5")).unwrap();
    let error = file.dataset("conv1").unwrap_err().to_string();
    let names = "the file has: conv1___bias, conv1___filter, ip1___weight";
    assert!(error.ends_with(&format!("mocha.h5: there is no dataset `conv1`; {names}")), "{error}");
    let error = File::open(fixture("odd.h5")).unwrap().dataset("group").unwrap_err().to_string();
    assert!(error.contains("there is no dataset `group`"), "{error}");
    let error = File::open(fixture("none.h5")).unwrap_err().to_string();
    assert!(error.contains("none.h5: cannot open the file: No such file"), "{error}");
    let error = File::open(fixture("")).unwrap_err().to_string();
    assert!(error.contains("this is a directory"), "{error}");
    let error = File::open(fixture("make.py")).unwrap_err().to_string();
    assert!(error.contains("make.py: this is damaged, cut off, not HDF5"), "{error}");
    let dataset = file.dataset("ip1___weight").unwrap();
    let error = dataset.read_rows(1, 1, &mut [0f32; 6]).unwrap_err().to_string();
    assert!(error.contains("dataset `ip1___weight`: the number of rows is 1; expected 1 + 1 or more"), "{error}");
    let limited = File::open(fixture("mocha.h5")).unwrap().with_limit(5);
    let error = limited.dataset("ip1___weight").unwrap().read::<f32>().unwrap_err().to_string();
    assert!(error.contains("the number of elements to be read at once is 6; expected at most 5"), "{error}");
}
