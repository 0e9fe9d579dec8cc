//! Parameters alone, from a snapshot or from another framework's export.

use super::{codec, store};
use crate::{Error, File, Result};
use core_tensor::Shape;
use solver::NamedArray;
use std::path::Path;

/// Reads the parameters in an HDF5 file:
/// - a snapshot of a run, whose checksum is verified;
/// - a file with datasets called `layer___param`, as Mocha's exporters write them (Mocha's `src/utils/io.jl`, `load_network`);
/// - Caffe's `.caffemodel.h5` with datasets `/data/<layer>/<number>` (Caffe's `src/caffe/net.cpp`, `ToHDF5`); they are called
///   `layer___number` then.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let mut net = layers::Net::new("net", &backend_cpu::Cpu::new()?, layers::layers![])?;
/// let weights = io_hdf5::read_weights("lenet_iter_10000.caffemodel.h5")?;
/// let loaded = solver::load_weights(&mut net, &weights)?;
/// assert!(loaded.missing.is_empty());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// The file cannot be read, or has no dataset of such a name.
pub fn read_weights(path: impl AsRef<Path>) -> Result<Vec<NamedArray>> {
    let path = path.as_ref();
    let file = File::open(path)?;
    if file.has(codec::MANIFEST)? {
        return Ok(store::read(path)?.parameters);
    }
    let weights: Vec<NamedArray> = file
        .datasets()?
        .iter()
        .filter_map(|dataset| Some((dataset, key(dataset)?)))
        .map(|(dataset, key)| read(&file, dataset, key))
        .collect::<Result<_>>()?;
    if weights.is_empty() {
        let message = "this has no parameters; expected datasets called `layer___param`, e.g. `conv1___filter`, or, as in \
                       Caffe's .caffemodel.h5, `data/layer/number`, e.g. `data/conv1/0`";
        return Err(Error::Content { path: path.into(), message: message.into() });
    }
    Ok(weights)
}

/// The name of the parameter that a dataset holds, if it holds one. Caffe's layers may have a `/` in their names.
fn key(dataset: &str) -> Option<String> {
    if dataset.contains("___") {
        return Some(dataset.to_owned());
    }
    let (layer, number) = dataset.strip_prefix("data/")?.rsplit_once('/')?;
    let number: usize = number.parse().ok()?;
    Some(format!("{layer}___{number}"))
}

fn read(file: &File, dataset: &str, name: String) -> Result<NamedArray> {
    let array = file.dataset(dataset)?;
    let sizes = array.sizes();
    // A scalar, Caffe's only slope of a PReLU for all channels, is an array of one.
    let shape = Shape::new(if sizes.is_empty() { &[1] } else { sizes }).map_err(|e| Error::Dataset {
        path: file.path().into(),
        dataset: dataset.into(),
        what: "the shape",
        found: format!("{sizes:?}"),
        expected: e.to_string(),
    })?;
    Ok(NamedArray { name, shape, values: codec::values(array.number(), &array.read_bytes()?) })
}
