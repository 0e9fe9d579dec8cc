//! Keeping what passes: predictions or features of a whole data set, for the program to take.
//!
//! Mocha: `src/layers/memory-output.jl`, which keeps a list of batches. Here the samples of all batches form one array, and what
//! fills up the last batch of an epoch is left out.

use super::HostArray;
use crate::{
    Arity, Count, Error, Example, ExampleBottom, Examples, Layer, LayerState, Pass, Result, Setup, Wired, Wiring, names,
};
use core_tensor::{DType, Element, HostSlice, Shape, Tensor};
use ndarray::{ArrayD, IxDyn};
use serde::{Deserialize, Serialize};
use std::any::Any;

/// Keeps a copy of its bottoms, batch after batch, until [`MemoryOutputState::reset`].
///
/// Bottoms of any shape and number; no tops. Memory grows with each forward pass, so it is a layer for
/// [`Net::forward_epoch`](crate::Net::forward_epoch) rather than for training.
///
/// ```
/// use layers::prelude::*;
/// use ndarray::Array2;
/// let data = MemoryData::new("data", 2).array("x", Array2::<f32>::ones((5, 3)));
/// let keep = MemoryOutput::new("keep").bottom("x");
/// let mut net = Net::new("net", &backend_cpu::Cpu::new()?, layers![data, keep])?;
/// net.forward_epoch()?;
/// let kept = net.state_mut::<MemoryOutputState>("keep")?.array("x")?;
/// assert_eq!(kept.shape(), [5, 3]);
/// # Ok::<(), layers::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemoryOutput {
    /// Name and blobs.
    #[serde(flatten)]
    pub wiring: Wiring,
}

impl MemoryOutput {
    /// A layer that keeps its bottoms.
    pub fn new(name: impl Into<String>) -> Self {
        MemoryOutput { wiring: Wiring::named(name) }
    }
}

impl Wired for MemoryOutput {
    fn wiring_mut(&mut self) -> &mut Wiring {
        &mut self.wiring
    }
}

impl Layer for MemoryOutput {
    fn kind(&self) -> &'static str {
        "MemoryOutput"
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

    fn setup(&self, setup: &mut Setup<'_>) -> Result<Box<dyn LayerState>> {
        Ok(Box::new(MemoryOutputState::new(&self.wiring, setup)))
    }
}

impl Examples for MemoryOutput {
    fn examples() -> Vec<Example> {
        let bottoms = |shapes: &[&[usize]]| shapes.iter().map(|shape| ExampleBottom::Numbers(shape.to_vec())).collect();
        let layer = || MemoryOutput::new("output");
        vec![Example::new(layer(), bottoms(&[&[17, 3]]), 0), Example::new(layer(), bottoms(&[&[1, 2, 3, 2], &[4]]), 0)]
    }
}

/// A `MemoryOutput` layer at work; reached with [`Net::state_mut`](crate::Net::state_mut). Layers that keep their bottoms
/// elsewhere (`Hdf5Output`) have one inside.
pub struct MemoryOutputState {
    outputs: Vec<Output>,
}

/// One bottom, and the samples of it so far.
struct Output {
    name: String,
    blob: Tensor,
    values: Values,
}

/// Numbers of the net's element type.
enum Values {
    F32(Vec<f32>),
    F64(Vec<f64>),
}

impl MemoryOutputState {
    /// The state of a layer that keeps the bottoms of this wiring.
    pub fn new(wiring: &Wiring, setup: &Setup<'_>) -> Self {
        let output = |(name, bottom): (&String, &crate::Blob)| Output {
            name: name.clone(),
            blob: bottom.data.clone(),
            values: match setup.dtype() {
                DType::F32 => Values::F32(Vec::new()),
                DType::F64 => Values::F64(Vec::new()),
            },
        };
        MemoryOutputState { outputs: wiring.bottoms.iter().zip(setup.bottoms()).map(output).collect() }
    }

    /// All samples of a bottom since the last reset, as one array of the net's element type, samples along axis 0. Copies.
    ///
    /// # Errors
    /// The layer has no such bottom.
    pub fn array(&self, bottom: &str) -> Result<HostArray> {
        let Some((_, shape, values)) = self.kept().find(|(name, ..)| *name == bottom) else {
            return Err(Error::Value {
                what: "the output to be taken".into(),
                found: format!("`{bottom}`"),
                expected: format!(
                    "one of the layer's bottoms{}",
                    names::hint(bottom, self.outputs.iter().map(|output| output.name.as_str()))
                ),
            });
        };
        match values {
            HostSlice::F32(values) => array(shape, values).map(HostArray::from),
            HostSlice::F64(values) => array(shape, values).map(HostArray::from),
        }
    }

    /// Each bottom's name, and the shape and numbers of all its samples since the last reset.
    pub fn kept(&self) -> impl Iterator<Item = (&str, Shape, HostSlice<'_>)> {
        self.outputs.iter().map(|output| {
            let values = match &output.values {
                Values::F32(values) => HostSlice::F32(values),
                Values::F64(values) => HostSlice::F64(values),
            };
            let shape = output.blob.shape();
            (output.name.as_str(), shape.with_batch(values.len() / shape.sample_len().max(1)), values)
        })
    }

    /// Forgets all samples.
    pub fn reset(&mut self) {
        for output in &mut self.outputs {
            match &mut output.values {
                Values::F32(values) => values.clear(),
                Values::F64(values) => values.clear(),
            }
        }
    }
}

impl LayerState for MemoryOutputState {
    fn forward(&mut self, pass: &mut Pass<'_>) -> Result<()> {
        for Output { blob, values, .. } in &mut self.outputs {
            let samples = pass.samples_of(blob.shape());
            match values {
                Values::F32(values) => append(blob, samples, values)?,
                Values::F64(values) => append(blob, samples, values)?,
            }
        }
        Ok(())
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

/// Appends the first `samples` samples of a blob.
fn append<T: Element>(blob: &Tensor, samples: usize, values: &mut Vec<T>) -> Result<()> {
    let (start, shape) = (values.len(), blob.shape());
    values.resize(start + shape.len(), T::default());
    blob.read_into(&mut values[start..])?;
    values.truncate(start + samples * shape.sample_len());
    Ok(())
}

fn array<T: Element>(shape: Shape, values: &[T]) -> Result<ArrayD<T>> {
    ArrayD::from_shape_vec(IxDyn(shape.sizes()), values.to_vec()).map_err(|e| Error::Value {
        what: "the shape of the samples".into(),
        found: format!("{shape} ({e})"),
        expected: format!("one of {} elements", values.len()),
    })
}
