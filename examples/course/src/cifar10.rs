//! Reads CIFAR-10's binary files (Krizhevsky 2009) and writes them as HDF5.
//!
//! The format: records of one byte for the class, then 3072 for the pixels, red, green and blue planes of 32x32.

use crate::Result;
use core_tensor::Shape;
use io_hdf5::{Array, Numbers};
use std::{fs, path::Path};

/// Bytes of an image: three planes of 32x32.
const PIXELS: usize = 3 * 32 * 32;
/// The files of the training set and of the test set.
const PARTS: [(&str, &[&str]); 2] = [
    ("train", &["data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"]),
    ("test", &["test_batch.bin"]),
];

/// Whether a folder has CIFAR-10 in its binary form.
pub fn is_there(folder: &Path) -> bool {
    PARTS[0].1.iter().chain(PARTS[1].1).all(|file| folder.join(file).is_file())
}

/// Writes `train.hdf5` and `test.hdf5` with `data` (N, 3, 32, 32), bytes as f32, and `label` (N, 1), their lists of files, and
/// `mean.hdf5` with the mean image of the training set.
///
/// # Errors
/// A file cannot be read or written, ends within a record, or names a class above 9.
pub fn import(from: &Path, out: &Path) -> Result {
    fs::create_dir_all(out).map_err(|e| format!("cannot create the folder {}: {e}", out.display()))?;
    for (part, files) in PARTS {
        let (mut pixels, mut labels) = (Vec::new(), Vec::new());
        for file in files {
            read(&from.join(file), &mut pixels, &mut labels)?;
        }
        let n = labels.len();
        if part == "train" {
            let mean: Vec<f32> = mean(&pixels, n);
            let array = Array { name: "mean", shape: Shape::new(&[3, 32, 32])?, values: Numbers::F32(&mean) };
            io_hdf5::write_arrays(out.join("mean.hdf5"), &[array], &[])?;
        }
        let arrays = [
            Array { name: "data", shape: Shape::new(&[n, 3, 32, 32])?, values: Numbers::F32(&pixels) },
            Array { name: "label", shape: Shape::new(&[n, 1])?, values: Numbers::F32(&labels) },
        ];
        io_hdf5::write_arrays(out.join(part).with_extension("hdf5"), &arrays, &[])?;
        fs::write(out.join(part).with_extension("txt"), format!("{part}.hdf5\n"))
            .map_err(|e| format!("cannot write {}: {e}", out.join(part).with_extension("txt").display()))?;
    }
    Ok(())
}

fn read(path: &Path, pixels: &mut Vec<f32>, labels: &mut Vec<f32>) -> Result {
    let bytes = fs::read(path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
    let records = bytes.chunks_exact(1 + PIXELS);
    if bytes.is_empty() || !records.remainder().is_empty() {
        let expected = format!("a multiple of {} bytes and at least one", 1 + PIXELS);
        return Err(format!(
            "{} has {} bytes; expected {expected}: the file is cut short",
            path.display(),
            bytes.len()
        )
        .into());
    }
    for (i, record) in records.enumerate() {
        if record[0] > 9 {
            return Err(format!("{}: image {i} has class {}; CIFAR-10 has 0 to 9", path.display(), record[0]).into());
        }
        labels.push(record[0].into());
        pixels.extend(record[1..].iter().map(|&byte| f32::from(byte)));
    }
    Ok(())
}

/// The mean of `n` images.
fn mean(pixels: &[f32], n: usize) -> Vec<f32> {
    let mut sums = vec![0.0f64; PIXELS];
    for image in pixels.chunks_exact(PIXELS) {
        sums.iter_mut().zip(image).for_each(|(sum, &pixel)| *sum += f64::from(pixel));
    }
    sums.iter().map(|sum| (sum / n as f64) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two images a file: grey value and class rise from image to image.
    fn write(folder: &Path) {
        let files = PARTS[0].1.iter().chain(PARTS[1].1);
        for (i, file) in files.enumerate() {
            let record = |class: u8| [vec![class], vec![10 * class; PIXELS]].concat();
            fs::write(folder.join(file), [record(i as u8), record(i as u8 + 1)].concat()).unwrap();
        }
    }

    #[test]
    fn files_become_hdf5() {
        let (from, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        assert!(!is_there(from.path()));
        write(from.path());
        assert!(is_there(from.path()));
        import(from.path(), out.path()).unwrap();
        let train = io_hdf5::File::open(out.path().join("train.hdf5")).unwrap();
        assert_eq!(train.dataset("data").unwrap().sizes(), [10, 3, 32, 32]);
        assert_eq!(train.dataset("label").unwrap().read::<f32>().unwrap(), [0., 1., 1., 2., 2., 3., 3., 4., 4., 5.]);
        let mean = io_hdf5::File::open(out.path().join("mean.hdf5")).unwrap();
        assert_eq!(mean.dataset("mean").unwrap().read::<f32>().unwrap(), vec![25.0; PIXELS]);
        let test = io_hdf5::File::open(out.path().join("test.hdf5")).unwrap();
        assert_eq!(test.dataset("data").unwrap().read::<f32>().unwrap()[PIXELS..], vec![60.0; PIXELS]);
    }

    #[test]
    fn damaged_files_are_named() {
        let (from, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let cases = [
            (vec![0; 100], "data_batch_3.bin has 100 bytes; expected a multiple of 3073"),
            (vec![], "has 0 bytes"),
            (vec![10; 1 + PIXELS], "image 0 has class 10; CIFAR-10 has 0 to 9"),
        ];
        for (bytes, message) in cases {
            write(from.path());
            fs::write(from.path().join("data_batch_3.bin"), bytes).unwrap();
            let error = import(from.path(), out.path()).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
