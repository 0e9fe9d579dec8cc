//! `--check`: proves that the files on disk hold the data set, down to the last bit.
//!
//! The HDF5 files' contents are turned back into the published IDX files and their SHA-256 is compared, so no second set of
//! checksums is needed and it does not matter how the HDF5 library lays out its bytes.

use super::{
    convert,
    datasets::{Dataset, IdxFile, Part},
    idx,
    unpack::sha256,
};
use crate::error::{About, Error, Result};
use std::{fs, path::Path};

/// Verifies all files of a folder.
pub(crate) fn folder(dataset: &Dataset, folder: &Path) -> Result<()> {
    for part in dataset.parts() {
        contents(part, folder)?;
        list(part, folder)?;
    }
    Ok(())
}

fn contents(part: &Part, folder: &Path) -> Result<()> {
    let path = folder.join(convert::hdf5_name(part));
    if !path.exists() {
        return Err(Error(format!("{}: there is no such file", path.display())));
    }
    let (images, labels) = convert::read(part, folder)?;
    for (file, bytes) in [(&part.images, images), (&part.labels, labels)] {
        same(file, &bytes).about(path.display())?;
    }
    Ok(())
}

fn same(file: &IdxFile, bytes: &[u8]) -> Result<()> {
    let found = sha256(&[&idx::header(file.sizes), bytes]);
    if found == file.sha256 {
        return Ok(());
    }
    Err(Error(format!("it does not hold {}: SHA-256 is {found}, expected {}", file.name, file.sha256)))
}

fn list(part: &Part, folder: &Path) -> Result<()> {
    let path = folder.join(convert::list_name(part));
    let text = fs::read_to_string(&path).about(path.display())?;
    let wanted = convert::hdf5_name(part);
    if text.lines().any(|line| folder.join(line.trim()) == folder.join(&wanted)) {
        return Ok(());
    }
    Err(Error(format!("{}: it does not list {wanted}", path.display())))
}
