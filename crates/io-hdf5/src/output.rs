//! `Hdf5Output`: the layer that writes what passes into an HDF5 file.
//!
//! Mocha: `src/layers/hdf5-output.jl`, which appends each batch to chunked datasets. Here the samples are kept in memory and
//! written once, in one run each and atomically, as everything that Crema writes; a file is there whole or not at all. So memory
//! bounds what one file can hold.

use crate::{Array, Error, write_arrays};
use layers::{Arity, Count, Layer, LayerState, MemoryOutputState, Pass, Setup, Wired, Wiring};
use serde::{Deserialize, Serialize};
use std::{any::Any, path::PathBuf};

/// Writes its bottoms to an HDF5 file, one dataset for each, samples along axis 0, in the net's element type.
///
/// Samples are gathered in memory over all forward passes; in [`Net::forward_epoch`](layers::Net::forward_epoch) each sample of the
/// data set is written once. [`Hdf5OutputState::finish`] writes the file; if it was not called, the file is written when the net is
/// dropped, where an error can only be logged. A net that saw no sample writes no file.
///
/// ```
/// use io_hdf5::{File, Hdf5Output, Hdf5OutputState};
/// use layers::prelude::*;
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("features.hdf5");
/// let data = MemoryData::new("data", 2).array("x", ndarray::Array2::<f32>::ones((5, 3)));
/// let output = Hdf5Output::new("out", &path).bottom("x");
/// let mut net = Net::new("net", &backend_cpu::Cpu::new()?, layers![data, output])?;
/// net.forward_epoch()?;
/// net.state_mut::<Hdf5OutputState>("out")?.finish()?;
/// assert_eq!(File::open(&path)?.dataset("x")?.sizes(), [5, 3]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hdf5Output {
    /// Name and blobs; no tops.
    #[serde(flatten)]
    pub wiring: Wiring,
    /// The file to be written.
    pub filename: PathBuf,
    /// The dataset of each bottom; those of the bottoms' names if not set.
    #[serde(default)]
    pub datasets: Vec<String>,
    /// Whether a file that is there already may be replaced; no if not set.
    #[serde(default)]
    pub force_overwrite: bool,
}

impl Hdf5Output {
    /// A layer that writes `filename`, which must not be there yet.
    pub fn new(name: impl Into<String>, filename: impl Into<PathBuf>) -> Self {
        let (wiring, filename) = (Wiring::named(name), filename.into());
        Hdf5Output { wiring, filename, datasets: Vec::new(), force_overwrite: false }
    }

    /// The names of the datasets, one for each bottom. The default is the bottoms' own names.
    pub fn datasets<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.datasets = names.into_iter().map(Into::into).collect();
        self
    }

    /// Whether a file that is there already may be replaced.
    pub fn force_overwrite(mut self, force: bool) -> Self {
        self.force_overwrite = force;
        self
    }

    fn check_file(&self) -> crate::Result<()> {
        if !self.force_overwrite && self.filename.exists() {
            return Err(Error::Content {
                path: self.filename.clone(),
                message: "this file is there already; choose another name, or allow it to be replaced with \
                          `.force_overwrite(true)`"
                    .into(),
            });
        }
        let directory = crate::atomic::directory_of(&self.filename);
        if !directory.is_dir() {
            let message = "this is no directory; the one that the output goes to must be there".into();
            return Err(Error::Content { path: directory, message });
        }
        Ok(())
    }
}

impl Wired for Hdf5Output {
    fn wiring_mut(&mut self) -> &mut Wiring {
        &mut self.wiring
    }
}

impl Layer for Hdf5Output {
    fn kind(&self) -> &'static str {
        "Hdf5Output"
    }

    fn wiring(&self) -> &Wiring {
        &self.wiring
    }

    fn arity(&self) -> Arity {
        Arity { bottoms: Count::AtLeast(1), tops: Count::Exactly(0) }
    }

    fn can_backward(&self) -> bool {
        false
    }

    fn setup(&self, setup: &mut Setup<'_>) -> layers::Result<Box<dyn LayerState>> {
        self.check_file()?;
        let bottoms = &self.wiring.bottoms;
        let datasets = if self.datasets.is_empty() { bottoms } else { &self.datasets }.clone();
        if datasets.len() != bottoms.len() {
            let expected = format!("{}, one for each bottom ({})", bottoms.len(), bottoms.join(", "));
            let found = datasets.len().to_string();
            return Err(Error::Value { what: "the number of datasets", found, expected }.into());
        }
        let samples = MemoryOutputState::new(&self.wiring, setup);
        Ok(Box::new(Hdf5OutputState { filename: self.filename.clone(), datasets, samples, unwritten: false }))
    }
}

/// A `Hdf5Output` layer at work; reached with [`Net::state_mut`](layers::Net::state_mut).
pub struct Hdf5OutputState {
    filename: PathBuf,
    datasets: Vec<String>,
    samples: MemoryOutputState,
    /// Whether samples came since the file was written.
    unwritten: bool,
}

impl Hdf5OutputState {
    /// Writes all samples so far. More may follow; the file is then written anew, with these among them.
    ///
    /// # Errors
    /// Two datasets of one name, no permission, a full disk. The file that was there before stays as it was.
    pub fn finish(&mut self) -> crate::Result<()> {
        // Also where it fails: whoever was told need not be told again when the net is dropped.
        self.unwritten = false;
        let arrays: Vec<Array<'_>> = self
            .datasets
            .iter()
            .zip(self.samples.kept())
            .map(|(name, (_, shape, values))| Array { name, shape, values: values.into() })
            .collect();
        write_arrays(&self.filename, &arrays, &[])
    }
}

impl LayerState for Hdf5OutputState {
    fn forward(&mut self, pass: &mut Pass<'_>) -> layers::Result<()> {
        self.unwritten = true;
        self.samples.forward(pass)
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

impl Drop for Hdf5OutputState {
    fn drop(&mut self) {
        if self.unwritten
            && let Err(error) = self.finish()
        {
            log::error!("the output of a net is lost: {error}");
        }
    }
}
