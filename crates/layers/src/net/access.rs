//! Looking into a net: parameters, blobs, layers, statistics, and what a snapshot keeps.

use super::{NamedBlob, Net, Step};
use crate::{Blob, Error, LayerRef, LayerState, Param, Result, Statistic, names};
use core_tensor::{Shape, Tensor};
use serde_json::{Value, json};
use std::collections::BTreeMap;

impl Net {
    /// All parameters, each once, in order of computation.
    pub fn params(&self) -> &[Param] {
        &self.params
    }

    /// The parameter with this key, e.g. `conv1___filter`.
    ///
    /// # Errors
    /// There is none; the error has the nearest key.
    pub fn param(&self, key: &str) -> Result<&Param> {
        self.params.iter().find(|param| param.key() == key).ok_or_else(|| {
            let keys: Vec<String> = self.params.iter().map(Param::key).collect();
            self.not_found("parameter", key, keys.iter().map(String::as_str))
        })
    }

    /// The blob with this name. Its `diff` is `None` where no gradient is wanted, or where another gradient needs the memory in
    /// the same backward pass.
    ///
    /// # Errors
    /// There is none, and the error has the nearest name; or what is in it does not outlive a forward pass, because the layer
    /// that makes it and the one that takes it are computed as one, or because a later blob has its memory (see
    /// [`NetBuilder::keep_blobs`](super::NetBuilder::keep_blobs)).
    pub fn blob(&self, name: &str) -> Result<&Blob> {
        let gone = |found: String| Error::Value {
            what: format!("blob `{name}` of net `{}`", self.name),
            found,
            expected: format!("a net built with `Net::builder(..).keep_blobs([\"{name}\"])`"),
        };
        if let Some(step) = self.steps.iter().find(|step| step.hides(name)) {
            let together: Vec<&str> = step.layers().map(|layer| layer.layer().wiring().name.as_str()).collect();
            return Err(gone(format!("not stored, since `{}` are computed as one", together.join("` and `"))));
        }
        let named = self.named(name)?;
        match &named.replaced_by {
            Some(other) => Err(gone(format!("gone after a pass, since its memory is that of `{other}` then"))),
            None => Ok(&named.shown),
        }
    }

    /// The shape of the blob with this name, also of one that has no memory of its own.
    ///
    /// # Errors
    /// There is none, and the error has the nearest name.
    pub fn blob_shape(&self, name: &str) -> Result<Shape> {
        let hidden = self.steps.iter().find(|step| step.hides(name)).and_then(|step| step.fused.as_ref());
        hidden.map_or_else(|| Ok(self.named(name)?.blob.data.shape()), |fused| Ok(fused.shape))
    }

    /// Whether a backward pass computes this blob's gradient.
    ///
    /// # Errors
    /// There is none, and the error has the nearest name; or it lies within two layers that are computed as one.
    pub fn has_gradient(&self, blob: &str) -> Result<bool> {
        Ok(self.named(blob)?.blob.diff.is_some())
    }

    fn named(&self, blob: &str) -> Result<&NamedBlob> {
        let found = self.blobs.iter().find(|named| named.name == blob);
        found.ok_or_else(|| self.not_found("blob", blob, self.blob_names()))
    }

    /// The names of all blobs, in order of computation.
    pub fn blob_names(&self) -> impl Iterator<Item = &str> {
        self.blobs.iter().map(|blob| blob.name.as_str())
    }

    /// The layer with this name.
    ///
    /// # Errors
    /// There is none; the error has the nearest name.
    pub fn layer(&self, name: &str) -> Result<&LayerRef> {
        let mut layers = self.steps[self.step(name)?].layers();
        let found = layers.find(|layer| layer.layer().wiring().name == name);
        found.ok_or_else(|| self.not_found("layer", name, std::iter::empty()))
    }

    /// A layer's state as its own type, for methods such as [`MemoryDataState::set`](crate::MemoryDataState::set).
    ///
    /// # Errors
    /// There is no such layer, or its state is of another type.
    pub fn state_mut<S: LayerState + 'static>(&mut self, layer: &str) -> Result<&mut S> {
        let index = self.step(layer)?;
        let step = &mut self.steps[index];
        let kind = step.kind();
        step.state.as_any_mut().downcast_mut::<S>().ok_or_else(|| Error::Value {
            what: format!("the state of layer `{layer}`"),
            found: format!("that of kind {kind}"),
            expected: format!("`{}`, as asked for", std::any::type_name::<S>()),
        })
    }

    /// The loss layers' names and the losses of the last forward pass.
    pub fn losses(&self) -> Vec<(String, f64)> {
        let loss = |step: &Step| Some((step.name().to_owned(), step.state.loss()?));
        self.steps.iter().filter_map(loss).collect()
    }

    /// What all layers have gathered since [`Net::reset_statistics`].
    pub fn statistics(&self) -> Vec<Statistic> {
        self.steps.iter().flat_map(|step| step.state.statistics()).collect()
    }

    /// Starts gathering statistics anew.
    pub fn reset_statistics(&mut self) {
        self.steps.iter_mut().for_each(|step| step.state.reset_statistics());
    }

    /// By layer name, what a snapshot must keep besides parameters: data positions, random streams.
    pub fn save_layers(&self) -> BTreeMap<String, Value> {
        let save = |step: &Step| Some((step.name().to_owned(), step.state.save()?));
        self.steps.iter().filter_map(save).collect()
    }

    /// Takes back what [`Net::save_layers`] gave.
    ///
    /// # Errors
    /// A layer that the net does not have or that keeps nothing, a layer for which nothing was saved, or a value that the
    /// layer refuses. All but the last are found before anything is changed.
    pub fn restore_layers(&mut self, saved: &BTreeMap<String, Value>) -> Result<()> {
        let ours = self.save_layers();
        for name in saved.keys() {
            self.step(name)?;
        }
        let names = |map: &BTreeMap<String, Value>| {
            let names: Vec<&str> = map.keys().map(String::as_str).collect();
            if names.is_empty() { "no layer".to_owned() } else { names.join(", ") }
        };
        if !ours.keys().eq(saved.keys()) {
            return Err(Error::Value {
                what: format!("the saved state for net `{}`", self.name),
                found: format!("one of the layers: {}", names(saved)),
                expected: format!("one of: {}; it comes from another net", names(&ours)),
            });
        }
        for step in &mut self.steps {
            if let Some(value) = saved.get(step.name()) {
                step.state.restore(value).map_err(|e| e.in_layer(step.name(), step.kind()))?;
            }
        }
        Ok(())
    }

    /// The first parameter or blob in order of computation that holds a NaN or an infinity, in words such as
    /// `` `conv1` (output of layer `conv1`, Convolution) ``. Reads everything that [`Net::blob`] could: for error messages, not
    /// for every iteration.
    ///
    /// # Errors
    /// The backend's.
    pub fn first_bad_blob(&mut self) -> Result<Option<String>> {
        for step in &self.steps {
            for param in &step.params {
                if has_bad(param.data())? {
                    return Ok(Some(format!("parameter `{}`", param.key())));
                }
            }
            let tops = step.tops.iter().map(|&top| &self.blobs[top]);
            for named in tops.filter(|named| named.replaced_by.is_none()) {
                if has_bad(&named.blob.data)? {
                    let maker = |one: &LayerRef| format!("`{}`, {}", one.layer().wiring().name, one.layer().kind());
                    let makers: Vec<String> = step.layers().map(maker).collect();
                    return Ok(Some(format!("`{}` (output of layer {})", named.name, makers.join(", with layer "))));
                }
            }
        }
        Ok(None)
    }

    /// The net as JSON: `{"name", "dtype", "layers": [{"type", ...}]}`, the layers in the order they were given.
    /// [`Registry`](crate::Registry) reads the layers back.
    pub fn description(&self) -> Value {
        let layers: Vec<Value> = self.layers.0.iter().map(LayerRef::to_json).collect();
        json!({ "name": self.name, "dtype": self.dtype, "layers": layers })
    }

    /// The index of the step with this layer.
    pub(super) fn step(&self, layer: &str) -> Result<usize> {
        let named = |step: &Step| step.layers().any(|one| one.layer().wiring().name == layer);
        let names = || self.steps.iter().flat_map(Step::layers).map(|one| one.layer().wiring().name.as_str());
        self.steps.iter().position(named).ok_or_else(|| self.not_found("layer", layer, names()))
    }

    pub(super) fn not_found<'a>(&self, what: &'static str, name: &str, known: impl Iterator<Item = &'a str>) -> Error {
        Error::NotFound { net: self.name.clone(), what, name: name.into(), hint: names::hint(name, known) }
    }
}

fn has_bad(tensor: &Tensor) -> Result<bool> {
    Ok(tensor.read::<f64>()?.iter().any(|value| !value.is_finite()))
}
