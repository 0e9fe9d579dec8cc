//! Atomic files: whoever opens the path sees the whole old file or the whole new one, at any moment, also after a crash.
//!
//! The bytes go to `<name>.tmp` in the same directory, are forced to the disk, and take the old file's place by a rename, which
//! file systems do in one step; then the directory is forced to the disk too. The temporary name is fixed, so that a process
//! killed half-way leaves one such file at most, and the next attempt overwrites it. Random names (crate `tempfile`) would
//! pile up, and that crate's files can be read by their owner only.

use crate::{Error, Result};
use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

/// Writes a file by way of a temporary one. If anything fails, `fill` included, the temporary file is removed and what was at
/// `path` stays as it was.
pub(crate) fn write(path: &Path, fill: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let Some(name) = path.file_name() else {
        return Err(Error::Content { path: path.into(), message: "this is no file name".into() });
    };
    let mut temporary_name = name.to_owned();
    temporary_name.push(".tmp");
    let temporary = path.with_file_name(temporary_name);
    let result = write_and_rename(path, &temporary, fill);
    if result.is_err() {
        // The first error is the one to report; if the file cannot be removed either, there is nothing more to do.
        let _ = fs::remove_file(&temporary);
    }
    result
}

/// Creates a directory and finds out whether files can be made in it.
pub(crate) fn prepare_directory(directory: &Path) -> Result<()> {
    let error = |action| move |source| Error::Io { path: directory.into(), action, source };
    fs::create_dir_all(directory).map_err(error("create the directory"))?;
    let probe = directory.join(format!(".crema-{}.tmp", std::process::id()));
    fs::File::create(&probe).map_err(error("write into the directory"))?;
    fs::remove_file(&probe).map_err(error("remove a file from the directory"))
}

/// The directory that a file is in, `.` included.
pub(crate) fn directory_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.into(),
        _ => PathBuf::from("."),
    }
}

fn write_and_rename(path: &Path, temporary: &Path, fill: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let error = |action| move |source| Error::Io { path: path.into(), action, source };
    let mut file = fs::File::create(temporary).map_err(error("create a temporary file beside it"))?;
    fill(&mut file)?;
    file.sync_all().map_err(error("write the file to the disk"))?;
    drop(file);
    fs::rename(temporary, path).map_err(error("put the new file in its place"))?;
    sync_directory(&directory_of(path)).map_err(error("write the directory to the disk"))
}

#[cfg(unix)]
fn sync_directory(directory: &Path) -> io::Result<()> {
    fs::File::open(directory)?.sync_all()
}

/// Other systems cannot open a directory; there the rename itself is what they offer.
#[cfg(not(unix))]
fn sync_directory(_directory: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(directory).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_failed_write_leaves_the_old_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.hdf5");
        write(&path, |out| out.write_all(b"old").map_err(|source| io_error(&path, source))).unwrap();
        // A disk that is full after two bytes.
        let result = write(&path, |out| {
            let result = out.write_all(b"ne").and(Err(io::ErrorKind::StorageFull.into()));
            result.map_err(|source| io_error(&path, source))
        });
        assert!(result.unwrap_err().to_string().contains("a.hdf5"));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(directory.path()), ["a.hdf5"]);
        write(&path, |out| out.write_all(b"new").map_err(|source| io_error(&path, source))).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names(directory.path()), ["a.hdf5"]);
    }

    #[test]
    fn a_file_left_by_a_killed_process_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.hdf5");
        fs::write(directory.path().join("a.hdf5.tmp"), b"half").unwrap();
        write(&path, |out| out.write_all(b"whole").map_err(|source| io_error(&path, source))).unwrap();
        assert_eq!(names(directory.path()), ["a.hdf5"]);
    }

    #[test]
    fn missing_directories_are_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("none/a.hdf5");
        let error = write(&path, |_| Ok(())).unwrap_err().to_string();
        assert!(error.contains("none/a.hdf5: cannot create a temporary file beside it"), "{error}");
        fs::write(directory.path().join("file"), b"").unwrap();
        let error = prepare_directory(&directory.path().join("file/inner")).unwrap_err().to_string();
        assert!(error.contains("cannot create the directory"), "{error}");
    }

    fn io_error(path: &Path, source: io::Error) -> Error {
        Error::Io { path: path.into(), action: "write the file", source }
    }
}
