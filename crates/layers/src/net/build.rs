//! Building a net: sort, allocate, set up each layer.
//!
//! Where several layers give a blob its gradient, each layer but the first gets memory of its own for its share; Mocha
//! makes the user insert a `SplitLayer` for that, Caffe inserts one, and both copy the data forward, which is not needed.

use super::{NamedBlob, Net, Step};
use crate::{Blob, Error, LayerList, LayerRef, Param, Result, Setup, topology::Topology};
use core_tensor::{Backend, DType, Role};
use std::{collections::HashMap, sync::Arc};

/// A net about to be built; made by [`Net::builder`].
///
/// ```
/// use layers::prelude::*;
/// # let layers = layers![MemoryData::new("data", 1).zeros("data", [1, 4])];
/// let net = Net::builder("checked").seed(7).dtype(DType::F64).build(&backend_cpu::Cpu::new()?, layers)?;
/// assert_eq!(net.dtype(), DType::F64);
/// # Ok::<(), layers::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct NetBuilder {
    name: String,
    seed: u64,
    dtype: DType,
}

impl NetBuilder {
    pub(super) fn new(name: String) -> Self {
        NetBuilder { name, seed: 0, dtype: DType::default() }
    }

    /// The seed of all random numbers: first values, shuffling. 0 if not set; the same seed gives the same bits.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The element type of all blobs and parameters; f32 if not set.
    pub fn dtype(mut self, dtype: DType) -> Self {
        self.dtype = dtype;
        self
    }

    /// Builds the net.
    ///
    /// # Errors
    /// The layers do not form a network, properties or shapes do not fit, or the memory cannot be had.
    pub fn build<B: Backend + Clone + 'static>(self, backend: &B, layers: LayerList) -> Result<Net> {
        let topology = Topology::new(&self.name, &layers.0)?;
        let mut net = Net {
            name: self.name,
            backend: Arc::new(backend.clone()),
            dtype: self.dtype,
            layers,
            training: topology.training,
            steps: Vec::new(),
            blobs: Vec::new(),
            params: Vec::new(),
            loss: 0.0,
            samples: None,
        };
        let mut index = HashMap::new();
        let mut shared = HashMap::new();
        for &i in &topology.order {
            net.add_step(self.seed, &topology, i, &mut index, &mut shared)?;
        }
        net.find_learning_steps();
        Ok(net)
    }
}

impl Net {
    /// Sets up the next layer in order of computation.
    fn add_step(
        &mut self,
        seed: u64,
        topology: &Topology,
        i: usize,
        index: &mut HashMap<String, usize>,
        shared: &mut HashMap<(String, &'static str), Param>,
    ) -> Result<()> {
        let layer = self.layers.0[i].clone();
        let wiring = layer.layer().wiring();
        let bottoms: Vec<usize> = wiring.bottoms.iter().filter_map(|name| index.get(name).copied()).collect();
        let mut seen = Vec::with_capacity(bottoms.len());
        for (&blob, &gives) in bottoms.iter().zip(&topology.gives_gradient[i]) {
            seen.push(self.bottom_for_consumer(blob, gives)?);
        }
        let mut setup = Setup {
            backend: &self.backend,
            dtype: self.dtype,
            seed,
            training: topology.training,
            layer: &layer,
            bottoms: seen,
            tops_need_diff: topology.tops_need_gradient[i],
            tops: Vec::new(),
            shared,
            params: Vec::new(),
        };
        let named = |error: Error| error.in_layer(&wiring.name, layer.layer().kind());
        let state = layer.layer().setup(&mut setup).map_err(named)?;
        let (made, params) = (setup.tops, setup.params);
        check_tops(&layer, &made).map_err(named)?;
        let mut tops = Vec::with_capacity(made.len());
        for (name, blob) in wiring.tops.iter().zip(made) {
            index.insert(name.clone(), self.blobs.len());
            tops.push(self.blobs.len());
            self.blobs.push(NamedBlob {
                name: name.clone(),
                blob,
                maker: self.steps.len(),
                claimed: false,
                shares: Vec::new(),
            });
        }
        for param in &params {
            if !self.params.iter().any(|known| known.is(param)) {
                self.params.push(param.clone());
            }
        }
        self.steps.push(Step { layer: layer.clone(), state, bottoms, tops, params, learns: false });
        Ok(())
    }

    /// The blob as one more layer sees it: with memory for the gradient only if the layer gives one, and with memory of its
    /// own if another layer gives one already.
    fn bottom_for_consumer(&mut self, index: usize, gives_gradient: bool) -> Result<Blob> {
        let named = &mut self.blobs[index];
        let mut blob = named.blob.clone();
        if !gives_gradient {
            blob.diff = None;
        } else if named.claimed {
            let share = self.backend.alloc(blob.data.shape(), self.dtype, Role::Diff)?;
            named.shares.push(share.clone());
            blob.diff = Some(share);
        } else {
            named.claimed = true;
        }
        Ok(blob)
    }
}

/// A layer must make as many tops as it names, and none of them empty.
fn check_tops(layer: &LayerRef, made: &[Blob]) -> Result<()> {
    let names = &layer.layer().wiring().tops;
    if names.len() != made.len() {
        return Err(Error::Value {
            what: "the number of tops made by the layer's setup".into(),
            found: made.len().to_string(),
            expected: format!("{}, one for each name in `tops`; this is a mistake in the layer", names.len()),
        });
    }
    for (name, blob) in names.iter().zip(made) {
        let shape = blob.data.shape();
        if shape.is_empty() {
            return Err(Error::Value {
                what: format!("the shape of blob `{name}`"),
                found: shape.to_string(),
                expected: "at least one sample and one element in each".into(),
            });
        }
    }
    Ok(())
}
