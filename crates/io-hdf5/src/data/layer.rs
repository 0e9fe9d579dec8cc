//! `Hdf5Data`: the layer that feeds a net from HDF5 files.

use super::{
    catalog::Catalog,
    order::{Cursor, Order},
    prefetch::Prefetch,
    reader::reader,
    transformed::Transformed,
};
use crate::Error;
use core_tensor::{DType, Element, Shape, Tensor};
use layers::{Arity, Count, DataSource, Layer, LayerState, Pass, Setup, Transformer, Wired, Wiring};
use serde::{Deserialize, Serialize};
use std::{any::Any, path::PathBuf, sync::Arc};

/// Feeds samples from HDF5 files, as Caffe's `HDF5Data` and Mocha's `HDF5DataLayer` and `AsyncHDF5DataLayer` in one: it always reads
/// ahead.
///
/// Each top is a dataset whose first axis counts the samples; all datasets of a file have equally many, and all files have
/// samples of the same shape. A dataset of shape (N) counts as (N, 1). Numbers may be integers of 8 to 64 bits, f32 or f64,
/// in either byte order, stored in one run or in chunks, compressed (gzip) and shuffled or not; they are converted to the
/// net's element type, and not scaled unless a [`Transformer`] is added.
///
/// A training net takes batches over the borders of files and epochs; where whole epochs are asked for (validation), the last
/// batch of an epoch is filled up with its last sample, and only the samples before count.
///
/// With `shuffle`, each epoch has an order of its own, drawn from the net's seed and the layer's name. A data set that fits
/// into `memory_limit` is read once and shuffled as a whole; a larger one is read in windows of neighbouring samples, which
/// are shuffled, and then the samples of several windows together. A thread of its own reads ahead.
///
/// The tops are `data` and `label` unless [`Wired::tops`] sets others.
///
/// ```
/// use io_hdf5::Hdf5Data;
/// use layers::Wired;
/// let train = Hdf5Data::new("train-data", "data/train.txt").batch_size(64).shuffle(true);
/// let images = Hdf5Data::new("images", "images.hdf5").batch_size(100).tops(["x"]).datasets(["pixels"]);
/// # let _ = (train, images);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hdf5Data {
    /// Name and blobs; no bottoms.
    #[serde(flatten)]
    pub wiring: Wiring,
    /// An HDF5 file, or a list of such.
    pub source: PathBuf,
    /// Samples in a batch.
    pub batch_size: usize,
    /// Whether each epoch has an order of its own; no if not set.
    #[serde(default)]
    pub shuffle: bool,
    /// The dataset of each top; those of the tops' names if not set.
    #[serde(default)]
    pub datasets: Vec<String>,
    /// What is done to the samples of which top, in this order; nothing if not set.
    #[serde(default)]
    pub transformers: Vec<(String, Transformer)>,
    /// Bytes of memory for samples; 1 GiB if not set.
    #[serde(default = "default_memory_limit")]
    pub memory_limit: u64,
}

impl Hdf5Data {
    /// A layer that reads `source`: an HDF5 file, or a text with the path of one on each line, relative to the text's own
    /// directory or else to the working directory. A batch size must be set.
    pub fn new(name: impl Into<String>, source: impl Into<PathBuf>) -> Self {
        Hdf5Data {
            wiring: Wiring { tops: vec!["data".into(), "label".into()], ..Wiring::named(name) },
            source: source.into(),
            batch_size: 0,
            shuffle: false,
            datasets: Vec::new(),
            transformers: Vec::new(),
            memory_limit: default_memory_limit(),
        }
    }

    /// Samples in a batch.
    pub fn batch_size(mut self, samples: usize) -> Self {
        self.batch_size = samples;
        self
    }

    /// Whether each epoch gets an order of its own. The default is the order of the files.
    pub fn shuffle(mut self, shuffle: bool) -> Self {
        self.shuffle = shuffle;
        self
    }

    /// The names of the datasets, one for each top. The default is the tops' own names.
    pub fn datasets<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.datasets = names.into_iter().map(Into::into).collect();
        self
    }

    /// Adds a change that is made to each sample of a top, after those that were added before.
    ///
    /// ```
    /// use io_hdf5::Hdf5Data;
    /// use layers::Transformer;
    /// let mean = vec![0.1307]; // or, from a file: File::open("mean.hdf5")?.dataset("mean")?.read()?
    /// let data = Hdf5Data::new("data", "data/train.txt")
    ///     .transformer("data", Transformer::SubMean { mean })
    ///     .transformer("data", Transformer::Scale { scale: 1.0 / 0.3081 });
    /// assert_eq!(data.transformers.len(), 2);
    /// ```
    pub fn transformer(mut self, top: impl Into<String>, transformer: Transformer) -> Self {
        self.transformers.push((top.into(), transformer));
        self
    }

    /// Bytes of memory that the layer may use for samples (1 GiB by default). Larger data sets are streamed.
    pub fn memory_limit(mut self, bytes: u64) -> Self {
        self.memory_limit = bytes;
        self
    }

    fn open<T: Element>(&self, setup: &mut Setup<'_>) -> layers::Result<Box<dyn LayerState>> {
        let tops = &self.wiring.tops;
        let datasets = if self.datasets.is_empty() { tops } else { &self.datasets };
        let value = |what, found: String, expected: String| Err(Error::Value { what, found, expected }.into());
        if self.batch_size == 0 {
            return value("batch_size", "0".into(), "at least 1; set it with `.batch_size(64)`".into());
        }
        if datasets.len() != tops.len() {
            let expected = format!("{}, one for each top ({})", tops.len(), tops.join(", "));
            return value("the number of datasets", datasets.len().to_string(), expected);
        }
        let catalog = Arc::new(Catalog::new(&self.source, datasets)?);
        let mut outputs = Vec::new();
        for top in &catalog.tops {
            let sizes: Vec<usize> = [self.batch_size].into_iter().chain(top.sample.iter().copied()).collect();
            outputs.push(setup.add_top(Shape::new(&sizes)?)?.data);
        }
        let order = Order { layer: self.wiring.name.clone(), shuffle: self.shuffle };
        let mut reader = reader::<T>(catalog.clone(), order, self.memory_limit)?;
        if !self.transformers.is_empty() {
            let samples = catalog.tops.iter().map(|top| top.sample.as_slice());
            let named: Vec<(&str, &[usize])> = tops.iter().map(String::as_str).zip(samples).collect();
            let by_top = Transformer::by_top(&self.transformers, &named)?;
            let lengths = catalog.tops.iter().map(|top| top.len);
            reader = Box::new(Transformed::new(reader, lengths.zip(by_top).collect()));
        }
        let order_name = reader.order_name();
        let samples = catalog.samples;
        let prefetch = Prefetch::new(reader, catalog, self.batch_size, &self.wiring.name)?;
        let cursor = Cursor { seed: setup.rng("order").state().seed, epoch: 0, position: 0 };
        Ok(Box::new(State { outputs, prefetch, cursor, samples, order_name }))
    }
}

impl Wired for Hdf5Data {
    fn wiring_mut(&mut self) -> &mut Wiring {
        &mut self.wiring
    }
}

impl Layer for Hdf5Data {
    fn kind(&self) -> &'static str {
        "Hdf5Data"
    }

    fn wiring(&self) -> &Wiring {
        &self.wiring
    }

    fn arity(&self) -> Arity {
        Arity { bottoms: Count::Exactly(0), tops: Count::AtLeast(1) }
    }

    fn can_backward(&self) -> bool {
        false
    }

    fn setup(&self, setup: &mut Setup<'_>) -> layers::Result<Box<dyn LayerState>> {
        match setup.dtype() {
            DType::F32 => self.open::<f32>(setup),
            DType::F64 => self.open::<f64>(setup),
        }
    }
}

fn default_memory_limit() -> u64 {
    1 << 30
}

struct State<T> {
    outputs: Vec<Tensor>,
    prefetch: Prefetch<T>,
    /// The first sample that was not delivered yet.
    cursor: Cursor,
    samples: usize,
    order_name: String,
}

/// What a snapshot keeps.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    seed: u64,
    epoch: u64,
    position: usize,
    /// Samples in the data set; the position means nothing in another one.
    samples: usize,
    order: String,
}

impl<T: Element> LayerState for State<T> {
    fn forward(&mut self, pass: &mut Pass<'_>) -> layers::Result<()> {
        let batch = self.prefetch.next(self.cursor, pass.whole_epochs)?;
        for (output, values) in self.outputs.iter().zip(&batch.tops) {
            output.write(values)?;
        }
        self.cursor = batch.end;
        pass.samples = pass.samples.min(batch.samples);
        Ok(self.prefetch.give_back(batch)?)
    }

    fn data_source(&mut self) -> Option<&mut dyn DataSource> {
        Some(self)
    }

    fn save(&self) -> Option<serde_json::Value> {
        let Cursor { seed, epoch, position } = self.cursor;
        let saved = Saved { seed, epoch, position, samples: self.samples, order: self.order_name.clone() };
        serde_json::to_value(saved).ok()
    }

    fn restore(&mut self, saved: &serde_json::Value) -> layers::Result<()> {
        let value = |what, found: String, expected: String| Err(Error::Value { what, found, expected }.into());
        let Ok(Saved { seed, epoch, position, samples, order }) = Saved::deserialize(saved) else {
            let expected = "an object with seed, epoch, position, samples and order".into();
            return value("the saved position in the data", saved.to_string(), expected);
        };
        if samples != self.samples {
            let expected = format!("a position among {}, the samples of this data set", self.samples);
            return value("the saved position in the data", format!("one among {samples} samples"), expected);
        }
        if position >= samples {
            return value("the saved position in the data", position.to_string(), format!("less than {samples}"));
        }
        if order != self.order_name {
            let expected = format!("`{order}`, as when it was saved; set shuffle and memory_limit as they were then");
            return value("the order of samples", format!("`{}`", self.order_name), expected);
        }
        self.cursor = Cursor { seed, epoch, position };
        Ok(())
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

impl<T: Element> DataSource for State<T> {
    fn epoch(&self) -> u64 {
        self.cursor.epoch
    }

    fn samples_per_epoch(&self) -> usize {
        self.samples
    }

    fn rewind(&mut self) -> layers::Result<()> {
        self.cursor.position = 0;
        Ok(())
    }
}
