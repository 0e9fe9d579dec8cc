//! The file that says what there is to train: read, checked, and turned into nets.
//!
//! TOML and JSON have the same contents; the name's ending tells which it is. Layers are written as in [`layers::Registry`] and in
//! the description that every snapshot holds, so that a net can be taken out of a snapshot and trained on. One list of layers
//! with a phase for each, as in Caffe, was rejected: three lists are what `layers![data, ..common, loss]` is in Rust.

mod written;

pub(crate) use written::{CoffeeBreaks, Predict, Solver, Validation};

use crate::{
    cli::{BackendArgs, Which},
    error::{Error, Result},
    weights,
};
use core_tensor::Backend;
use layers::{LayerList, LayerRef, Net, Registry};
use serde_json::Value;
use solver::NamedArray;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};
use written::Written;

/// A file that has been read.
#[derive(Debug)]
pub(crate) struct Config {
    path: PathBuf,
    written: Written,
    /// The layers of all nets.
    pub(crate) common: LayerList,
    train: LayerList,
    test: LayerList,
}

impl Config {
    /// Reads a file. The layers are checked one by one; the nets are not built yet.
    pub(crate) fn read(path: &Path) -> Result<Config> {
        let text = fs::read_to_string(path).map_err(|e| Error::file("read", path, e))?;
        let wrong = || format!("{} cannot be understood; docs/crema.md describes what it may hold", path.display());
        let mut written: Written = match path.extension().and_then(|extension| extension.to_str()) {
            Some("toml") => toml::from_str(&text).map_err(|e| Error::because(wrong(), e))?,
            Some("json") => serde_json::from_str(&text).map_err(|e| Error::because(wrong(), e))?,
            _ => {
                let message =
                    format!("{} does not end in .toml or .json; its ending tells how it is read", path.display());
                return Err(Error::Message(message));
            }
        };
        let list = |section: &str, layers: &mut Vec<Value>| read_layers(path, section, &std::mem::take(layers));
        Ok(Config {
            path: path.into(),
            common: list("layers", &mut written.layers)?,
            train: list("train", &mut written.train)?,
            test: list("test", &mut written.test)?,
            written,
        })
    }

    /// Puts a flag in a setting's place.
    pub(crate) fn set_seed(&mut self, seed: u64) {
        self.written.seed = seed;
    }

    /// Puts a flag in a setting's place.
    pub(crate) fn set_out(&mut self, out: &Path) {
        self.written.out = out.into();
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The folder for snapshots and statistics.
    pub(crate) fn out(&self) -> &Path {
        &self.written.out
    }

    /// What is done besides training.
    pub(crate) fn coffee_breaks(&self) -> &CoffeeBreaks {
        &self.written.coffee_breaks
    }

    /// How to train.
    pub(crate) fn solver(&self) -> Result<&Solver> {
        self.written.solver.as_ref().ok_or_else(|| self.missing("[solver]", "with `method` and `max_iter`"))
    }

    /// How to ask about pictures.
    pub(crate) fn predict(&self) -> Result<&Predict> {
        self.written
            .predict
            .as_ref()
            .ok_or_else(|| self.missing("[predict]", "with `input`, `logits` and `preparation`"))
    }

    /// The backend that the flags name, or else the file; `say` is told what `auto` has chosen.
    pub(crate) fn backend(&self, flags: &BackendArgs, say: impl FnOnce(&str)) -> Result<Arc<dyn Backend>> {
        crate::backend::new(flags.backend.unwrap_or(self.written.backend), flags.threads, say)
    }

    /// Whether there is a net to validate with.
    pub(crate) fn has_test(&self) -> bool {
        !self.test.0.is_empty()
    }

    /// Builds one of the nets. All of one [`Config`] share the parameters of the common layers.
    ///
    /// The net's own layers without bottoms, its data, come before the common ones, the others behind them.
    pub(crate) fn net(&self, which: Which, backend: &Arc<dyn Backend>) -> Result<Net> {
        let (section, own) = match which {
            Which::Train => ("train", &self.train),
            Which::Test => ("test", &self.test),
        };
        if own.0.is_empty() {
            return Err(self.missing(&format!("[[{section}]]"), "with at least the data layer of that net"));
        }
        let is_data = |layer: &LayerRef| layer.layer().wiring().bottoms.is_empty();
        let (data, others): (Vec<_>, Vec<_>) = own.0.iter().cloned().partition(is_data);
        let builder = Net::builder(format!("{}-{section}", self.written.name));
        let builder = builder.seed(self.written.seed).dtype(self.written.dtype);
        builder.build(backend, LayerList([data, self.common.0.clone(), others].concat())).map_err(|e| {
            let message = format!("{}: [[layers]] with [[{section}]] make no net", self.path.display());
            Error::because(message, e)
        })
    }

    /// The weights that the user names, or the newest snapshot's.
    pub(crate) fn weights(&self, named: Option<&Path>) -> Result<(PathBuf, Vec<NamedArray>)> {
        weights::read(named.unwrap_or(&self.written.out))
    }

    fn missing(&self, section: &str, expected: &str) -> Error {
        Error::Message(format!("{} has no section {section}; expected one {expected}", self.path.display()))
    }
}

/// Reads a section's layers. An error says which of them it is.
fn read_layers(path: &Path, section: &str, layers: &[Value]) -> Result<LayerList> {
    let registry = Registry::standard().add::<io_hdf5::Hdf5Data>("Hdf5Data").add::<io_hdf5::Hdf5Output>("Hdf5Output");
    let read = |(i, layer)| {
        registry.read(layer).map_err(|e| {
            let message = format!("{}: the layer [[{section}]] number {} cannot be understood", path.display(), i + 1);
            Error::because(message, e)
        })
    };
    Ok(LayerList(layers.iter().enumerate().map(read).collect::<Result<_>>()?))
}
