//! A checkpoint as HDF5, and back.
//!
//! Parameters lie flat at the root as `layer___param`, which Mocha's `load_network` and any HDF5 tool read; history and
//! statistics lie in groups; everything that is no array is JSON in the byte array `crema`, since attributes end at 64 KiB and
//! the description of a large network does not. The JSON also lists the arrays, and a CRC-32 covers names, shapes and bytes of
//! all of them, because HDF5 has no checksum over data. Reading is all or nothing: what is returned has been verified.

use crate::{Array, Attribute, Error, File, Kind, Numbers, Result, file::encode, statistics};
use core_tensor::Shape;
use serde::{Deserialize, Serialize};
use solver::{Checkpoint, FORMAT_VERSION, Meta, NamedArray, Statistics, Values};
use std::{io::Write, path::Path};

/// The dataset with the JSON.
pub(super) const MANIFEST: &str = "crema";
/// The group of the solver's history.
const HISTORY: &str = "history/";

/// What is no array, and which arrays there are.
#[derive(Serialize, Deserialize)]
struct Manifest {
    iteration: u64,
    parameters: Vec<String>,
    history: Vec<String>,
    /// Its statistics are empty here; they are arrays.
    meta: Meta,
}

/// Writes a checkpoint; `path` is only for messages.
pub(super) fn write(path: &Path, checkpoint: &Checkpoint, out: impl Write) -> Result<()> {
    let Checkpoint { iteration, parameters, history, meta } = checkpoint;
    let names = |arrays: &[NamedArray]| arrays.iter().map(|array| array.name.clone()).collect();
    let manifest = Manifest {
        iteration: *iteration,
        parameters: names(parameters),
        history: names(history),
        meta: Meta { statistics: Statistics::new(), ..meta.clone() },
    };
    let content = |message: String| Error::Content { path: path.into(), message };
    let manifest = serde_json::to_vec(&manifest).map_err(|e| content(format!("cannot be written as JSON: {e}")))?;
    let shape = Shape::new(&[manifest.len()]).map_err(|e| content(e.to_string()))?;
    let columns = statistics::Columns::new(path, &meta.statistics)?;
    let history_names: Vec<String> = history.iter().map(|array| format!("{HISTORY}{}", array.name)).collect();

    let mut arrays = vec![Array { name: MANIFEST, shape, values: Numbers::U8(&manifest) }];
    arrays.extend(parameters.iter().map(|array| to_write(&array.name, array)));
    arrays.extend(history.iter().zip(&history_names).map(|(array, name)| to_write(name, array)));
    arrays.extend(columns.arrays());
    let mut checksum = Checksum::default();
    for array in &arrays {
        checksum.add_array(array);
    }
    let attributes = [
        ("format", Attribute::Text("crema snapshot")),
        ("format_version", Attribute::Integer(i64::from(meta.format_version))),
        ("crema_version", Attribute::Text(&meta.crema_version)),
        ("iteration", Attribute::Integer(i64::try_from(*iteration).unwrap_or(i64::MAX))),
        ("crc32", Attribute::Integer(i64::from(checksum.finish()))),
    ];
    encode(path, &arrays, &attributes, out)
}

/// Reads a whole snapshot from a file's bytes and verifies it; `path` is only for messages. Whatever the bytes are, this
/// neither panics nor asks for more memory than a few times their number.
///
/// # Errors
/// [`Error::Content`] for a snapshot of another format version and for a file that is no snapshot at all; else the snapshot is
/// damaged.
pub fn decode_snapshot(path: &Path, bytes: Vec<u8>) -> Result<Checkpoint> {
    let length = bytes.len();
    let file = File::from_bytes(path, bytes)?.with_limit(length);
    if !file.has(MANIFEST)? {
        let message = "this is HDF5 but no snapshot of a run (it has no dataset `crema`); if it has parameters named \
                       `layer___param`, load its weights alone";
        return Err(Error::Content { path: path.into(), message: message.into() });
    }
    let version = file.integer("format_version")?;
    if version != Some(i64::from(FORMAT_VERSION)) {
        let version = version.map_or("none".into(), |version| version.to_string());
        let writer = file.text("crema_version")?.unwrap_or_else(|| "that wrote it".into());
        let message = format!(
            "its format version is {version}; this release reads {FORMAT_VERSION}; read it with Crema {writer}"
        );
        return Err(Error::Content { path: path.into(), message });
    }
    let mut reading = Reading { file: &file, length, checksum: Checksum::default() };
    let (_, _, manifest) = reading.array(MANIFEST)?;
    let mut manifest: Manifest = serde_json::from_slice(&manifest)
        .map_err(|e| reading.damaged(format!("its JSON cannot be understood: {e}")))?;
    let parameters = manifest.parameters.iter().map(|name| reading.named("", name)).collect::<Result<_>>()?;
    let history = manifest.history.iter().map(|name| reading.named(HISTORY, name)).collect::<Result<_>>()?;
    manifest.meta.statistics = statistics::read(&file)?;
    for array in statistics::Columns::new(path, &manifest.meta.statistics)?.arrays() {
        reading.checksum.add_array(&array);
    }
    if file.integer("crc32")? != Some(i64::from(reading.checksum.clone().finish())) {
        return Err(reading.damaged("its checksum is wrong".into()));
    }
    Ok(Checkpoint { iteration: manifest.iteration, parameters, history, meta: manifest.meta })
}

/// Numbers of a dataset in the element type that is nearest.
pub(super) fn values(number: crate::Number, bytes: &[u8]) -> Values {
    let len = bytes.len() / number.size();
    if number.kind == Kind::F32 {
        let mut target = vec![0f32; len];
        number.decode(bytes, &mut target);
        return Values::F32(target);
    }
    let mut target = vec![0f64; len];
    number.decode(bytes, &mut target);
    Values::F64(target)
}

struct Reading<'a> {
    file: &'a File,
    length: usize,
    checksum: Checksum,
}

impl Reading<'_> {
    /// Number type, shape and bytes of a dataset, which also go into the checksum.
    fn array(&mut self, name: &str) -> Result<(crate::Number, Shape, Vec<u8>)> {
        let dataset = self.file.dataset(name)?;
        let number = dataset.number();
        let shape = Shape::new(dataset.sizes()).map_err(|e| self.damaged(format!("`{name}`: {e}")))?;
        if shape.len().saturating_mul(number.size()) > self.length {
            return Err(self.damaged(format!("`{name}` claims to be larger than the file")));
        }
        let bytes = dataset.read_bytes()?;
        self.checksum.add(name, shape, &bytes);
        Ok((number, shape, bytes))
    }

    fn named(&mut self, group: &str, name: &str) -> Result<NamedArray> {
        let (number, shape, bytes) = self.array(&format!("{group}{name}"))?;
        Ok(NamedArray { name: name.to_owned(), shape, values: values(number, &bytes) })
    }

    fn damaged(&self, message: String) -> Error {
        Error::Unreadable { path: self.file.path().into(), dataset: String::new(), message }
    }
}

fn to_write<'a>(name: &'a str, array: &'a NamedArray) -> Array<'a> {
    let values = match &array.values {
        Values::F32(values) => Numbers::F32(values),
        Values::F64(values) => Numbers::F64(values),
    };
    Array { name, shape: array.shape, values }
}

/// CRC-32 over names, shapes and stored bytes.
#[derive(Default, Clone)]
struct Checksum(crc32fast::Hasher);

impl Checksum {
    fn add(&mut self, name: &str, shape: Shape, bytes: &[u8]) {
        self.add_head(name, shape);
        self.0.update(bytes);
    }

    fn add_array(&mut self, array: &Array<'_>) {
        self.add_head(array.name, array.shape);
        match array.values {
            Numbers::U8(values) => self.0.update(values),
            Numbers::F32(values) => self.add_numbers(values, |v| v.to_le_bytes()),
            Numbers::F64(values) => self.add_numbers(values, |v| v.to_le_bytes()),
            Numbers::I64(values) => self.add_numbers(values, |v| v.to_le_bytes()),
        }
    }

    /// Numbers as they are stored, a block at a time.
    fn add_numbers<T: Copy, const N: usize>(&mut self, values: &[T], bytes: impl Fn(T) -> [u8; N]) {
        let mut block = [[0u8; N]; 512];
        for values in values.chunks(block.len()) {
            for (target, &value) in block.iter_mut().zip(values) {
                *target = bytes(value);
            }
            self.0.update(block[..values.len()].as_flattened());
        }
    }

    fn add_head(&mut self, name: &str, shape: Shape) {
        self.0.update(name.as_bytes());
        self.0.update(shape.to_string().as_bytes());
    }

    fn finish(self) -> u32 {
        self.0.finalize()
    }
}
