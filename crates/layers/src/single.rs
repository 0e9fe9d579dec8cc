//! One layer at work without a net: for gradient checks, for reference cases and for whoever writes a layer.

use crate::{Blob, LayerRef, LayerState, Param, Pass, Result, Setup, net::Memory, setup::check_not_empty};
use core_tensor::{Backend, DType, Role, Shape};
use std::{collections::HashMap, sync::Arc};

/// A layer with bottoms, tops and gradients of its own.
///
/// ```
/// use layers::{SingleLayer, prelude::*};
/// let ip = InnerProduct::new("ip", 2).bottom("x").top("y");
/// let mut layer = SingleLayer::new(&backend_cpu::Cpu::new()?, DType::F64, ip, &[Shape::new(&[1, 3])?])?;
/// layer.bottoms()[0].data.write(&[1.0, 2.0, 3.0])?;
/// layer.params()[0].set(&[1.0, 0.0, 0.0, 0.0, 1.0, 0.0])?;
/// layer.forward()?;
/// assert_eq!(layer.tops()[0].data.read::<f64>()?, [1.0, 2.0]);
/// # Ok::<(), layers::Error>(())
/// ```
pub struct SingleLayer {
    layer: LayerRef,
    backend: Arc<dyn Backend>,
    bottoms: Vec<Blob>,
    tops: Vec<Blob>,
    params: Vec<Param>,
    /// Its parameters and those of the layer beside it, as a net would know them.
    shared: HashMap<(String, &'static str), Param>,
    state: Box<dyn LayerState>,
}

impl SingleLayer {
    /// Sets the layer up for bottoms of these shapes, which are zero at first.
    ///
    /// # Errors
    /// Properties, number or shapes of the bottoms do not fit, or the memory cannot be had.
    pub fn new<B: Backend + Clone + 'static>(
        backend: &B,
        dtype: DType,
        layer: impl Into<LayerRef>,
        bottoms: &[Shape],
    ) -> Result<Self> {
        Self::set_up(backend, dtype, layer.into(), bottoms, HashMap::new())
    }

    /// As [`SingleLayer::new`], in a net in which `other` is computed before: for layers that use another's parameters.
    ///
    /// # Errors
    /// As [`SingleLayer::new`].
    pub fn beside<B: Backend + Clone + 'static>(
        other: &SingleLayer,
        backend: &B,
        dtype: DType,
        layer: impl Into<LayerRef>,
        bottoms: &[Shape],
    ) -> Result<Self> {
        Self::set_up(backend, dtype, layer.into(), bottoms, other.shared.clone())
    }

    fn set_up<B: Backend + Clone + 'static>(
        backend: &B,
        dtype: DType,
        layer: LayerRef,
        bottoms: &[Shape],
        mut shared: HashMap<(String, &'static str), Param>,
    ) -> Result<Self> {
        let backend: Arc<dyn Backend> = Arc::new(backend.clone());
        let description = layer.layer();
        let named = |e: crate::Error| e.in_layer(&description.wiring().name, description.kind());
        description.arity().check(description.wiring()).map_err(named)?;
        if bottoms.len() != description.wiring().bottoms.len() {
            return Err(named(crate::Error::Value {
                what: "the number of bottom shapes".into(),
                found: bottoms.len().to_string(),
                expected: format!("{}, as many as the layer has bottoms", description.wiring().bottoms.len()),
            }));
        }
        let mut blobs = Vec::with_capacity(bottoms.len());
        for (i, &shape) in bottoms.iter().enumerate() {
            check_not_empty(&format!("bottom {i}"), shape).map_err(named)?;
            let data = backend.alloc(shape, dtype, Role::Data)?;
            let wants_diff = description.can_backward() && description.bottom_can_have_gradient(i);
            let diff = if wants_diff { Some(backend.alloc(shape, dtype, Role::Diff)?) } else { None };
            blobs.push(Blob { data, diff });
        }
        let mut memory = Memory::default();
        let mut setup = Setup {
            backend: &backend,
            dtype,
            seed: 0,
            training: true,
            layer: &layer,
            bottoms: blobs.clone(),
            tops_need_diff: description.can_backward(),
            tops: Vec::new(),
            fused_blob: None,
            memory: &mut memory,
            shared: &mut shared,
            params: Vec::new(),
        };
        let state = description.setup(&mut setup).map_err(named)?;
        let (tops, params) = (setup.tops, setup.params);
        Ok(SingleLayer { backend, bottoms: blobs, tops, params, shared, state, layer })
    }

    /// The layer's description.
    pub fn layer(&self) -> &LayerRef {
        &self.layer
    }

    /// The bottoms, to be written by the caller.
    pub fn bottoms(&self) -> &[Blob] {
        &self.bottoms
    }

    /// The tops; the caller writes their gradients before `backward`.
    pub fn tops(&self) -> &[Blob] {
        &self.tops
    }

    /// The parameters.
    pub fn params(&self) -> &[Param] {
        &self.params
    }

    /// The layer's state, e.g. for its statistics.
    pub fn state(&self) -> &dyn LayerState {
        self.state.as_ref()
    }

    /// The layer's state, to be changed: `restore` sets a layer that draws random numbers back.
    pub fn state_mut(&mut self) -> &mut dyn LayerState {
        self.state.as_mut()
    }

    /// Computes the tops. Returns the loss, if the layer is one.
    ///
    /// # Errors
    /// The layer's.
    pub fn forward(&mut self) -> Result<Option<f64>> {
        let mut pass = Pass { backend: self.backend.as_ref(), samples: usize::MAX, whole_epochs: false };
        self.state.forward(&mut pass).map_err(|e| in_layer(&self.layer, e))?;
        Ok(self.state.loss())
    }

    /// Computes the gradients of parameters and bottoms. The tops' gradients are used up.
    ///
    /// # Errors
    /// The layer's.
    pub fn backward(&mut self) -> Result<()> {
        self.params.iter().for_each(Param::begin_pass);
        let pass = Pass { backend: self.backend.as_ref(), samples: usize::MAX, whole_epochs: false };
        self.state.backward(&pass).map_err(|e| in_layer(&self.layer, e))
    }
}

fn in_layer(layer: &LayerRef, error: crate::Error) -> crate::Error {
    error.in_layer(&layer.layer().wiring().name, layer.layer().kind())
}
