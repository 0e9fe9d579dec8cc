//! Writing: whole files at once, every array in one run, so that rows can be read singly and by any HDF5 library.

use crate::{Error, Result};
use core_tensor::{HostSlice, Shape};
use std::{collections::BTreeMap, io::Write, path::Path};

/// Numbers to be written, row-major.
#[derive(Debug, Clone, Copy)]
pub enum Numbers<'a> {
    /// 32-bit floats.
    F32(&'a [f32]),
    /// 64-bit floats.
    F64(&'a [f64]),
    /// Bytes.
    U8(&'a [u8]),
    /// 64-bit integers.
    I64(&'a [i64]),
}

impl<'a> From<HostSlice<'a>> for Numbers<'a> {
    fn from(slice: HostSlice<'a>) -> Self {
        match slice {
            HostSlice::F32(values) => Numbers::F32(values),
            HostSlice::F64(values) => Numbers::F64(values),
        }
    }
}

impl Numbers<'_> {
    /// The number of elements.
    pub fn len(&self) -> usize {
        match self {
            Numbers::F32(values) => values.len(),
            Numbers::F64(values) => values.len(),
            Numbers::U8(values) => values.len(),
            Numbers::I64(values) => values.len(),
        }
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// An array to be written.
#[derive(Debug, Clone, Copy)]
pub struct Array<'a> {
    /// Its path in the file, e.g. `data` or `statistics/loss/value`; the groups are made.
    pub name: &'a str,
    /// Its shape.
    pub shape: Shape,
    /// Its elements.
    pub values: Numbers<'a>,
}

/// The value of an attribute of the root group.
#[derive(Debug, Clone, Copy)]
pub enum Attribute<'a> {
    /// Text, less than 64 KiB.
    Text(&'a str),
    /// An integer.
    Integer(i64),
}

/// Turns arrays into a file's bytes. The same arrays give the same bytes: no time stamps.
pub(crate) fn encode(
    path: &Path,
    arrays: &[Array<'_>],
    attributes: &[(&str, Attribute<'_>)],
    out: impl Write,
) -> Result<()> {
    let mut root = Node::default();
    for array in arrays {
        let wrong = |what, found, expected: String| Error::Dataset {
            path: path.into(),
            dataset: array.name.into(),
            what,
            found,
            expected,
        };
        if array.values.len() != array.shape.len() {
            let expected = format!("{} for the shape {}", array.shape.len(), array.shape);
            return Err(wrong("the number of values", array.values.len().to_string(), expected));
        }
        if !root.insert(array) {
            let expected = "a path without empty parts that no other array has, as a whole or as a group".into();
            return Err(wrong("the name", format!("`{}`", array.name), expected));
        }
    }
    let mut builder = hdf5::FileBuilder::new();
    for (name, value) in attributes {
        builder.set_attr(
            name,
            match value {
                Attribute::Text(text) => hdf5::AttrValue::String((*text).into()),
                Attribute::Integer(integer) => hdf5::AttrValue::I64(*integer),
            },
        );
    }
    for (name, array) in &root.arrays {
        fill(builder.create_dataset(name), array);
    }
    for (name, child) in root.groups {
        let group = builder.create_group(name);
        builder.add_group(build(group, child));
    }
    builder.finish_to(out).map_err(|error| match error {
        hdf5::Error::Io(source) => Error::Io { path: path.into(), action: "write the file", source },
        other => Error::Content { path: path.into(), message: format!("cannot be written as HDF5: {other}") },
    })
}

/// A group in the making.
#[derive(Default)]
struct Node<'a> {
    groups: BTreeMap<&'a str, Node<'a>>,
    arrays: BTreeMap<&'a str, Array<'a>>,
}

impl<'a> Node<'a> {
    /// Puts an array at its path; false if that path cannot be.
    fn insert(&mut self, array: &Array<'a>) -> bool {
        let mut node = self;
        let (folder, last) = array.name.rsplit_once('/').unwrap_or(("", array.name));
        for part in folder.split('/').filter(|_| !folder.is_empty()) {
            if part.is_empty() || node.arrays.contains_key(part) {
                return false;
            }
            node = node.groups.entry(part).or_default();
        }
        !last.is_empty() && !node.groups.contains_key(last) && node.arrays.insert(last, *array).is_none()
    }
}

fn build(mut group: hdf5::GroupBuilder, node: Node<'_>) -> hdf5::FinishedGroup {
    for (name, array) in &node.arrays {
        fill(group.create_dataset(name), array);
    }
    for (name, child) in node.groups {
        let inner = group.create_group(name);
        group.add_group(build(inner, child));
    }
    group.finish()
}

fn fill(dataset: &mut hdf5::DatasetBuilder, array: &Array<'_>) {
    match array.values {
        Numbers::F32(values) => dataset.with_f32_data(values),
        Numbers::F64(values) => dataset.with_f64_data(values),
        Numbers::U8(values) => dataset.with_u8_data(values),
        Numbers::I64(values) => dataset.with_i64_data(values),
    };
    let sizes: Vec<u64> = array.shape.sizes().iter().map(|&size| size as u64).collect();
    dataset.with_shape(&sizes);
}
