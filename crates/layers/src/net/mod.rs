//! The net: layers joined by the names of their blobs, computed in order, forward and backward.
//!
//! A net is fixed once it is built: all blobs, gradients and plans exist before the first pass, so a pass allocates nothing.
//! Reshaping on the fly (Caffe's `Reshape`) was left out for that; another batch size is another net from the same layer
//! objects, which shares the parameters.

mod access;
mod build;
mod memory;
mod pass;
mod summary;

pub use build::NetBuilder;
pub(crate) use memory::Memory;
pub use summary::{Summary, SummaryRow};

use crate::{Blob, LayerList, LayerRef, LayerState, Param, Result};
use core_tensor::{Backend, DType, Shape, Tensor};
use std::{fmt, sync::Arc};

/// Layers joined by the names of their blobs, at work on a backend.
///
/// ```
/// use layers::prelude::*;
/// use ndarray::{Array2, Array4};
/// let backend = backend_cpu::Cpu::new()?;
/// let (images, labels) = (Array4::<f32>::ones((6, 1, 8, 8)), Array2::<f32>::zeros((6, 1)));
/// let mut net = Net::new("tiny", &backend, layers![
///     MemoryData::new("data", 3).array("image", images).array("label", labels),
///     InnerProduct::new("ip", 10).bottom("image").top("ip"),
///     SoftmaxLoss::new("loss").bottoms(["ip", "label"]),
/// ])?;
/// let loss = net.forward()?;
/// net.backward()?;
/// assert!(loss > 0.0);
/// assert_eq!(net.param("ip___weight")?.data().shape().sizes(), [10, 64]);
/// # Ok::<(), layers::Error>(())
/// ```
pub struct Net {
    name: String,
    backend: Arc<dyn Backend>,
    dtype: DType,
    layers: LayerList,
    /// Whether it is built for training, and so has a backward pass.
    training: bool,
    steps: Vec<Step>,
    blobs: Vec<NamedBlob>,
    params: Vec<Param>,
    /// Bytes that sharing memory has saved.
    saved: usize,
    loss: f64,
    /// How many samples counted in the last forward pass; `None` before the first and after a failed one.
    samples: Option<usize>,
}

/// What one call of [`Net::forward_epoch`] went through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Epoch {
    /// Forward passes.
    pub batches: u64,
    /// Samples, each counted once.
    pub samples: u64,
}

/// A layer at its place in the order of computation.
struct Step {
    layer: LayerRef,
    /// The layer after it, if both are computed as one.
    fused: Option<Fused>,
    state: Box<dyn LayerState>,
    /// Indices into the net's blobs.
    bottoms: Vec<usize>,
    tops: Vec<usize>,
    params: Vec<Param>,
    /// Whether a parameter that learns stands here or upstream, so that the backward pass must come through.
    learns: bool,
}

/// A layer that is computed together with the one before it.
struct Fused {
    layer: LayerRef,
    /// The shape of the blob between them, which has no memory.
    shape: Shape,
}

struct NamedBlob {
    name: String,
    blob: Blob,
    /// The blob as users see it: without a gradient that does not outlive the backward pass.
    shown: Blob,
    /// The blob that has taken the memory when a forward pass ends.
    replaced_by: Option<String>,
    /// Index of the step that makes it.
    maker: usize,
    /// Whether a layer gives the gradient straight into `blob.diff`.
    claimed: bool,
    /// Where all but the first of several layers put their share of the gradient, to be summed up before the maker's turn.
    shares: Vec<Tensor>,
}

impl Net {
    /// Builds a net in f32 with the default seed; see [`Net::builder`] for other choices.
    ///
    /// # Errors
    /// The layers do not form a network, properties or shapes do not fit, or the memory cannot be had.
    pub fn new<B: Backend + Clone + 'static>(name: impl Into<String>, backend: &B, layers: LayerList) -> Result<Net> {
        Net::builder(name).build(backend, layers)
    }

    /// Starts building a net with a seed or an element type of the caller's choice.
    pub fn builder(name: impl Into<String>) -> NetBuilder {
        NetBuilder::new(name.into())
    }

    /// The net's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The backend that it was built on.
    pub fn backend(&self) -> &Arc<dyn Backend> {
        &self.backend
    }

    /// The element type of all blobs and parameters.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// The layers in the order they were given.
    pub fn layers(&self) -> &LayerList {
        &self.layers
    }
}

impl fmt::Debug for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layers: Vec<&str> = self.steps.iter().map(Step::name).collect();
        f.debug_struct("Net").field("name", &self.name).field("layers", &layers).finish_non_exhaustive()
    }
}

impl Step {
    fn name(&self) -> &str {
        &self.layer.layer().wiring().name
    }

    fn kind(&self) -> &'static str {
        self.layer.layer().kind()
    }

    /// The layers that are computed here, one or two.
    fn layers(&self) -> impl Iterator<Item = &LayerRef> {
        std::iter::once(&self.layer).chain(self.fused.as_ref().map(|fused| &fused.layer))
    }

    /// Whether this blob stands between two layers that are computed here as one.
    fn hides(&self, blob: &str) -> bool {
        self.fused.is_some() && self.layer.layer().wiring().tops.iter().any(|top| top == blob)
    }
}
