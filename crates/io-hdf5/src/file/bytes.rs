//! A file's bytes, on disk or in memory: where the HDF5 crate looks for structure, and we for numbers.

use std::{
    fmt, fs,
    io::{self, Read, Seek, SeekFrom},
    sync::{Arc, Mutex, PoisonError},
};

/// A file's bytes, shared by the HDF5 crate's handle and our own reads.
#[derive(Clone)]
pub(super) struct Bytes(Arc<Store>);

enum Store {
    Disk { file: Mutex<fs::File>, length: u64 },
    Memory(Vec<u8>),
}

impl Bytes {
    /// Those of a file on disk; its length is taken once.
    pub(super) fn on_disk(file: fs::File, length: u64) -> Self {
        Bytes(Arc::new(Store::Disk { file: Mutex::new(file), length }))
    }

    /// Those that are in memory.
    pub(super) fn in_memory(bytes: Vec<u8>) -> Self {
        Bytes(Arc::new(Store::Memory(bytes)))
    }

    /// How many there are.
    pub(super) fn length(&self) -> u64 {
        match &*self.0 {
            Store::Disk { length, .. } => *length,
            Store::Memory(bytes) => bytes.len() as u64,
        }
    }

    /// Fills `target` from an offset on, or fails.
    pub(super) fn read(&self, offset: u64, target: &mut [u8]) -> io::Result<()> {
        match &*self.0 {
            Store::Disk { file, .. } => {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                file.seek(SeekFrom::Start(offset))?;
                file.read_exact(target)
            }
            Store::Memory(bytes) => {
                let end = offset.saturating_add(target.len() as u64);
                match bytes.get(offset as usize..end as usize) {
                    Some(source) => target.copy_from_slice(source),
                    None => return Err(io::ErrorKind::UnexpectedEof.into()),
                }
                Ok(())
            }
        }
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.length())
    }
}

impl hdf5::Source for Bytes {
    fn len(&self) -> u64 {
        self.length()
    }
    fn read_at(&self, offset: u64, target: &mut [u8]) -> Result<(), hdf5::FormatError> {
        self.read(offset, target).map_err(|e| hdf5::FormatError::Source(e.to_string()))
    }
}
