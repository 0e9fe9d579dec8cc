//! Data from the user's own arrays.
//!
//! Mocha: `src/layers/memory-data.jl`. There the user writes into the layer's array; here a whole array is handed over
//! ([`MemoryDataState::set`]), so that its shape is checked. The arrays are no part of the JSON description, only their
//! shapes: a description is for building the net again, not for keeping data.

use super::{
    HostArray, Transformer,
    memory_source::{Buffer, Source},
};
use crate::{
    Arity, Count, DataSource, Error, Example, Examples, Layer, LayerState, Pass, Result, Setup, Wired, Wiring, names,
};
use core_tensor::{RngState, RngStream, Shape};
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::any::Any;

/// Delivers batches from arrays in memory, one array for each top, samples along axis 0.
///
/// After the last sample comes the first again: a batch is always full, and may run over the end of an epoch. In
/// [`Net::forward_epoch`](crate::Net::forward_epoch) it stops there instead. With `shuffle` each epoch has an order of its
/// own. Tops have the arrays' shapes with `batch_size` along axis 0.
///
/// ```
/// use layers::prelude::*;
/// use ndarray::{array, Array4};
/// let data = MemoryData::new("data", 2)
///     .array("image", Array4::<f32>::zeros((3, 1, 28, 28)))
///     .array("label", array![[0.0_f32], [4.0], [1.0]])
///     .shuffle(true);
/// assert_eq!(data.shapes[1], [3, 1]);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemoryData {
    /// Name and blobs.
    #[serde(flatten)]
    pub wiring: Wiring,
    /// Samples in a batch.
    pub batch_size: usize,
    /// Each array's shape, samples first; in the order of the tops.
    pub shapes: Vec<Vec<usize>>,
    /// Whether each epoch has a random order of its own; no if not set.
    #[serde(default)]
    pub shuffle: bool,
    /// What is done to the samples of which top, in this order; nothing if not set.
    #[serde(default)]
    pub transformers: Vec<(String, Transformer)>,
    /// The arrays, in the order of the tops; where there is none, zeros.
    #[serde(skip)]
    arrays: Vec<Option<HostArray>>,
}

impl MemoryData {
    /// A data layer without arrays yet.
    pub fn new(name: impl Into<String>, batch_size: usize) -> Self {
        MemoryData {
            wiring: Wiring::named(name),
            batch_size,
            shapes: Vec::new(),
            shuffle: false,
            transformers: Vec::new(),
            arrays: Vec::new(),
        }
    }

    /// Adds a top that delivers this array, samples along axis 0.
    pub fn array(mut self, top: impl Into<String>, array: impl Into<HostArray>) -> Self {
        let array = array.into();
        self = self.zeros(top, array.shape());
        self.arrays.resize(self.shapes.len() - 1, None);
        self.arrays.push(Some(array));
        self
    }

    /// Adds a top that delivers zeros of this shape, samples first, until [`MemoryDataState::set`] gives it an array.
    pub fn zeros(mut self, top: impl Into<String>, shape: impl Into<Vec<usize>>) -> Self {
        self.wiring.tops.push(top.into());
        self.shapes.push(shape.into());
        self
    }

    /// Sets whether each epoch has a random order of its own.
    pub fn shuffle(mut self, shuffle: bool) -> Self {
        self.shuffle = shuffle;
        self
    }

    /// Adds a change that is made to each sample of a top, after those that were added before.
    pub fn transformer(mut self, top: impl Into<String>, transformer: Transformer) -> Self {
        self.transformers.push((top.into(), transformer));
        self
    }
}

impl Wired for MemoryData {
    fn wiring_mut(&mut self) -> &mut Wiring {
        &mut self.wiring
    }
}

impl Layer for MemoryData {
    fn kind(&self) -> &'static str {
        "MemoryData"
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

    fn setup(&self, setup: &mut Setup<'_>) -> Result<Box<dyn LayerState>> {
        if self.batch_size == 0 {
            return Err(value("the batch size", "0", "at least 1"));
        }
        if self.shapes.len() != self.wiring.tops.len() {
            let expected = format!("{}, one for each top ({})", self.wiring.tops.len(), self.wiring.tops.join(", "));
            return Err(value("the number of arrays", self.shapes.len(), expected));
        }
        let tops = self.wiring.tops.iter().zip(&self.shapes);
        let tops: Vec<(&str, &[usize])> =
            tops.map(|(name, sizes)| (name.as_str(), sizes.get(1..).unwrap_or_default())).collect();
        let mut transformers = Transformer::by_top(&self.transformers, &tops)?.into_iter();
        let mut sources = Vec::with_capacity(self.shapes.len());
        for (i, (name, sizes)) in self.wiring.tops.iter().zip(&self.shapes).enumerate() {
            let shape = Shape::new(sizes)?;
            if shape.rank() == 0 || shape.is_empty() {
                return Err(value(
                    &format!("the array for top `{name}`"),
                    shape,
                    "at least one sample and one element",
                ));
            }
            let top = setup.add_top(shape.with_batch(self.batch_size))?.data;
            let array = match self.arrays.get(i) {
                Some(Some(array)) => array.clone(),
                _ => ndarray::ArrayD::<f32>::zeros(sizes.as_slice()).into(),
            };
            let transformers = transformers.next().unwrap_or_default();
            let buffer = Buffer::new(array, self.batch_size);
            sources.push(Source { name: name.clone(), top, buffer, transformers });
        }
        let shuffle = self.shuffle.then(|| Shuffle::new(setup.rng("shuffle")));
        let rows = Vec::with_capacity(self.batch_size);
        let mut state = MemoryDataState { batch_size: self.batch_size, sources, shuffle, rows, position: 0, epoch: 0 };
        state.samples()?;
        state.draw_order()?;
        Ok(Box::new(state))
    }
}

impl Examples for MemoryData {
    fn examples() -> Vec<Example> {
        let data = MemoryData::new("data", 3).zeros("top0", [5, 2]);
        let both = data.clone().zeros("top1", [5, 1]).shuffle(true);
        let both = both.transformer("top0", Transformer::SubMean { mean: vec![1.5, -0.5] });
        let both = both.transformer("top0", Transformer::Scale { scale: 2.0 });
        [data, both].map(|data| Example { layer: data.into(), bottoms: Vec::new(), owner: None }).into()
    }
}

/// A `MemoryData` layer at work; reached with [`Net::state_mut`](crate::Net::state_mut).
pub struct MemoryDataState {
    batch_size: usize,
    sources: Vec<Source>,
    shuffle: Option<Shuffle>,
    /// The samples of the batch at hand.
    rows: Vec<usize>,
    /// Samples delivered in this epoch.
    position: usize,
    epoch: u64,
}

impl MemoryDataState {
    /// Replaces a top's array. The next forward pass starts with its first sample. The number of samples may differ from
    /// before, if all tops get the same number before the next forward pass.
    ///
    /// ```
    /// use layers::prelude::*;
    /// use ndarray::Array2;
    /// let data = MemoryData::new("data", 1).zeros("image", [1, 4]);
    /// let mut net = Net::new("predict", &backend_cpu::Cpu::new()?, layers![data])?;
    /// net.state_mut::<MemoryDataState>("data")?.set("image", Array2::<f32>::ones((1, 4)))?;
    /// net.forward()?;
    /// assert_eq!(net.blob("image")?.data.read::<f32>()?, [1.0; 4]);
    /// # Ok::<(), layers::Error>(())
    /// ```
    ///
    /// # Errors
    /// There is no such top, or the samples' shape is not that of the top.
    pub fn set(&mut self, top: &str, array: impl Into<HostArray>) -> Result<()> {
        let array = array.into();
        let Some(source) = self.sources.iter_mut().find(|source| source.name == top) else {
            let hint = names::hint(top, self.sources.iter().map(|source| source.name.as_str()));
            return Err(value("the top to set", format!("`{top}`"), format!("one of the layer's tops{hint}")));
        };
        let (found, fits) = (Shape::new(array.shape())?, source.top.shape());
        if found.is_empty() || found.with_batch(fits.batch()) != fits {
            let expected = format!("samples of the shape that the net was built with, {fits} for a batch");
            return Err(value(&format!("the new array for top `{top}`"), found, expected));
        }
        source.buffer = Buffer::new(array, self.batch_size);
        self.position = 0;
        Ok(())
    }

    /// The number of samples, which all tops must agree on.
    fn samples(&self) -> Result<usize> {
        let count = |source: &Source| source.buffer.shape().first().copied().unwrap_or(0);
        let first = self.sources.first().map_or(0, count);
        match self.sources.iter().find(|source| count(source) != first) {
            None => Ok(first),
            Some(other) => {
                let what = format!("the number of samples for top `{}`", other.name);
                Err(value(&what, count(other), format!("{first} as for top `{}`", self.sources[0].name)))
            }
        }
    }

    fn draw_order(&mut self) -> Result<()> {
        let samples = self.samples()?;
        if let Some(shuffle) = &mut self.shuffle {
            shuffle.draw(samples);
        }
        Ok(())
    }
}

impl LayerState for MemoryDataState {
    fn forward(&mut self, pass: &mut Pass<'_>) -> Result<()> {
        let samples = self.samples()?;
        if self.shuffle.as_ref().is_some_and(|shuffle| shuffle.order.len() != samples) {
            self.draw_order()?; // an array of another length was set
        }
        self.rows.clear();
        while self.rows.len() < self.batch_size {
            let row = self.shuffle.as_ref().map_or(self.position, |shuffle| shuffle.order[self.position]);
            self.rows.push(row);
            self.position += 1;
            if self.position == samples {
                (self.position, self.epoch) = (0, self.epoch + 1);
                self.draw_order()?;
                if pass.whole_epochs {
                    break;
                }
            }
        }
        pass.samples = pass.samples.min(self.rows.len());
        // What is left of the batch does not count; it repeats the last sample, to be as finite as real data.
        let last = self.rows.last().copied().unwrap_or(0);
        self.rows.resize(self.batch_size, last);
        for source in &mut self.sources {
            source.deliver(&self.rows)?;
        }
        Ok(())
    }

    fn data_source(&mut self) -> Option<&mut dyn DataSource> {
        Some(self)
    }

    fn save(&self) -> Option<Value> {
        let shuffle = self.shuffle.as_ref().map(|shuffle| shuffle.start);
        Some(json!({ "epoch": self.epoch, "position": self.position, "shuffle": shuffle }))
    }

    fn restore(&mut self, saved: &Value) -> Result<()> {
        let expected = "one that a MemoryData layer has saved";
        let saved: Saved =
            serde_json::from_value(saved.clone()).map_err(|e| value("the saved data position", e, expected))?;
        let samples = self.samples()?;
        if saved.position >= samples {
            return Err(value("the saved data position", saved.position, format!("less than the {samples} samples")));
        }
        if saved.shuffle.is_some() != self.shuffle.is_some() {
            let words = |shuffled| if shuffled { "shuffled" } else { "not shuffled" };
            let (found, expected) = (words(saved.shuffle.is_some()), words(self.shuffle.is_some()));
            return Err(value("the saved data position's order", found, format!("{expected}, as the layer is")));
        }
        if let (Some(shuffle), Some(start)) = (&mut self.shuffle, saved.shuffle) {
            shuffle.rng = RngStream::from_state(start);
            shuffle.draw(samples);
        }
        (self.epoch, self.position) = (saved.epoch, saved.position);
        Ok(())
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

impl DataSource for MemoryDataState {
    fn epoch(&self) -> u64 {
        self.epoch
    }

    fn samples_per_epoch(&self) -> usize {
        self.samples().unwrap_or(0)
    }

    fn rewind(&mut self) -> Result<()> {
        self.position = 0;
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    epoch: u64,
    position: usize,
    shuffle: Option<RngState>,
}

/// The order of the samples in one epoch.
struct Shuffle {
    rng: RngStream,
    /// Where the stream stood before this epoch's order was drawn: enough to draw it again.
    start: RngState,
    order: Vec<usize>,
}

impl Shuffle {
    fn new(rng: RngStream) -> Self {
        Shuffle { start: rng.state(), rng, order: Vec::new() }
    }

    fn draw(&mut self, samples: usize) {
        self.start = self.rng.state();
        self.order.clear();
        self.order.extend(0..samples);
        self.order.shuffle(&mut self.rng);
    }
}

fn value(what: &str, found: impl ToString, expected: impl ToString) -> Error {
    Error::Value { what: what.into(), found: found.to_string(), expected: expected.to_string() }
}
