//! An array in a file: its claims are checked when it is opened, its rows are read into the caller's memory.

use super::{File, bytes::Bytes};
use crate::{
    Error, Result,
    number::{Kind, Number},
};
use core_tensor::Element;
use std::path::PathBuf;

/// The most bytes of one chunk: the HDF5 crate holds a whole chunk in memory, twice.
const MAX_CHUNK_BYTES: u64 = 1 << 30;
/// The most that deflate can expand; a file that claims more holds less than it says.
const MAX_EXPANSION: u64 = 1100;

/// An array in a file.
#[derive(Debug)]
pub struct Dataset {
    path: PathBuf,
    name: String,
    sizes: Vec<usize>,
    number: Number,
    /// Where its numbers start, if they lie in one run.
    start: Option<u64>,
    chunk_rows: usize,
    limit: usize,
    bytes: Bytes,
    handle: hdf5::Dataset,
}

impl Dataset {
    /// The sizes of its axes, outermost first.
    pub fn sizes(&self) -> &[usize] {
        &self.sizes
    }

    /// The stored element type.
    pub fn number(&self) -> Number {
        self.number
    }

    /// The size of the outermost axis; 1 for a scalar.
    pub fn rows(&self) -> usize {
        self.sizes.first().copied().unwrap_or(1)
    }

    /// Elements of one row.
    pub fn row_len(&self) -> usize {
        self.sizes.iter().skip(1).product()
    }

    /// How many rows are stored together; reading fewer costs as much. 1 where rows can be read one by one.
    pub fn chunk_rows(&self) -> usize {
        self.chunk_rows
    }

    /// Reads the rows `start..start + rows` into `target`, which has room for exactly as many elements. Allocates nothing
    /// where the dataset lies in one run.
    ///
    /// # Errors
    /// [`Error::Dataset`] when the rows do not exist, `target` has another length or they are more than the limit;
    /// [`Error::Unreadable`] and [`Error::Io`] when the bytes are not there.
    pub fn read_rows<T: Element>(&self, start: usize, rows: usize, target: &mut [T]) -> Result<()> {
        let row_len = self.row_len();
        if start.checked_add(rows).is_none_or(|end| end > self.rows()) {
            return Err(self.wrong("the number of rows", self.rows().to_string(), format!("{start} + {rows} or more")));
        }
        if rows * row_len != target.len() {
            let expected = format!("{}, the length of the target", target.len());
            return Err(self.wrong("the number of elements", (rows * row_len).to_string(), expected));
        }
        self.check_limit(target.len())?;
        let Some(address) = self.start else {
            let raw = self.handle.read_raw_rows(start as u64, rows as u64).map_err(|e| self.unreadable(&e))?;
            self.check_length(raw.len(), target.len())?;
            self.number.decode(&raw, target);
            return Ok(());
        };
        let size = self.number.size();
        let mut position = address + (start * row_len * size) as u64;
        let mut buffer = [0u8; 1 << 14];
        for part in target.chunks_mut(buffer.len() / size) {
            let raw = &mut buffer[..part.len() * size];
            self.bytes.read(position, raw).map_err(|e| self.io(e))?;
            self.number.decode(raw, part);
            position += raw.len() as u64;
        }
        Ok(())
    }

    /// Reads everything, converted to f32 or f64.
    ///
    /// # Errors
    /// As [`Dataset::read_rows`].
    pub fn read<T: Element>(&self) -> Result<Vec<T>> {
        let len = self.rows() * self.row_len();
        self.check_limit(len)?;
        let mut target = vec![T::default(); len];
        self.read_rows(0, self.rows(), &mut target)?;
        Ok(target)
    }

    /// Reads everything as it is stored.
    ///
    /// # Errors
    /// As [`Dataset::read_rows`].
    pub fn read_bytes(&self) -> Result<Vec<u8>> {
        let len = self.rows() * self.row_len();
        self.check_limit(len)?;
        if let Some(address) = self.start {
            let mut raw = vec![0u8; len * self.number.size()];
            self.bytes.read(address, &mut raw).map_err(|e| self.io(e))?;
            return Ok(raw);
        }
        let raw = self.handle.read_raw().map_err(|e| self.unreadable(&e))?;
        self.check_length(raw.len(), len)?;
        Ok(raw)
    }

    /// Checks what the file claims about it.
    pub(super) fn new(file: &File, name: &str, handle: hdf5::Dataset) -> Result<Self> {
        let fail = |error: hdf5::Error| file.unreadable(name, error.to_string());
        let wrong = |what, found, expected: &str| Error::Dataset {
            path: file.path.clone(),
            dataset: name.into(),
            what,
            found,
            expected: expected.into(),
        };
        let Some(number) = number(&handle.datatype().map_err(fail)?) else {
            let found = handle.dtype().map_err(fail)?.to_string();
            return Err(wrong("the element type", found, "integers of 8 to 64 bits, f32 or f64"));
        };
        let sizes = handle.shape().map_err(fail)?;
        // A size of zero must not hide what the others would multiply to.
        let bytes = sizes.iter().try_fold(number.size() as u64, |product, &size| product.checked_mul(size.max(1)));
        let Some(bytes) = bytes.filter(|&bytes| bytes <= isize::MAX as u64) else {
            return Err(wrong("the shape", format!("{sizes:?}"), "one that fits in memory; the file may be damaged"));
        };
        let bytes = if sizes.contains(&0) { 0 } else { bytes };
        let length = file.bytes.length();
        if bytes > length.saturating_mul(MAX_EXPANSION) {
            let found = format!("{sizes:?}, {bytes} bytes");
            return Err(wrong("the shape", found, &format!("what {length} bytes of file can hold; it may be damaged")));
        }
        let (mut start, mut chunk_rows) = (None, 1);
        match handle.layout().map_err(fail)? {
            hdf5::Layout::Contiguous { address: Some(address), size } => {
                if size > length || address > length - size {
                    let message =
                        format!("its numbers end at byte {}, the file at {length}", address.saturating_add(size));
                    return Err(file.unreadable(name, message));
                }
                start = (size == bytes).then_some(address);
            }
            hdf5::Layout::Chunked { chunk_shape, .. } => {
                let chunk =
                    chunk_shape.iter().try_fold(number.size() as u64, |product, &size| product.checked_mul(size));
                let Some(chunk_bytes) = chunk.filter(|&bytes| bytes <= MAX_CHUNK_BYTES) else {
                    let expected =
                        format!("chunks of at most {MAX_CHUNK_BYTES} bytes; rewrite the file without chunks");
                    return Err(wrong("the chunk shape", format!("{chunk_shape:?}"), &expected));
                };
                check_chunks(&handle, length, chunk_bytes).map_err(|message| file.unreadable(name, message))?;
                chunk_rows = chunk_shape.first().map_or(1, |&rows| rows.max(1) as usize);
            }
            _ => {}
        }
        // Each size is at most the product, which fits.
        let sizes = sizes.iter().map(|&size| size as usize).collect();
        let (path, bytes, limit) = (file.path.clone(), file.bytes.clone(), file.limit);
        Ok(Dataset { path, name: name.into(), sizes, number, start, chunk_rows, limit, bytes, handle })
    }

    fn check_limit(&self, elements: usize) -> Result<()> {
        if elements <= self.limit {
            return Ok(());
        }
        let expected = format!("at most {}; the file may be damaged", self.limit);
        Err(self.wrong("the number of elements to be read at once", elements.to_string(), expected))
    }

    fn check_length(&self, found: usize, elements: usize) -> Result<()> {
        let expected = elements * self.number.size();
        if found == expected {
            return Ok(());
        }
        Err(self.wrong("the number of stored bytes", found.to_string(), format!("{expected}; the file may be damaged")))
    }

    fn wrong(&self, what: &'static str, found: String, expected: String) -> Error {
        Error::Dataset { path: self.path.clone(), dataset: self.name.clone(), what, found, expected }
    }

    fn unreadable(&self, error: &hdf5::Error) -> Error {
        Error::Unreadable { path: self.path.clone(), dataset: self.name.clone(), message: error.to_string() }
    }

    fn io(&self, error: std::io::Error) -> Error {
        let message = format!("{error}; the file may have been cut off since it was opened");
        Error::Unreadable { path: self.path.clone(), dataset: self.name.clone(), message }
    }
}

/// Compares what the index of the chunks claims with the file. The HDF5 crate would make room for a chunk before it looks how
/// long the file is, and fill up with zeros what a chunk lacks.
fn check_chunks(dataset: &hdf5::Dataset, length: u64, chunk_bytes: u64) -> Result<(), String> {
    let stored_plainly = dataset.filters().is_empty();
    for chunk in dataset.chunks().map_err(|e| e.to_string())? {
        if chunk.storage_size > length || chunk.address > length - chunk.storage_size {
            return Err(format!("its chunk at {:?} ends after the file's {length} bytes", chunk.offset));
        }
        if stored_plainly && chunk.storage_size != chunk_bytes {
            return Err(format!(
                "its chunk at {:?} has {} bytes, expected {chunk_bytes}",
                chunk.offset, chunk.storage_size
            ));
        }
    }
    Ok(())
}

/// Our name for a stored type; booleans, which h5py stores as an enumeration, count as integers.
fn number(datatype: &hdf5::Datatype) -> Option<Number> {
    use hdf5::{Datatype, DatatypeByteOrder, FloatingPointLayout};
    let (kind, byte_order) = match datatype {
        Datatype::FixedPoint { size, byte_order, layout } => {
            if layout.bit_offset != 0 || u64::from(layout.bit_precision) != u64::from(*size) * 8 {
                return None;
            }
            let kind = match (*size, layout.signed) {
                (1, false) => Kind::U8,
                (1, true) => Kind::I8,
                (2, false) => Kind::U16,
                (2, true) => Kind::I16,
                (4, false) => Kind::U32,
                (4, true) => Kind::I32,
                (8, false) => Kind::U64,
                (8, true) => Kind::I64,
                _ => return None,
            };
            (kind, byte_order)
        }
        Datatype::FloatingPoint { size: 4, byte_order, layout } if *layout == FloatingPointLayout::IEEE754_BINARY32 => {
            (Kind::F32, byte_order)
        }
        Datatype::FloatingPoint { size: 8, byte_order, layout } if *layout == FloatingPointLayout::IEEE754_BINARY64 => {
            (Kind::F64, byte_order)
        }
        Datatype::Enumeration { base_type, .. } if matches!(**base_type, Datatype::FixedPoint { .. }) => {
            return number(base_type);
        }
        _ => return None,
    };
    match byte_order {
        DatatypeByteOrder::LittleEndian => Some(Number { kind, big_endian: false }),
        DatatypeByteOrder::BigEndian => Some(Number { kind, big_endian: true }),
        DatatypeByteOrder::Vax => None,
    }
}
