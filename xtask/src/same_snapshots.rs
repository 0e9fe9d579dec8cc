//! `same-snapshots`: whether two runs have come to the same bits.
//!
//! All floating point arrays of the two files are compared as they are stored: parameters, the solver's history, statistics.
//! Settings and descriptions are not, since runs that ought to agree may have their data in different places.

use crate::{
    error::{Error, Result},
    flags::SameSnapshots,
    say,
};
use io_hdf5::{File, Kind, Number};
use std::{collections::BTreeMap, path::Path};

/// Compares the two files.
pub(crate) fn run(flags: &SameSnapshots) -> Result<()> {
    let (first, second) = (arrays(&flags.first)?, arrays(&flags.second)?);
    let difference = |name: &str| match (first.get(name), second.get(name)) {
        (Some(a), Some(b)) => a.difference(b),
        (Some(_), None) => Some(format!("is not in {}", flags.second.display())),
        _ => Some(format!("is not in {}", flags.first.display())),
    };
    for name in first.keys().chain(second.keys()) {
        if let Some(difference) = difference(name) {
            return Err(Error(format!("`{name}` {difference}")));
        }
    }
    let elements: usize = first.values().map(|array| array.bytes.len() / array.number.size()).sum();
    say::line(format_args!("{} arrays with {elements} numbers are equal bit for bit", first.len()));
    Ok(())
}

/// An array as it is stored.
#[derive(Debug)]
struct Array {
    sizes: Vec<usize>,
    number: Number,
    bytes: Vec<u8>,
}

/// All arrays of f32 and f64 numbers in a file.
fn arrays(path: &Path) -> Result<BTreeMap<String, Array>> {
    let explain = |error: io_hdf5::Error| Error(error.to_string());
    let file = File::open(path).map_err(explain)?;
    let mut arrays = BTreeMap::new();
    for name in file.datasets().map_err(explain)? {
        let dataset = file.dataset(&name).map_err(explain)?;
        let (sizes, number) = (dataset.sizes().to_vec(), dataset.number());
        if matches!(number.kind, Kind::F32 | Kind::F64) {
            arrays.insert(name, Array { sizes, number, bytes: dataset.read_bytes().map_err(explain)? });
        }
    }
    if arrays.is_empty() {
        return Err(Error(format!("{}: there are no floating point arrays; is this a snapshot?", path.display())));
    }
    Ok(arrays)
}

impl Array {
    /// What is different, in words that follow the array's name.
    fn difference(&self, other: &Array) -> Option<String> {
        if self.sizes != other.sizes || self.number != other.number {
            let kind = |array: &Array| format!("{:?} of {:?}", array.sizes, array.number.kind);
            return Some(format!("is {} in one and {} in the other", kind(self), kind(other)));
        }
        let size = self.number.size();
        let (a, b) = (self.bytes.chunks_exact(size), other.bytes.chunks_exact(size));
        let differing: Vec<usize> = a.zip(b).enumerate().filter(|(_, (a, b))| a != b).map(|(at, _)| at).collect();
        let first = differing.first()?;
        Some(format!("differs in {} of {} numbers, first in number {first}", differing.len(), self.bytes.len() / size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core_tensor::Shape;
    use io_hdf5::{Array, Numbers, write_arrays};

    #[test]
    fn one_bit_makes_a_difference() {
        let folder = tempfile::tempdir().unwrap();
        let file = |file: &str, name: &str, sizes: &[usize], values: &[f32]| {
            let array = Array { name, shape: Shape::new(sizes).unwrap(), values: Numbers::F32(values) };
            let settings =
                Array { name: "s", shape: Shape::new(&[1]).unwrap(), values: Numbers::U8(&[file.len() as u8]) };
            write_arrays(folder.path().join(file), &[array, settings], &[]).unwrap();
            folder.path().join(file)
        };
        let first = file("1", "w", &[2], &[0.0, f32::NAN]);
        let compare = |second| run(&SameSnapshots { first: first.clone(), second }).map_err(|error| error.to_string());
        assert_eq!(compare(file("same", "w", &[2], &[0.0, f32::NAN])), Ok(()));
        let table = [
            (file("zero", "w", &[2], &[-0.0, f32::NAN]), "`w` differs in 1 of 2 numbers, first in number 0"),
            (file("shape", "w", &[2, 1], &[0.0, f32::NAN]), "`w` is [2] of F32 in one and [2, 1] of F32 in the other"),
            (file("name", "v", &[2], &[0.0, f32::NAN]), "`w` is not in "),
            (folder.path().join("none"), "none"),
        ];
        for (second, expected) in table {
            let problem = compare(second).unwrap_err();
            assert!(problem.contains(expected), "{expected}: {problem}");
        }
    }
}
