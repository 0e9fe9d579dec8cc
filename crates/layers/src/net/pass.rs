//! Forward and backward passes, epochs, freezing.

use super::{Epoch, Net};
use crate::{DataSource, Error, Param, Pass, Result};
use core_tensor::{Tensor, ops::kernels};

impl Net {
    /// Computes all layers in order. Returns the objective, the sum of all losses; regularizers are not part of it.
    ///
    /// # Errors
    /// The backend's, a bad label, a data source that ran dry; the error names the layer.
    pub fn forward(&mut self) -> Result<f64> {
        self.forward_by_layer(|_| ())
    }

    /// Like [`Net::forward`]; calls `done` with each layer's name as soon as the layer is computed, and so lets the caller time
    /// the layers. Layers that the backend computes as one go by the first one's name.
    ///
    /// ```
    /// # fn time(net: &mut layers::Net) -> layers::Result<()> {
    /// let mut last = std::time::Instant::now();
    /// net.forward_by_layer(|layer| {
    ///     println!("{layer}: {:?}", last.elapsed());
    ///     last = std::time::Instant::now();
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Net::forward`].
    pub fn forward_by_layer(&mut self, done: impl FnMut(&str)) -> Result<f64> {
        self.forward_from(0, usize::MAX, false, done)
    }

    /// Computes the gradients of all parameters that are not frozen. Must follow a `forward`.
    ///
    /// # Errors
    /// A net without a loss, no forward pass before, or the backend's.
    pub fn backward(&mut self) -> Result<()> {
        self.backward_by_layer(|_| ())
    }

    /// Like [`Net::backward`]; calls `done` with each layer's name as soon as the layer's backward pass is computed. Layers that
    /// nothing learns in or before are left out.
    ///
    /// # Errors
    /// As [`Net::backward`].
    pub fn backward_by_layer(&mut self, done: impl FnMut(&str)) -> Result<()> {
        self.params.iter().for_each(Param::begin_pass);
        self.backward_watched(|_, _| Ok(()), done)
    }

    /// Like [`Net::backward`], but adds to the gradients that are there, so that several batches make one update
    /// (Caffe's `iter_size`): call `backward` for the first batch and this for the others.
    ///
    /// # Errors
    /// As [`Net::backward`].
    pub fn backward_add(&mut self) -> Result<()> {
        self.backward_watched(|_, _| Ok(()), |_| ())
    }

    /// Goes through exactly one epoch of the first data source, from its first sample. Each sample is seen once; the last
    /// batch may be partly filled. Statistics are gathered and not reset.
    ///
    /// # Errors
    /// A net without a data source, or any error of a forward pass.
    pub fn forward_epoch(&mut self) -> Result<Epoch> {
        let start = self.epoch().ok_or_else(|| Error::Value {
            what: format!("the number of data sources in net `{}`", self.name),
            found: "0".into(),
            expected: "at least 1, to tell where an epoch ends".into(),
        })?;
        for step in &mut self.steps {
            let rewound = step.state.data_source().map_or(Ok(()), DataSource::rewind);
            rewound.map_err(|e| e.in_layer(step.name(), step.kind()))?;
        }
        let batch = self.source_batch();
        let mut epoch = Epoch { batches: 0, samples: 0 };
        while self.epoch() == Some(start) {
            self.forward_from(0, usize::MAX, true, |_| ())?;
            epoch.batches += 1;
            epoch.samples += self.samples.map_or(0, |samples| samples.min(batch)) as u64;
        }
        Ok(epoch)
    }

    /// How many times the first data source has delivered all its samples; `None` without a data source.
    pub fn epoch(&mut self) -> Option<u64> {
        self.steps.iter_mut().find_map(|step| step.state.data_source()).map(|source| source.epoch())
    }

    /// The objective of the last forward pass.
    pub fn loss(&self) -> f64 {
        self.loss
    }

    /// Keeps the parameters of these layers as they are: no gradient is computed and no solver changes them. A parameter
    /// that is shared by `param_key` is frozen for all layers that share it.
    ///
    /// # Errors
    /// A layer that the net does not have; then nothing is frozen.
    pub fn freeze<S: AsRef<str>>(&mut self, layers: impl IntoIterator<Item = S>) -> Result<()> {
        self.set_frozen(layers, true)
    }

    /// Lets the parameters of these layers learn again.
    ///
    /// # Errors
    /// A layer that the net does not have; then nothing is changed.
    pub fn unfreeze<S: AsRef<str>>(&mut self, layers: impl IntoIterator<Item = S>) -> Result<()> {
        self.set_frozen(layers, false)
    }

    /// Keeps all parameters as they are.
    pub fn freeze_all(&mut self) {
        self.params.iter().for_each(|param| param.set_frozen(true));
        self.find_learning_steps();
    }

    /// Lets all parameters learn.
    pub fn unfreeze_all(&mut self) {
        self.params.iter().for_each(|param| param.set_frozen(false));
        self.find_learning_steps();
    }

    fn set_frozen<S: AsRef<str>>(&mut self, layers: impl IntoIterator<Item = S>, frozen: bool) -> Result<()> {
        let steps: Vec<usize> = layers.into_iter().map(|name| self.step(name.as_ref())).collect::<Result<_>>()?;
        for param in steps.into_iter().flat_map(|step| &self.steps[step].params) {
            param.set_frozen(frozen);
        }
        self.find_learning_steps();
        Ok(())
    }

    /// Finds out where the backward pass must come through.
    pub(super) fn find_learning_steps(&mut self) {
        for i in 0..self.steps.len() {
            let upstream =
                |&blob: &usize| self.blobs[blob].blob.diff.is_some() && self.steps[self.blobs[blob].maker].learns;
            let step = &self.steps[i];
            let learns = step.params.iter().any(|param| !param.is_frozen()) || step.bottoms.iter().any(upstream);
            self.steps[i].learns = self.training && step.layer.layer().can_backward() && learns;
        }
    }

    /// Computes the layers from `first` on; those before keep what they have. `done` gets the name of each layer after it.
    pub(crate) fn forward_from(
        &mut self,
        first: usize,
        samples: usize,
        whole_epochs: bool,
        mut done: impl FnMut(&str),
    ) -> Result<f64> {
        self.samples = None;
        let mut pass = Pass { backend: self.backend.as_ref(), samples, whole_epochs };
        for step in &mut self.steps[first..] {
            step.state.forward(&mut pass).map_err(|e| e.in_layer(step.name(), step.kind()))?;
            done(step.name());
        }
        self.samples = Some(pass.samples);
        self.loss = self.steps.iter().filter_map(|step| step.state.loss()).sum();
        Ok(self.loss)
    }

    /// The backward pass; `watch` sees each blob's name and gradient when the gradient is complete, before the layer that
    /// makes the blob uses it up; `done` gets the name of each layer after it.
    pub(crate) fn backward_watched(
        &mut self,
        mut watch: impl FnMut(&str, &Tensor) -> Result<()>,
        mut done: impl FnMut(&str),
    ) -> Result<()> {
        let samples = self.samples_of_last_forward()?;
        let pass = Pass { backend: self.backend.as_ref(), samples, whole_epochs: false };
        for step in self.steps.iter_mut().rev().filter(|step| step.learns) {
            for named in step.tops.iter().map(|&top| &self.blobs[top]) {
                let Some(diff) = &named.blob.diff else { continue };
                for share in &named.shares {
                    kernels::axpy(pass.backend, 1.0, share, diff)?;
                }
                watch(&named.name, diff)?;
            }
            step.state.backward(&pass).map_err(|e| e.in_layer(step.name(), step.kind()))?;
            done(step.name());
        }
        Ok(())
    }

    /// The index of the first step that may read this blob.
    pub(crate) fn step_after(&self, blob: &str) -> usize {
        self.blobs.iter().find(|named| named.name == blob).map_or(0, |named| named.maker + 1)
    }

    fn samples_of_last_forward(&self) -> Result<usize> {
        let missing = |found: &str, expected: &str| Error::Value {
            what: format!("the backward pass of net `{}`", self.name),
            found: found.into(),
            expected: expected.into(),
        };
        if !self.training {
            return Err(missing(
                "asked for without a loss layer",
                "a net with a loss, e.g. `SoftmaxLoss`, not built for inference",
            ));
        }
        self.samples.ok_or_else(|| missing("asked for before a forward pass", "`forward` first"))
    }

    /// The batch size of the first data source.
    fn source_batch(&mut self) -> usize {
        let source = self.steps.iter_mut().find_map(|step| {
            let tops: &[usize] = &step.tops;
            step.state.data_source().and(tops.first().copied())
        });
        source.map_or(0, |top| self.blobs[top].blob.data.shape().batch())
    }
}
