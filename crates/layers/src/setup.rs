//! What a layer sees while its state is built.

use crate::{Constraint, Error, Initializer, LayerRef, Param, ParamSpec, Regularizer, Result, net::Memory};
use core_tensor::{Backend, DType, Philox, RngStream, Role, Shape, Tensor};
use std::{collections::HashMap, sync::Arc};

/// A blob: its data and, where a gradient is wanted, its gradient. Cheap handles.
#[derive(Debug, Clone)]
pub struct Blob {
    /// The data.
    pub data: Tensor,
    /// The gradient, if any.
    pub diff: Option<Tensor>,
}

/// What a layer sees and makes while its state is built.
pub struct Setup<'a> {
    pub(crate) backend: &'a Arc<dyn Backend>,
    pub(crate) dtype: DType,
    pub(crate) seed: u64,
    /// Whether the net learns.
    pub(crate) training: bool,
    pub(crate) layer: &'a LayerRef,
    pub(crate) bottoms: Vec<Blob>,
    /// Whether the tops need gradients.
    pub(crate) tops_need_diff: bool,
    pub(crate) tops: Vec<Blob>,
    /// The shape of the blob that has no memory, where two layers are computed as one.
    pub(crate) fused_blob: Option<Shape>,
    /// Where the tops' memory comes from.
    pub(crate) memory: &'a mut Memory,
    /// All parameters of the net by sharing key and name.
    pub(crate) shared: &'a mut HashMap<(String, &'static str), Param>,
    pub(crate) params: Vec<Param>,
}

impl Setup<'_> {
    /// The backend to make plans on.
    pub fn backend(&self) -> &Arc<dyn Backend> {
        self.backend
    }

    /// The net's element type.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Whether the net is built for training: it has a loss, and [`NetBuilder::inference`](crate::NetBuilder::inference) was
    /// not asked for. If not, there is no backward pass to keep anything for, and layers such as `Dropout` do what they do
    /// once training is over.
    pub fn is_training(&self) -> bool {
        self.training
    }

    /// A bottom blob. Indices are within the layer's checked arity.
    pub fn bottom(&self, index: usize) -> &Blob {
        &self.bottoms[index]
    }

    /// All bottom blobs.
    pub fn bottoms(&self) -> &[Blob] {
        &self.bottoms
    }

    /// Makes the next top, with a gradient if one is needed. What is in the memory is undefined until the first pass.
    ///
    /// # Errors
    /// The shape has no elements, or the memory cannot be had.
    pub fn add_top(&mut self, shape: Shape) -> Result<Blob> {
        check_not_empty(&format!("top {}", self.tops.len()), shape)?;
        let data = self.take(shape, Role::Data)?;
        let diff = if self.tops_need_diff { Some(self.take(shape, Role::Diff)?) } else { None };
        self.add_top_sharing(Blob { data, diff })
    }

    /// Makes the next top in the memory of bottom `index`, as far as nobody else needs what is in it: the gradient in a net
    /// built for training, the data in any other. For layers that work element by element; which of the two is in
    /// place, [`Tensor::same_memory`] tells.
    ///
    /// # Errors
    /// The memory cannot be had.
    pub fn add_top_in_place(&mut self, index: usize) -> Result<Blob> {
        let bottom = self.bottoms[index].clone();
        let shape = bottom.data.shape();
        let twice = self.bottoms.iter().filter(|other| other.data.same_memory(&bottom.data)).count() > 1;
        let own = |tensor: &Tensor, memory: &mut Memory| if twice { None } else { memory.take_over(tensor) };
        let data = own(&bottom.data, self.memory).map_or_else(|| self.take(shape, Role::Data), Ok)?;
        let diff = match &bottom.diff {
            _ if !self.tops_need_diff => None,
            Some(diff) => Some(own(diff, self.memory).map_or_else(|| self.take(shape, Role::Diff), Ok)?),
            None => Some(self.take(shape, Role::Diff)?),
        };
        self.add_top_sharing(Blob { data, diff })
    }

    /// Tells the shape of the blob between two layers that are computed as one; see [`crate::Layer::setup_fused`].
    pub fn fused_blob(&mut self, shape: Shape) {
        self.fused_blob = Some(shape);
    }

    /// Makes the next top from memory that exists: for layers that only rename or reshape.
    ///
    /// # Errors
    /// The blob has no elements; an empty batch would divide by 0 in every mean.
    pub fn add_top_sharing(&mut self, blob: Blob) -> Result<Blob> {
        check_not_empty(&format!("top {}", self.tops.len()), blob.data.shape())?;
        self.tops.push(blob.clone());
        Ok(blob)
    }

    fn take(&mut self, shape: Shape, role: Role) -> Result<Tensor> {
        self.memory.take(&**self.backend, shape, self.dtype, role)
    }

    /// Memory of the layer's own, e.g. for a result or a mask.
    ///
    /// # Errors
    /// The memory cannot be had.
    pub fn alloc(&self, shape: Shape, role: Role) -> Result<Tensor> {
        Ok(self.backend.alloc(shape, self.dtype, role)?)
    }

    /// A stream of random numbers of the layer's own, told apart by `purpose`.
    pub fn rng(&self, purpose: &str) -> RngStream {
        RngStream::new(self.seed, format!("{}/{purpose}", self.layer.layer().wiring().name))
    }

    /// A stream of random numbers of the layer's own for kernels, which take numbers by position.
    pub fn philox(&self, purpose: &str) -> Philox {
        Philox::new(self.seed, format_args!("{}/{purpose}", self.layer.layer().wiring().name))
    }

    /// A parameter of another layer of the net, which must be set up already: the layer with this `param_key`, or else the one
    /// of this name.
    ///
    /// # Errors
    /// No layer before this one has such a parameter.
    pub fn param_of(&self, key_or_name: &str, param: &'static str) -> Result<Param> {
        let keys = [format!("key {key_or_name}"), format!("layer {key_or_name}")];
        let found = keys.into_iter().find_map(|key| self.shared.get(&(key, param)));
        found.cloned().ok_or_else(|| {
            let with_param = self.shared.keys().filter(|(_, name)| *name == param);
            let mut owners: Vec<&str> = with_param.map(|(key, _)| key.as_str()).collect();
            owners.sort_unstable();
            let owners = if owners.is_empty() { "none".into() } else { owners.join(", ") };
            Error::Value {
                what: format!("the owner of the parameter `{param}`"),
                found: format!("`{key_or_name}`"),
                expected: format!(
                    "the param_key or name of a layer that has a `{param}` and is computed before this one: {owners}"
                ),
            }
        })
    }

    /// Makes a parameter, or shares one: with another layer of the net that has the same `param_key`, or with another net
    /// that was built from the same layer object. A new parameter is initialized at once.
    ///
    /// # Errors
    /// The shared parameter has another shape, element type or backend; the memory cannot be had.
    pub fn param(&mut self, spec: ParamSpec) -> Result<Param> {
        self.param_with(spec, self.training)
    }

    /// Makes or shares a parameter that the layer gathers itself rather than learns, such as running moments: shared and kept
    /// in snapshots like any other, zero at first, without a gradient.
    ///
    /// # Errors
    /// As [`Setup::param`].
    pub fn statistic(&mut self, name: &'static str, shape: Shape) -> Result<Param> {
        let (init, regularizer) = (Initializer::Constant { value: 0.0 }, Regularizer::None);
        let constraint = Constraint::None;
        self.param_with(ParamSpec { name, shape, init, regularizer, constraint, learning_rate: 0.0 }, false)
    }

    fn param_with(&mut self, spec: ParamSpec, has_gradient: bool) -> Result<Param> {
        let layer = self.layer.layer();
        let name = layer.wiring().name.clone();
        let key = (layer.param_key().map_or_else(|| format!("layer {name}"), |key| format!("key {key}")), spec.name);
        let sharing_name = format!("{} {} {}", spec.name, self.dtype, self.backend.name());
        if let Some(param) = self.shared.get(&key) {
            check_shared(param.data(), &spec, self.dtype, self.backend.name())?;
            let param = param.clone();
            self.layer.share_param(&sharing_name, param.data());
            self.params.push(param.clone());
            return Ok(param);
        }
        let data = match self.layer.shared_param(&sharing_name) {
            Some((storage, shape)) => {
                let data = Tensor::from_storage(shape, self.dtype, Role::Param, storage);
                check_shared(&data, &spec, self.dtype, self.backend.name())?;
                data
            }
            None => {
                let data = self.backend.alloc(spec.shape, self.dtype, Role::Param)?;
                spec.init.fill(&data, &mut self.rng(spec.name))?;
                self.layer.share_param(&sharing_name, &data);
                data
            }
        };
        let diff = if has_gradient { Some(self.backend.alloc(spec.shape, self.dtype, Role::Param)?) } else { None };
        let param = Param::new(&name, spec, data, diff);
        self.shared.insert(key, param.clone());
        self.params.push(param.clone());
        Ok(param)
    }
}

/// Refuses a blob without samples, or without elements in a sample. All blobs of a net are tops, so none is ever empty.
pub(crate) fn check_not_empty(what: &str, shape: Shape) -> Result<()> {
    if !shape.is_empty() {
        return Ok(());
    }
    Err(Error::Value {
        what: format!("the shape of {what}"),
        found: format!("{shape}, which has no elements"),
        expected: "at least one sample and one element in it".into(),
    })
}

fn check_shared(data: &Tensor, spec: &ParamSpec, dtype: DType, backend: &str) -> Result<()> {
    let fits = data.shape() == spec.shape && data.dtype() == dtype && data.storage().backend() == backend;
    if fits {
        return Ok(());
    }
    Err(Error::Value {
        what: format!("the shared parameter `{}`", spec.name),
        found: format!("{} {} on {}", data.shape(), data.dtype(), data.storage().backend()),
        expected: format!("{} {dtype} on {backend}, as this layer needs", spec.shape),
    })
}
