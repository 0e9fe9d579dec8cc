//! One reference case: its file, its description, its tolerances, and comparing with it.

use core_tensor::Shape;
use io_hdf5::File;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// How closely a result must agree with a reference.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Tolerance {
    /// As the case says, element by element: `|x - ref| <= atol + rtol |ref|`.
    F32,
    /// The same with the largest `|ref|`: for algorithms that round more than the definition does (Winograd).
    F32OfLargest,
    /// A thousand times closer than the case says.
    F64,
}

/// A case that is open.
pub(crate) struct Case {
    /// The file's stem.
    pub(crate) name: String,
    /// `layer`, `solver` or `policy`.
    pub(crate) kind: String,
    /// The type of the layer, solver or policy.
    pub(crate) type_name: String,
    /// The description of the layer, solver or policy.
    pub(crate) description: Value,
    atol: f64,
    rtol: f64,
    file: File,
}

/// All cases, in the order of their names.
pub(crate) fn all() -> Vec<Case> {
    let folder = folder();
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "h5"));
    paths.sort();
    paths.iter().map(|path| Case::open(path)).collect()
}

/// Where they lie.
pub(crate) fn folder() -> PathBuf {
    let ours = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden");
    std::env::var_os("CREMA_GOLDEN_DIR").map_or_else(ours, PathBuf::from)
}

impl Case {
    /// Opens a file and reads its description.
    pub(crate) fn open(path: &Path) -> Self {
        let file = File::open(path).unwrap_or_else(|e| panic!("{e}"));
        let text = file.text("case").unwrap().unwrap_or_else(|| panic!("{}: no attribute `case`", path.display()));
        let json: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let kind = json["kind"].as_str().unwrap_or_default().to_owned();
        let description = json[&kind].clone();
        Case {
            name: path.file_stem().unwrap().to_string_lossy().into_owned(),
            type_name: description["type"].as_str().unwrap_or_default().to_owned(),
            kind,
            description,
            // Policies have no tolerance: they are formulas in f64.
            atol: json["atol"].as_f64().unwrap_or(0.0),
            rtol: json["rtol"].as_f64().unwrap_or(1e-9),
            file,
        }
    }

    /// A dataset's shape; `None` if there is no such dataset.
    pub(crate) fn shape(&self, dataset: &str) -> Option<Shape> {
        self.file.has(dataset).unwrap().then(|| Shape::new(self.file.dataset(dataset).unwrap().sizes()).unwrap())
    }

    /// A dataset's numbers.
    pub(crate) fn numbers(&self, dataset: &str) -> Result<Vec<f64>, String> {
        self.file.dataset(dataset).and_then(|dataset| dataset.read()).map_err(|e| e.to_string())
    }

    /// The shapes of `group/0`, `group/1`, ...
    pub(crate) fn shapes(&self, group: &str) -> Vec<Shape> {
        (0..).map_while(|i| self.shape(&format!("{group}/{i}"))).collect()
    }

    /// Compares numbers with a dataset.
    pub(crate) fn compare(&self, dataset: &str, found: &[f64], tolerance: Tolerance) -> Result<(), String> {
        self.compare_with(dataset, &self.numbers(dataset)?, found, tolerance)
    }

    /// Compares numbers with given ones.
    pub(crate) fn compare_with(
        &self,
        what: &str,
        expected: &[f64],
        found: &[f64],
        tolerance: Tolerance,
    ) -> Result<(), String> {
        if found.len() != expected.len() {
            return Err(format!("{what} has {} elements, expected {}", found.len(), expected.len()));
        }
        let largest = expected.iter().fold(0.0, |largest: f64, x| largest.max(x.abs()));
        let allowed = |i: usize| match tolerance {
            Tolerance::F32 => self.atol + self.rtol * expected[i].abs(),
            Tolerance::F32OfLargest => self.atol + self.rtol * largest,
            Tolerance::F64 => 1e-3 * (self.atol + self.rtol * expected[i].abs()),
        };
        let excess = |i: usize| (found[i] - expected[i]).abs() / allowed(i);
        let fits = |i: usize| excess(i) <= 1.0; // false for NaN
        match (0..found.len()).max_by(|&a, &b| excess(a).total_cmp(&excess(b))) {
            Some(i) if !fits(i) => {
                let (found, expected, excess) = (found[i], expected[i], excess(i));
                Err(format!("{what}: element {i} is {found}, expected {expected}: {excess:.1} times the tolerance"))
            }
            _ => Ok(()),
        }
    }
}
