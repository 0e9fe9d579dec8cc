//! Weights in all formats that there are: what a file's name ends in tells which.

use crate::error::{Error, Result};
use exchange::{npz, safetensors};
use io_hdf5::{Array, Numbers};
use layers::Net;
use solver::{NamedArray, Values, load_weights};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// What a file of weights can end in, for messages.
pub(crate) const ENDINGS: &str = ".hdf5, .h5, .safetensors or .npz";

/// Reads the weights in a file, or in the newest snapshot of a folder. Returns which file it was.
pub(crate) fn read(place: &Path) -> Result<(PathBuf, Vec<NamedArray>)> {
    let bytes = || fs::read(place).map_err(|e| Error::file("read", place, e));
    let wrong = |e| Error::file("read the weights in", place, e);
    let weights = match ending(place) {
        "hdf5" | "h5" => io_hdf5::read_weights(place)?,
        "safetensors" => safetensors::decode(&bytes()?).map_err(wrong)?,
        "npz" => npz::decode(&bytes()?).map_err(wrong)?,
        _ if place.is_file() => {
            return Err(Error::Message(format!("{} does not end in {ENDINGS}", place.display())));
        }
        _ => return newest(place),
    };
    Ok((place.into(), weights))
}

/// Writes weights; the file's name has one of the [`ENDINGS`].
pub(crate) fn write(path: &Path, weights: &[NamedArray]) -> Result<()> {
    let wrong = |e| Error::file("make", path, e);
    match ending(path) {
        "hdf5" | "h5" => {
            let arrays: Vec<Array<'_>> = weights.iter().map(array).collect();
            Ok(io_hdf5::write_arrays(path, &arrays, &[])?)
        }
        "safetensors" => write_bytes(path, &safetensors::encode(weights).map_err(wrong)?),
        "npz" => write_bytes(path, &npz::encode(weights).map_err(wrong)?),
        _ => Err(Error::Message(format!("{} does not end in {ENDINGS}, nor in .onnx", path.display()))),
    }
}

/// Writes a file that appears whole or not at all.
pub(crate) fn write_bytes(path: &Path, bytes: &[u8]) -> Result<()> {
    Ok(io_hdf5::write_whole(path, bytes)?)
}

/// Puts weights into a net; all of the net's must be there.
pub(crate) fn fill(net: &mut Net, weights: &[NamedArray], from: &Path) -> Result<()> {
    let loaded = load_weights(net, weights);
    let wrong = |e| Error::because(format!("{} does not fit net `{}`", from.display(), net.name()), e);
    let missing = loaded.map_err(wrong)?.missing;
    if missing.is_empty() {
        return Ok(());
    }
    let message = format!(
        "{} lacks parameters of net `{}`: {}; was it trained with other layers?",
        from.display(),
        net.name(),
        missing.join(", ")
    );
    Err(Error::Message(message))
}

/// What stands behind the last dot.
pub(crate) fn ending(path: &Path) -> &str {
    path.extension().and_then(|extension| extension.to_str()).unwrap_or_default()
}

fn newest(folder: &Path) -> Result<(PathBuf, Vec<NamedArray>)> {
    let (path, checkpoint) = io_hdf5::snapshots(folder).load_newest()?.ok_or_else(|| {
        Error::Message(format!("there is no snapshot in {}; train first, or name another place", folder.display()))
    })?;
    Ok((path, checkpoint.parameters))
}

fn array(weight: &NamedArray) -> Array<'_> {
    let values = match &weight.values {
        Values::F32(values) => Numbers::F32(values),
        Values::F64(values) => Numbers::F64(values),
    };
    Array { name: &weight.name, shape: weight.shape, values }
}
