//! Finds the images: a folder that the user names, `data/` if it is there, or the embedded sample.

use crate::{
    error::{Error, Result},
    sample::{Digits, Part},
};
use core_tensor::Shape;
use io_hdf5::{Array, File, Numbers};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Where `cargo xtask fetch-mnist` puts the full set.
const DEFAULT: &str = "data";

/// The folder with the lists of files, if it is not the embedded sample that is wanted.
pub(crate) fn folder(named: Option<&Path>, list: &str) -> Result<Option<PathBuf>> {
    let Some(folder) = named else {
        return Ok(Path::new(DEFAULT).join(list).is_file().then(|| DEFAULT.into()));
    };
    if folder.join(list).is_file() {
        return Ok(Some(folder.to_owned()));
    }
    let what = if folder.is_dir() { "has no" } else { "does not exist, so there is no" };
    Err(Error::Message(format!(
        "the folder {} {what} {list}; `cargo xtask fetch-mnist --out {0}` gets MNIST, and without --data the embedded sample \
         is used",
        folder.display()
    )))
}

/// Unpacks the embedded sample below `out` and returns the folder; files that are there and right are left alone.
pub(crate) fn unpack_sample(out: &Path) -> Result<PathBuf> {
    let folder = out.join("sample");
    fs::create_dir_all(&folder).map_err(|e| Error::file("create the folder", &folder, e))?;
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
        fs::write(&list, format!("{name}.hdf5\n")).map_err(|e| Error::file("write", &list, e))?;
    }
    Ok(folder)
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
        let folder = unpack_sample(out.path()).unwrap();
        let file = folder.join("train.hdf5");
        let written = || fs::metadata(&file).unwrap().modified().unwrap();
        let first = written();
        unpack_sample(out.path()).unwrap();
        assert_eq!(written(), first, "a file that is right was written again");
        let mut bytes = fs::read(&file).unwrap();
        bytes.truncate(1_000_000);
        fs::write(&file, bytes).unwrap();
        unpack_sample(out.path()).unwrap();
        assert_eq!(File::open(&file).unwrap().dataset("data").unwrap().sizes(), [5000, 1, 28, 28]);
    }
}
