//! Writes the embedded images into HDF5 files, as `cargo xtask fetch-mnist` writes the full set.

use crate::{Digits, Part};
use core_tensor::Shape;
use io_hdf5::{Array, File, Numbers};
use std::{
    error::Error,
    fs, io,
    path::{Path, PathBuf},
};

/// Unpacks the embedded sample below `out` and returns the folder; files that are there and right are left alone.
///
/// ```
/// let out = tempfile::tempdir()?;
/// let folder = digits::unpack(out.path())?;
/// assert!(folder.join("train.txt").is_file() && folder.join("test.txt").is_file());
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
///
/// # Errors
/// The folder or a file cannot be written; the program was built with damaged images.
pub fn unpack(out: &Path) -> Result<PathBuf, Box<dyn Error + Send + Sync>> {
    let folder = out.join("sample");
    fs::create_dir_all(&folder).map_err(|e| named("create the folder", &folder, &e))?;
    for (part, name) in [(Part::Train, "train"), (Part::Test, "test")] {
        let digits = Digits::embedded(part)?;
        let (pixels, labels) = (digits.pixels(), digits.labels());
        let file = folder.join(name).with_extension("hdf5");
        if !holds(&file, &pixels, &labels) {
            let n = digits.len();
            let arrays = [
                Array { name: "data", shape: Shape::new(&[n, 1, 28, 28])?, values: Numbers::F32(&pixels) },
                Array { name: "label", shape: Shape::new(&[n, 1])?, values: Numbers::F32(&labels) },
            ];
            io_hdf5::write_arrays(&file, &arrays, &[])?;
        }
        // Written last: a list never names a file that is not there.
        let list = folder.join(name).with_extension("txt");
        fs::write(&list, format!("{name}.hdf5\n")).map_err(|e| named("write", &list, &e))?;
    }
    Ok(folder)
}

/// The same error with the file's name.
fn named(what: &str, path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot {what} {}: {error}", path.display()))
}

/// Whether the file has exactly these images.
fn holds(file: &Path, pixels: &[f32], labels: &[f32]) -> bool {
    let read = |name| File::open(file).and_then(|file| file.dataset(name)).and_then(|dataset| dataset.read());
    let same = |name, expected: &[f32]| read(name).is_ok_and(|found: Vec<f32>| found == expected);
    same("data", pixels) && same("label", labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sample_has_as_many_of_each_digit() {
        for (part, per_class) in [(Part::Train, 500), (Part::Test, 100)] {
            let digits = Digits::embedded(part).unwrap();
            assert_eq!(digits.len(), 10 * per_class);
            for digit in 0..10 {
                assert_eq!((0..digits.len()).filter(|&i| digits.label(i) == digit).count(), per_class);
            }
            let mean = digits.pixels().iter().sum::<f32>() / digits.pixels().len() as f32;
            assert!((mean - 0.130).abs() < 0.005, "the mean of MNIST's pixels is 0.130, this is {mean}");
        }
    }

    #[test]
    fn sample_is_unpacked_once_and_repaired() {
        let out = tempfile::tempdir().unwrap();
        let folder = unpack(out.path()).unwrap();
        let file = folder.join("train.hdf5");
        let written = || fs::metadata(&file).unwrap().modified().unwrap();
        let first = written();
        unpack(out.path()).unwrap();
        assert_eq!(written(), first, "a file that is right was written again");
        let mut bytes = fs::read(&file).unwrap();
        bytes.truncate(1_000_000);
        fs::write(&file, bytes).unwrap();
        unpack(out.path()).unwrap();
        assert_eq!(File::open(&file).unwrap().dataset("data").unwrap().sizes(), [5000, 1, 28, 28]);
    }
}
