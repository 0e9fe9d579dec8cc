//! Parameters alone, from a snapshot or from another framework's export.

use super::{codec, store};
use crate::{Error, File, Result};
use core_tensor::Shape;
use solver::NamedArray;
use std::path::Path;

/// Reads the parameters in an HDF5 file: a snapshot of a run, whose checksum is verified, or any file with datasets called
/// `layer___param`, as Mocha's and Caffe's exporters write them (Mocha's `src/utils/io.jl`, `load_network`).
///
/// Such exports give biases axes of size one, (1, n) or (1, n, 1, 1); these are dropped, since a bias here has shape (n).
///
/// # Errors
/// The file cannot be read, or has no dataset of such a name.
pub fn read_weights(path: impl AsRef<Path>) -> Result<Vec<NamedArray>> {
    let path = path.as_ref();
    let file = File::open(path)?;
    if file.has(codec::MANIFEST)? {
        return Ok(store::read(path)?.parameters);
    }
    let names: Vec<String> = file.datasets()?.into_iter().filter(|name| name.contains("___")).collect();
    if names.is_empty() {
        let message = "this has no parameters; expected datasets called `layer___param`, e.g. `conv1___filter`";
        return Err(Error::Content { path: path.into(), message: message.into() });
    }
    names.into_iter().map(|name| read(&file, name)).collect()
}

fn read(file: &File, name: String) -> Result<NamedArray> {
    let dataset = file.dataset(&name)?;
    let mut sizes = dataset.sizes().to_vec();
    if name.ends_with("___bias") && sizes.iter().filter(|&&size| size != 1).count() <= 1 {
        sizes = vec![sizes.iter().product()];
    }
    let shape = Shape::new(&sizes).map_err(|e| Error::Dataset {
        path: file.path().into(),
        dataset: name.clone(),
        what: "the shape",
        found: format!("{sizes:?}"),
        expected: e.to_string(),
    })?;
    Ok(NamedArray { name, shape, values: codec::values(dataset.number(), &dataset.read_bytes()?) })
}
