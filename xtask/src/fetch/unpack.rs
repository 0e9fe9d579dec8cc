//! From a packed file, wherever it came from, to bytes that are proved to be the ones wanted.
//!
//! The checksum alone would prove it, but could only ever say "something is wrong". The checks before it are there for
//! their messages; they also keep a gzip bomb from being unpacked past the known length.

use super::{datasets::IdxFile, idx};
use crate::error::{About, Error, Result};
use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};
use std::io::Read;

/// Unpacks a file if it is packed, and verifies it. Returns the numbers without the IDX header.
pub(crate) fn unpack(wanted: &IdxFile, file: Vec<u8>) -> Result<Vec<u8>> {
    let name = wanted.name;
    let mut raw = if file.starts_with(&[0x1f, 0x8b]) { inflate(wanted, &file).about(name)? } else { file };
    let idx = idx::parse(&raw).about(name)?;
    if idx.sizes != wanted.sizes {
        return Err(Error::new(format!("{name}: holds axes of {:?}, expected {:?}", idx.sizes, wanted.sizes)));
    }
    if wanted.sizes.len() == 1
        && let Some(at) = idx.bytes.iter().position(|&label| label > 9)
    {
        return Err(Error::new(format!("{name}: label {at} is {}, expected 0 to 9", idx.bytes[at])));
    }
    let found = sha256(&[&raw]);
    if found != wanted.sha256 {
        return Err(Error::new(format!("{name}: SHA-256 is {found}, expected {}", wanted.sha256)));
    }
    raw.drain(..raw.len() - wanted.sizes.iter().product::<usize>());
    Ok(raw)
}

/// Reads all that there is, but not more than `limit` bytes.
pub(crate) fn read_at_most(source: impl Read, limit: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = source.take(limit as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| Error::new(error.to_string()))?;
    if bytes.len() > limit {
        return Err(Error::new(format!("longer than {limit} bytes, so it is another file")));
    }
    Ok(bytes)
}

/// The SHA-256 of all parts, one after the other, in hexadecimal digits.
pub(crate) fn sha256(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn inflate(wanted: &IdxFile, file: &[u8]) -> Result<Vec<u8>> {
    // Reading one byte past the end makes the decoder verify gzip's own checksum.
    read_at_most(GzDecoder::new(file), wanted.len()).about("unpacking")
}
