//! The statistics file: what the coffee lounge has heard, for other programs to read while training goes on.
//!
//! `statistics/<key>/iteration` (i64) and `statistics/<key>/value` (f64), each one-dimensional, by rising iteration; a slash in
//! a key makes a group within a group. The file is replaced as a whole, so h5py or `lenet-example curve` find a complete one at
//! any moment. JSON was rejected: it has no NaN and no infinity, and a reader would need a second format.

use crate::{Array, Attribute, Error, File, Kind, Numbers, Result, atomic, write_arrays};
use core_tensor::Shape;
use solver::{Statistics, StatisticsStore};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The group that they are in, here and in snapshots.
const GROUP: &str = "statistics/";

/// Keeps statistics in an HDF5 file, which other processes may read at any moment.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// let store = io_hdf5::statistics(folder.path().join("statistics.hdf5"));
/// let curve = [(100, 1.5), (200, 0.75)].into_iter().collect();
/// store.save(&[("loss".to_owned(), curve)].into_iter().collect())?;
/// assert_eq!(store.load()?.unwrap()["loss"][&200], 0.75);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn statistics(path: impl Into<PathBuf>) -> Arc<dyn StatisticsStore> {
    Arc::new(StatisticsFile { path: path.into() })
}

#[derive(Debug)]
struct StatisticsFile {
    path: PathBuf,
}

impl StatisticsStore for StatisticsFile {
    fn prepare(&self) -> solver::Result<()> {
        Ok(atomic::prepare_directory(&atomic::directory_of(&self.path))?)
    }

    fn save(&self, statistics: &Statistics) -> solver::Result<()> {
        let columns = Columns::new(&self.path, statistics)?;
        write_arrays(&self.path, &columns.arrays(), &[("format", Attribute::Text("crema statistics"))])?;
        Ok(())
    }

    fn load(&self) -> solver::Result<Option<Statistics>> {
        if !self.path.exists() {
            return Ok(None);
        }
        Ok(Some(read(&File::open(&self.path)?)?))
    }

    fn path(&self) -> PathBuf {
        self.path.clone()
    }
}

/// Statistics as arrays, to be written.
pub(crate) struct Columns(Vec<Column>);

/// One statistic: where it goes, and its numbers.
struct Column {
    names: [String; 2],
    shape: Shape,
    iterations: Vec<i64>,
    values: Vec<f64>,
}

impl Columns {
    /// `path` is only for messages.
    pub(crate) fn new(path: &Path, statistics: &Statistics) -> Result<Self> {
        let column = |(key, curve): (&String, &BTreeMap<u64, f64>)| {
            let wrong = |found: String, expected: &str| Error::Dataset {
                path: path.into(),
                dataset: format!("{GROUP}{key}"),
                what: "an iteration",
                found,
                expected: expected.into(),
            };
            let iterations =
                curve.keys().map(|&i| i64::try_from(i).map_err(|_| wrong(i.to_string(), "less than 2^63")));
            Ok(Column {
                names: ["iteration", "value"].map(|part| format!("{GROUP}{key}/{part}")),
                shape: Shape::new(&[curve.len()]).map_err(|e| wrong(e.to_string(), "fewer"))?,
                iterations: iterations.collect::<Result<_>>()?,
                values: curve.values().copied().collect(),
            })
        };
        statistics.iter().map(column).collect::<Result<_>>().map(Columns)
    }

    /// What to write.
    pub(crate) fn arrays(&self) -> Vec<Array<'_>> {
        let arrays = self.0.iter().flat_map(|Column { names: [iteration, value], shape, iterations, values }| {
            [
                Array { name: iteration, shape: *shape, values: Numbers::I64(iterations) },
                Array { name: value, shape: *shape, values: Numbers::F64(values) },
            ]
        });
        arrays.collect()
    }
}

/// All statistics in a file.
pub(crate) fn read(file: &File) -> Result<Statistics> {
    let mut statistics = Statistics::new();
    for name in file.datasets()? {
        let key = name.strip_prefix(GROUP).and_then(|name| name.strip_suffix("/value"));
        if let Some(key) = key {
            statistics.insert(key.to_owned(), curve(file, key)?);
        }
    }
    Ok(statistics)
}

fn curve(file: &File, key: &str) -> Result<BTreeMap<u64, f64>> {
    let dataset = file.dataset(&format!("{GROUP}{key}/iteration"))?;
    let values = file.dataset(&format!("{GROUP}{key}/value"))?.read::<f64>()?;
    let wrong = |what, found: String, expected: String| Error::Dataset {
        path: file.path().into(),
        dataset: format!("{GROUP}{key}/iteration"),
        what,
        found,
        expected,
    };
    if dataset.number().kind != Kind::I64 || dataset.number().big_endian {
        return Err(wrong("the element type", dataset.number().to_string(), "i64".into()));
    }
    let bytes = dataset.read_bytes()?;
    let (iterations, _) = bytes.as_chunks::<8>();
    if iterations.len() != values.len() {
        let expected = format!("{}, as there are values", values.len());
        return Err(wrong("the number of iterations", iterations.len().to_string(), expected));
    }
    let pair = |(bytes, value): (&[u8; 8], f64)| {
        let iteration = i64::from_le_bytes(*bytes);
        let iteration = u64::try_from(iteration);
        Ok((iteration.map_err(|_| wrong("an iteration", "negative".into(), "at least 0".into()))?, value))
    };
    iterations.iter().zip(values).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bits(statistics: &Statistics) -> Vec<(String, Vec<(u64, u64)>)> {
        let curve = |curve: &BTreeMap<u64, f64>| curve.iter().map(|(&i, v)| (i, v.to_bits())).collect();
        statistics.iter().map(|(key, values)| (key.clone(), curve(values))).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn every_number_comes_back(
            curves in prop::collection::btree_map(
                "[a-z]{1,3}(/[x-z ]{1,2})?",
                prop::collection::btree_map(0u64..1 << 62, any::<f64>(), 0..20),
                0..6,
            )
        ) {
            // A statistic may not be a group of another's.
            let clear = |key: &String| !curves.keys().any(|other| key.starts_with(&format!("{other}/")));
            let statistics: Statistics = curves.iter().filter(|(key, _)| clear(key)).map(|(k, c)| (k.clone(), c.clone())).collect();
            let folder = tempfile::tempdir().unwrap();
            let store = super::statistics(folder.path().join("new/statistics.hdf5"));
            store.prepare().unwrap();
            prop_assert_eq!(store.load().unwrap(), None);
            store.save(&statistics).unwrap();
            prop_assert_eq!(bits(&store.load().unwrap().unwrap()), bits(&statistics));
        }
    }

    #[test]
    fn nan_and_infinity_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let store = super::statistics(folder.path().join("statistics.hdf5"));
        let curve: BTreeMap<u64, f64> = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0]
            .into_iter()
            .enumerate()
            .map(|(i, v)| (i as u64, v))
            .collect();
        let statistics = [("loss".to_owned(), curve)].into_iter().collect();
        store.save(&statistics).unwrap();
        assert_eq!(bits(&store.load().unwrap().unwrap()), bits(&statistics));
    }

    #[test]
    fn keys_that_cannot_be_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let store = super::statistics(folder.path().join("statistics.hdf5"));
        let save = |keys: &[&str]| {
            store.save(&keys.iter().map(|&key| (key.to_owned(), BTreeMap::new())).collect()).unwrap_err().to_string()
        };
        for keys in [&[""][..], &["a//b"], &["a", "a/value"]] {
            let error = save(keys);
            assert!(error.contains("statistics.hdf5: dataset `statistics/"), "{error}");
            assert!(error.contains("expected a path without empty parts"), "{error}");
        }
        assert!(store.load().unwrap().is_none(), "nothing was written");
    }
}
