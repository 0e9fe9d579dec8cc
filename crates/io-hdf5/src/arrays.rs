//! Files of named arrays, for whoever makes data sets, and the way in which every file is written.

use crate::{Array, Attribute, Error, Result, atomic, file::encode};
use std::path::Path;

/// Writes an HDF5 file with these arrays, each in one run, and these attributes of the root group. The file appears whole or
/// not at all; an older one of the same name stays until then. The same arrays give the same bytes.
///
/// All of it passes through memory once more. h5py, h5dump, Mocha and Caffe read what it writes.
///
/// ```
/// use core_tensor::Shape;
/// use io_hdf5::{Array, File, Numbers, write_arrays};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("train.hdf5");
/// let (data, label) = (vec![0.5; 3 * 28 * 28], vec![7.0, 2.0, 1.0]);
/// let arrays = [
///     Array { name: "data", shape: Shape::new(&[3, 1, 28, 28])?, values: Numbers::F32(&data) },
///     Array { name: "label", shape: Shape::new(&[3, 1])?, values: Numbers::F32(&label) },
/// ];
/// write_arrays(&path, &arrays, &[])?;
/// assert_eq!(File::open(&path)?.dataset("label")?.read::<f32>()?, label);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Two arrays of one name, a shape that does not fit its values; no directory, no permission, a full disk.
pub fn write_arrays(path: impl AsRef<Path>, arrays: &[Array<'_>], attributes: &[(&str, Attribute<'_>)]) -> Result<()> {
    let path = path.as_ref();
    atomic::write(path, |out| encode(path, arrays, attributes, out))
}

/// Writes a file of any format, an exported model for instance, as [`write_arrays`] does: it appears whole or not at all.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("net.dot");
/// io_hdf5::write_whole(&path, b"digraph {}")?;
/// assert_eq!(std::fs::read(&path)?, b"digraph {}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// No directory, no permission, a full disk.
pub fn write_whole(path: impl AsRef<Path>, bytes: &[u8]) -> Result<()> {
    let path = path.as_ref();
    let failed = |source| Error::Io { path: path.into(), action: "write the file", source };
    atomic::write(path, |out| out.write_all(bytes).map_err(failed))
}
