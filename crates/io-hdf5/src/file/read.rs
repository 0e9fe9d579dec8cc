//! Reading. Nothing that a file claims is believed before it is checked: every size is compared with a cap and with the
//! file's length before memory is allocated for it.

use crate::{
    Error, Result,
    number::{Kind, Number},
};
use core_tensor::Element;
use std::{
    fs,
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

/// The most elements that are read at once, unless [`File::with_limit`] says otherwise.
const MAX_ELEMENTS: usize = 1 << 31;
/// The most bytes of one chunk: the HDF5 crate holds a whole chunk in memory, twice.
const MAX_CHUNK_BYTES: u64 = 1 << 30;
/// The most that deflate can expand; a file that claims more holds less than it says.
const MAX_EXPANSION: u64 = 1100;
/// The most groups that are looked into. Hard links can form rings, so there must be an end.
const MAX_GROUPS: usize = 100_000;
/// The deepest group that is looked into.
const MAX_DEPTH: usize = 16;

/// An HDF5 file that is open for reading.
#[derive(Debug)]
pub struct File {
    path: PathBuf,
    bytes: Bytes,
    handle: hdf5::File,
    limit: usize,
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
        Self::from_store(path, Store::Disk { file: Mutex::new(file), length: metadata.len() })
    }

    /// Takes a file's bytes; `path` is only for messages.
    ///
    /// # Errors
    /// [`Error::Unreadable`] when they are not HDF5.
    pub fn from_bytes(path: impl AsRef<Path>, bytes: Vec<u8>) -> Result<Self> {
        Self::from_store(path.as_ref(), Store::Memory(bytes))
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

    fn from_store(path: &Path, store: Store) -> Result<Self> {
        let bytes = Bytes(Arc::new(store));
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

    fn unreadable(&self, dataset: &str, message: String) -> Error {
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

    fn new(file: &File, name: &str, handle: hdf5::Dataset) -> Result<Self> {
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
                    let message = format!("its numbers end at byte {}, the file at {length}", address.saturating_add(size));
                    return Err(file.unreadable(name, message));
                }
                start = (size == bytes).then_some(address);
            }
            hdf5::Layout::Chunked { chunk_shape, .. } => {
                let chunk = chunk_shape.iter().try_fold(number.size() as u64, |product, &size| product.checked_mul(size));
                if chunk.is_none_or(|bytes| bytes > MAX_CHUNK_BYTES) {
                    let expected = format!("chunks of at most {MAX_CHUNK_BYTES} bytes; rewrite the file without chunks");
                    return Err(wrong("the chunk shape", format!("{chunk_shape:?}"), &expected));
                }
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

/// A file's bytes, shared by the HDF5 crate's handle and our own reads.
#[derive(Debug, Clone)]
struct Bytes(Arc<Store>);

#[derive(Debug)]
enum Store {
    Disk { file: Mutex<fs::File>, length: u64 },
    Memory(Vec<u8>),
}

impl Bytes {
    fn length(&self) -> u64 {
        match &*self.0 {
            Store::Disk { length, .. } => *length,
            Store::Memory(bytes) => bytes.len() as u64,
        }
    }

    fn read(&self, offset: u64, target: &mut [u8]) -> std::io::Result<()> {
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
                    None => return Err(std::io::ErrorKind::UnexpectedEof.into()),
                }
                Ok(())
            }
        }
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

/// Whether the HDF5 crate says that there is no dataset of a name.
fn is_missing(error: &hdf5::Error) -> bool {
    use hdf5::{Error, FormatError::PathNotFound};
    matches!(error, Error::Format(PathNotFound(_)) | Error::NotADataset(_) | Error::NotAGroup(_))
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
