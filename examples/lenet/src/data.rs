//! Finds the images: a folder that the user names, `data/` if it is there, or the embedded sample.

use crate::error::{Error, Result};
use std::{
    io,
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

/// Unpacks the embedded sample below `out` and returns the folder.
pub(crate) fn unpack_sample(out: &Path) -> Result<PathBuf> {
    digits::unpack(out).map_err(|source| {
        let message =
            format!("cannot unpack the embedded sample into {}; give another folder with --out", out.display());
        Error::Because { message, source }
    })
}

/// The embedded sample cannot be unpacked.
pub(crate) fn damaged(error: io::Error) -> Error {
    Error::because("the embedded sample of MNIST is damaged; build the program again", error)
}
