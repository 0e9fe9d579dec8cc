//! Reading. Nothing that a file claims is believed before it is checked: every size is compared with a cap and with the
//! file's length before memory is allocated for it.

use super::{Dataset, bytes::Bytes};
use crate::{Error, Result};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The most elements that are read at once, unless [`File::with_limit`] says otherwise.
const MAX_ELEMENTS: usize = 1 << 31;
/// The most groups that are looked into. Hard links can form rings, so there must be an end.
const MAX_GROUPS: usize = 100_000;
/// The deepest group that is looked into.
const MAX_DEPTH: usize = 16;

/// An HDF5 file that is open for reading.
#[derive(Debug)]
pub struct File {
    pub(super) path: PathBuf,
    pub(super) bytes: Bytes,
    handle: hdf5::File,
    pub(super) limit: usize,
}

impl File {
    /// Opens a file; what is in it is read when it is asked for.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be opened, [`Error::Unreadable`] when it is not HDF5.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let io = |source| Error::Io { path: path.into(), action: "open the file", source };
        let file = fs::File::open(path).map_err(io)?;
        let metadata = file.metadata().map_err(io)?;
        if metadata.is_dir() {
            return Err(Error::Content {
                path: path.into(),
                message: "this is a directory; expected an HDF5 file".into(),
            });
        }
        Self::new(path, Bytes::on_disk(file, metadata.len()))
    }

    /// Takes a file's bytes; `path` is only for messages.
    ///
    /// # Errors
    /// [`Error::Unreadable`] when they are not HDF5.
    pub fn from_bytes(path: impl AsRef<Path>, bytes: Vec<u8>) -> Result<Self> {
        Self::new(path.as_ref(), Bytes::in_memory(bytes))
    }

    /// Sets the most elements that are read at once (2^31 if not called).
    pub fn with_limit(mut self, elements: usize) -> Self {
        self.limit = elements;
        self
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The paths of all datasets, e.g. `data` or `statistics/loss/value`.
    ///
    /// # Errors
    /// [`Error::Unreadable`].
    pub fn datasets(&self) -> Result<Vec<String>> {
        let (mut names, mut groups) = (Vec::new(), 0);
        let found = collect(&self.handle.root(), "", 0, &mut groups, &mut names);
        found.map_err(|e| self.unreadable("", e.to_string()))?;
        Ok(names)
    }

    /// A dataset by its path.
    ///
    /// # Errors
    /// [`Error::NoDataset`] with the names that exist; [`Error::Dataset`] when it does not hold plain numbers or claims more
    /// of them than there can be; [`Error::Unreadable`].
    pub fn dataset(&self, name: &str) -> Result<Dataset> {
        let handle = self.handle.dataset(name).map_err(|error| {
            if is_missing(&error) { self.no_dataset(name) } else { self.unreadable(name, error.to_string()) }
        })?;
        Dataset::new(self, name, handle)
    }

    /// Whether there is a dataset of this name.
    ///
    /// # Errors
    /// [`Error::Unreadable`] when that cannot be told.
    pub fn has(&self, name: &str) -> Result<bool> {
        match self.handle.dataset(name) {
            Ok(_) => Ok(true),
            Err(error) if is_missing(&error) => Ok(false),
            Err(error) => Err(self.unreadable(name, error.to_string())),
        }
    }

    /// A text attribute of the root group; `None` if there is none, or if it is no text.
    ///
    /// # Errors
    /// [`Error::Unreadable`].
    pub fn text(&self, name: &str) -> Result<Option<String>> {
        Ok(self.attribute(name)?.and_then(|value| value.as_str().map(str::to_owned)))
    }

    /// An integer attribute of the root group; `None` if there is none, or if it is no integer.
    ///
    /// # Errors
    /// [`Error::Unreadable`].
    pub fn integer(&self, name: &str) -> Result<Option<i64>> {
        Ok(self.attribute(name)?.and_then(|value| value.as_i64()))
    }

    fn new(path: &Path, bytes: Bytes) -> Result<Self> {
        let handle = hdf5::File::from_source(bytes.clone()).map_err(|error| Error::Unreadable {
            path: path.into(),
            dataset: String::new(),
            message: error.to_string(),
        })?;
        Ok(File { path: path.into(), bytes, handle, limit: MAX_ELEMENTS })
    }

    fn attribute(&self, name: &str) -> Result<Option<hdf5::AttrValue>> {
        let mut all = self.handle.root().attrs().map_err(|e| self.unreadable("", e.to_string()))?;
        Ok(all.remove(name))
    }

    pub(super) fn unreadable(&self, dataset: &str, message: String) -> Error {
        Error::Unreadable { path: self.path.clone(), dataset: dataset.into(), message }
    }

    fn no_dataset(&self, name: &str) -> Error {
        let hint = match self.datasets() {
            Ok(names) if names.is_empty() => "the file has none at all".into(),
            Ok(names) => format!("the file has: {}", names.join(", ")),
            Err(_) => "the file's contents cannot be listed".into(),
        };
        Error::NoDataset { path: self.path.clone(), dataset: name.into(), hint }
    }
}

/// Whether the HDF5 crate says that there is no dataset of a name.
fn is_missing(error: &hdf5::Error) -> bool {
    use hdf5::{Error, FormatError::PathNotFound};
    matches!(error, Error::Format(PathNotFound(_)) | Error::NotADataset(_) | Error::NotAGroup(_))
}

/// Gathers the datasets below `group`.
fn collect(
    group: &hdf5::Group,
    prefix: &str,
    depth: usize,
    groups: &mut usize,
    names: &mut Vec<String>,
) -> Result<(), hdf5::Error> {
    *groups += 1;
    if depth > MAX_DEPTH || *groups > MAX_GROUPS {
        return Ok(());
    }
    names.extend(group.datasets()?.into_iter().map(|name| format!("{prefix}{name}")));
    for name in group.groups()? {
        collect(&group.group(&name)?, &format!("{prefix}{name}/"), depth + 1, groups, names)?;
    }
    Ok(())
}
