//! A directory of snapshots.

use super::{claim::Claim, codec};
use crate::{Error, Result, atomic};
use solver::{Checkpoint, CheckpointStore};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

/// Keeps snapshots as `snapshot-<iteration>.hdf5` in a directory, which is made if need be. The newest is the one with the
/// largest number in its name; a damaged one is passed over with a warning. Other files are left alone, and nothing is deleted
/// but what a [`Snapshot`](solver::Snapshot) was told not to keep. From [`prepare`](CheckpointStore::prepare) until the store is
/// dropped no other process can do the same with that directory.
///
/// `place` may also name one snapshot, to load just that one.
pub fn snapshots(place: impl Into<PathBuf>) -> Arc<dyn CheckpointStore> {
    Arc::new(Snapshots { place: place.into(), claim: Mutex::default() })
}

#[derive(Debug)]
struct Snapshots {
    place: PathBuf,
    /// From the first preparation on.
    claim: Mutex<Option<Claim>>,
}

impl CheckpointStore for Snapshots {
    fn prepare(&self) -> solver::Result<()> {
        self.refuse_file()?;
        atomic::prepare_directory(&self.place)?;
        *self.claim.lock().unwrap_or_else(PoisonError::into_inner) = Some(Claim::of(&self.place)?);
        Ok(())
    }

    fn save(&self, checkpoint: &Checkpoint) -> solver::Result<PathBuf> {
        self.refuse_file()?;
        let path = self.path_of(checkpoint.iteration);
        atomic::write(&path, |out| codec::write(&path, checkpoint, out))?;
        Ok(path)
    }

    fn remove(&self, iteration: u64) -> solver::Result<()> {
        let path = self.path_of(iteration);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::Io { path, action: "remove the snapshot", source }.into())
            }
            _ => Ok(()),
        }
    }

    fn load_newest(&self) -> solver::Result<Option<(PathBuf, Checkpoint)>> {
        if self.is_file() {
            return Ok(Some((self.place.clone(), read(&self.place)?)));
        }
        let mut damaged = Vec::new();
        for path in self.newest_first()? {
            match read(&path) {
                Ok(checkpoint) => return Ok(Some((path, checkpoint))),
                // These say that the file is as it was written, or cannot be looked at; an older one would be a surprise.
                Err(error @ (Error::Io { .. } | Error::Content { .. })) => return Err(error.into()),
                Err(error) => {
                    log::warn!("snapshot passed over: {error}");
                    damaged.push(error.to_string());
                }
            }
        }
        if damaged.is_empty() {
            return Ok(None);
        }
        let message = format!(
            "no intact snapshot among the {} that are there; remove them to start from scratch. {}",
            damaged.len(),
            damaged.join("; ")
        );
        Err(Error::Content { path: self.place.clone(), message }.into())
    }

    fn load(&self, iteration: u64) -> solver::Result<(PathBuf, Checkpoint)> {
        self.refuse_file()?;
        let path = self.path_of(iteration);
        let checkpoint = read(&path)?;
        Ok((path, checkpoint))
    }

    fn place(&self) -> String {
        self.place.display().to_string()
    }
}

impl Snapshots {
    fn path_of(&self, iteration: u64) -> PathBuf {
        self.place.join(format!("snapshot-{iteration:06}.hdf5"))
    }

    /// Whether `place` means one snapshot: there is such a file, or it looks like one's name and is no directory.
    fn is_file(&self) -> bool {
        let named_so = self.place.extension().is_some_and(|extension| extension == "hdf5" || extension == "h5");
        self.place.is_file() || named_so && !self.place.is_dir()
    }

    fn refuse_file(&self) -> Result<()> {
        if self.is_file() {
            let message = "this names a file; snapshots are saved into a directory".into();
            return Err(Error::Content { path: self.place.clone(), message });
        }
        Ok(())
    }

    /// All snapshots, the one with the largest number first.
    fn newest_first(&self) -> Result<Vec<PathBuf>> {
        let io = |source| Error::Io { path: self.place.clone(), action: "list the directory", source };
        let entries = match fs::read_dir(&self.place) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(io(error)),
        };
        let mut found = Vec::new();
        for entry in entries {
            let path = entry.map_err(io)?.path();
            found.extend(number_of(&path).map(|number| (number, path)));
        }
        found.sort();
        Ok(found.into_iter().rev().map(|(_, path)| path).collect())
    }
}

/// The iteration in a snapshot's name.
fn number_of(path: &Path) -> Option<u64> {
    let digits = path.file_name()?.to_str()?.strip_prefix("snapshot-")?.strip_suffix(".hdf5")?;
    if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
}

/// Reads a snapshot whole.
pub(super) fn read(path: &Path) -> Result<Checkpoint> {
    let io = |source| Error::Io { path: path.into(), action: "read the snapshot", source };
    codec::decode_snapshot(path, fs::read(path).map_err(io)?)
}
