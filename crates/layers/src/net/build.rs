//! Building a net: sort, allocate, set up each layer.
//!
//! Where several layers give a blob its gradient, each layer but the first gets memory of its own for its share; Mocha
//! makes the user insert a `SplitLayer` for that, Caffe inserts one, and both copy the data forward, which is not needed.

use super::{Fused, Memory, NamedBlob, Net, Step};
use crate::{Blob, Error, LayerList, LayerRef, Param, Result, Setup, topology::Topology};
use core_tensor::{Backend, DType, Role};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

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
    inference: bool,
    kept: Kept,
}

/// Which blobs must have memory of their own, whatever it costs.
#[derive(Debug, Clone)]
enum Kept {
    These(Vec<String>),
    All,
}

impl NetBuilder {
    pub(super) fn new(name: String) -> Self {
        NetBuilder { name, seed: 0, dtype: DType::default(), inference: false, kept: Kept::These(Vec::new()) }
    }

    /// Keeps these blobs, with their gradients, readable after a pass. Otherwise blobs whose lives do not overlap share memory:
    /// their gradients in a net built for training, their data in any other. And a backend may compute two layers as one
    /// (convolution and pooling); the blob between them then has no memory. [`Net::blob`] says so in both cases. Keeping costs
    /// time and memory, so ask for what is looked at only.
    pub fn keep_blobs<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        if let Kept::These(kept) = &mut self.kept {
            kept.extend(names.into_iter().map(Into::into));
        }
        self
    }

    /// Keeps all blobs readable; see [`NetBuilder::keep_blobs`].
    pub fn keep_all_blobs(mut self) -> Self {
        self.kept = Kept::All;
        self
    }

    /// The seed of all random numbers: first values, shuffling. 0 if not set; the same seed gives the same bits.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Builds for inference although there is a loss, e.g. to report the loss on validation data: `Dropout` lets everything
    /// through, `BatchNorm` takes what it has gathered, and there are no gradients. A net without a loss is always built so.
    ///
    /// ```
    /// use layers::prelude::*;
    /// let layers = layers![
    ///     MemoryData::new("data", 2).zeros("x", [2, 4]).zeros("label", [2, 1]),
    ///     Dropout::new("drop", 0.5).bottom("x").top("dropped"),
    ///     InnerProduct::new("ip", 3).bottom("dropped").top("y"),
    ///     SoftmaxLoss::new("loss").bottoms(["y", "label"]),
    /// ];
    /// let backend = backend_cpu::Cpu::new()?;
    /// let training = Net::new("training", &backend, layers.clone())?;
    /// let validation = Net::builder("validation").inference().build(&backend, layers)?;
    /// assert!(training.param("ip___weight")?.diff().is_some() && validation.param("ip___weight")?.diff().is_none());
    /// # Ok::<(), layers::Error>(())
    /// ```
    pub fn inference(mut self) -> Self {
        self.inference = true;
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
        let topology = Topology::new(&self.name, &layers.0, self.inference)?;
        let mut net = Net {
            name: self.name,
            backend: Arc::new(backend.clone()),
            dtype: self.dtype,
            layers,
            training: topology.training,
            steps: Vec::new(),
            blobs: Vec::new(),
            params: Vec::new(),
            saved: 0,
            loss: 0.0,
            samples: None,
        };
        if let Kept::These(kept) = &self.kept {
            net.check_kept(kept)?;
        }
        let mut building = Building::new(self.seed, topology, self.kept, &net.layers);
        for place in 0..building.topology.order.len() {
            net.add_step(&mut building, place)?;
        }
        net.saved = building.memory.settle(&mut net.blobs);
        net.find_learning_steps();
        Ok(net)
    }
}

/// What is needed only while a net is built.
struct Building {
    seed: u64,
    topology: Topology,
    kept: Kept,
    memory: Memory,
    /// By blob: the place of the last layer that takes it.
    last_takers: HashMap<String, usize>,
    /// Blobs made so far, by name.
    index: HashMap<String, usize>,
    /// All parameters by sharing key and name.
    shared: HashMap<(String, &'static str), Param>,
    /// Layers that were set up together with the one before them.
    done: HashSet<usize>,
}

impl Kept {
    fn keeps(&self, blob: &String) -> bool {
        match self {
            Kept::All => true,
            Kept::These(kept) => kept.contains(blob),
        }
    }
}

impl Building {
    fn new(seed: u64, topology: Topology, kept: Kept, layers: &LayerList) -> Self {
        let mut last_takers = HashMap::new();
        for (place, &i) in topology.order.iter().enumerate() {
            last_takers.extend(layers.0[i].layer().wiring().bottoms.iter().map(|bottom| (bottom.clone(), place)));
        }
        Building {
            seed,
            memory: Memory::new(topology.training),
            topology,
            kept,
            last_takers,
            index: HashMap::new(),
            shared: HashMap::new(),
            done: HashSet::new(),
        }
    }

    /// The layer that could be computed together with layer `i`: the only one that takes its only top, which nobody wants to
    /// look at.
    fn partner(&self, layers: &LayerList, i: usize) -> Option<usize> {
        let wiring = |i: usize| layers.0[i].layer().wiring();
        let [top] = wiring(i).tops.as_slice() else { return None };
        let takes_top = |&other: &usize| wiring(other).bottoms.contains(top);
        let mut consumers = (0..layers.0.len()).filter(takes_top);
        let (consumer, nobody) = (consumers.next()?, consumers.next());
        let fits = nobody.is_none()
            && !self.kept.keeps(top)
            && wiring(i).bottoms.len() == 1
            && wiring(consumer).bottoms.len() == 1;
        fits.then_some(consumer)
    }
}

impl Net {
    /// Sets up the next layer in order of computation, together with the one after it where that is faster.
    fn add_step(&mut self, building: &mut Building, place: usize) -> Result<()> {
        let i = building.topology.order[place];
        if building.done.contains(&i) {
            return Ok(());
        }
        let layer = self.layers.0[i].clone();
        let wiring = layer.layer().wiring();
        building.memory.go_to(place);
        let bottoms: Vec<usize> = wiring.bottoms.iter().filter_map(|name| building.index.get(name).copied()).collect();
        let mut seen = Vec::with_capacity(bottoms.len());
        for (&blob, &gives) in bottoms.iter().zip(&building.topology.gives_gradient[i]) {
            seen.push(self.bottom_for_consumer(&mut building.memory, blob, gives)?);
        }
        let partner = building.partner(&self.layers, i);
        let is_apart = |maker: usize| {
            wiring.bottoms.is_empty()
                || self.layers.0[maker].layer().wiring().tops.iter().any(|top| building.kept.keeps(top))
        };
        let mut setup = Setup {
            backend: &self.backend,
            dtype: self.dtype,
            seed: building.seed,
            training: building.topology.training,
            layer: &layer,
            bottoms: seen,
            tops_need_diff: building.topology.tops_need_gradient[partner.unwrap_or(i)],
            tops: Vec::new(),
            fused_blob: None,
            memory: &mut building.memory,
            shared: &mut building.shared,
            params: Vec::new(),
        };
        let named = |error: Error| error.in_layer(&wiring.name, layer.layer().kind());
        let mut together = None;
        if let Some(next) = partner {
            setup.memory.keep_apart(is_apart(next));
            let state = layer.layer().setup_fused(self.layers.0[next].layer(), &mut setup).map_err(named)?;
            together = state.map(|state| (state, next));
        }
        let (state, last) = match together {
            Some(together) => together,
            None => {
                setup.memory.keep_apart(is_apart(i));
                setup.tops_need_diff = building.topology.tops_need_gradient[i];
                (layer.layer().setup(&mut setup).map_err(named)?, i)
            }
        };
        let (made, params, fused_blob) = (setup.tops, setup.params, setup.fused_blob);
        building.done.insert(last);
        let last = self.layers.0[last].clone();
        check_tops(&last, &made).map_err(named)?;
        let mut tops = Vec::with_capacity(made.len());
        for (name, blob) in last.layer().wiring().tops.iter().zip(made) {
            let index = self.blobs.len();
            let last_taker = building.last_takers.get(name).filter(|_| !building.kept.keeps(name));
            let until = last_taker.copied().unwrap_or(usize::MAX);
            std::iter::once(&blob.data).chain(&blob.diff).for_each(|held| building.memory.hold(held, index, until));
            building.index.insert(name.clone(), index);
            tops.push(index);
            self.blobs.push(NamedBlob {
                name: name.clone(),
                shown: blob.clone(),
                replaced_by: None,
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
        let fused = fused_blob.map(|shape| Fused { layer: last, shape });
        self.steps.push(Step { layer: layer.clone(), fused, state, bottoms, tops, params, learns: false });
        Ok(())
    }

    /// Blobs that are to be kept must exist.
    fn check_kept(&self, kept: &[String]) -> Result<()> {
        let known = || self.layers.0.iter().flat_map(|layer| &layer.layer().wiring().tops).map(String::as_str);
        match kept.iter().find(|name| !known().any(|known| known == name.as_str())) {
            Some(name) => Err(self.not_found("blob", name, known())),
            None => Ok(()),
        }
    }

    /// The blob as one more layer sees it: with memory for the gradient only if the layer gives one, and with memory of its
    /// own if another layer gives one already.
    fn bottom_for_consumer(&mut self, memory: &mut Memory, index: usize, gives_gradient: bool) -> Result<Blob> {
        let named = &mut self.blobs[index];
        let mut blob = named.blob.clone();
        if !gives_gradient {
            blob.diff = None;
        } else if named.claimed {
            // It is needed until the maker's turn, so it cannot move in where others have lived since.
            let share = self.backend.alloc(blob.data.shape(), self.dtype, Role::Diff)?;
            memory.take_in(&*self.backend, &share);
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
