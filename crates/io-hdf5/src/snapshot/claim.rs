//! A directory of snapshots belongs to one process at a time: two runs that save into it would overwrite each other's snapshots,
//! and the half-written files of the same name.
//!
//! The claim is a lock on the directory itself, which the system gives back however the process ends. A lock file was rejected:
//! it would lie among the snapshots for ever. Stores of one process share a claim, so that a net can be trained, and its
//! training resumed, in one program.

use crate::{Error, Result};
use std::{
    collections::BTreeMap,
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, Weak},
};

/// A directory that this process writes snapshots into, as long as this value or a clone of it lives.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    _directory: Option<Arc<File>>,
}

impl Claim {
    /// Claims a directory that exists.
    ///
    /// # Errors
    /// Another process has it. Where the system cannot lock directories nothing is claimed, and a warning says so.
    pub(super) fn of(directory: &Path) -> Result<Self> {
        static CLAIMS: Mutex<BTreeMap<PathBuf, Weak<File>>> = Mutex::new(BTreeMap::new());
        let io = |source| Error::Io { path: directory.into(), action: "find the directory", source };
        let place = fs::canonicalize(directory).map_err(io)?;
        let mut claims = CLAIMS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = claims.get(&place).and_then(Weak::upgrade) {
            return Ok(Claim { _directory: Some(file) });
        }
        let reason = match File::open(&place).map(|file| (file.try_lock(), file)) {
            Ok((Ok(()), file)) => {
                let file = Arc::new(file);
                claims.insert(place, Arc::downgrade(&file));
                return Ok(Claim { _directory: Some(file) });
            }
            Ok((Err(TryLockError::WouldBlock), _)) => {
                let message = "another process trains into this directory; wait for its end, or choose another \
                               directory for this run"
                    .into();
                return Err(Error::Content { path: directory.into(), message });
            }
            Ok((Err(TryLockError::Error(error)), _)) | Err(error) => error,
        };
        log::warn!("{}: cannot be locked ({reason}); take care that only one run saves there", directory.display());
        Ok(Claim { _directory: None })
    }
}
