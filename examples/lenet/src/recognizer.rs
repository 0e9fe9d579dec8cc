//! A trained LeNet that is asked about one image after another, and shows what its convolutions made of it.

use crate::{
    cli::BackendName,
    error::{Error, Result},
    network::{self, CLASSES},
};
use core_tensor::Backend;
use ndarray::{Array3, Axis};
use solver::Predictor;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// The blobs that can be looked at after each image.
const WATCHED: [&str; 2] = ["conv1", "conv2"];

/// LeNet with the parameters of a snapshot.
pub(crate) struct Recognizer {
    predictor: Predictor,
    backend: Arc<dyn Backend>,
    /// The snapshot's file.
    pub(crate) snapshot: PathBuf,
}

/// The outputs of a convolution.
pub(crate) struct Activations {
    /// The blob's name.
    pub(crate) blob: &'static str,
    /// Maps, height, width.
    pub(crate) shape: [usize; 3],
    /// Row-major.
    pub(crate) values: Vec<f32>,
}

impl Recognizer {
    /// Takes the newest snapshot of this folder, or this file.
    pub(crate) fn load(snapshots: &Path, backend: BackendName, threads: Option<usize>) -> Result<Self> {
        let backend = crate::backend::new(backend, threads)?;
        let (snapshot, checkpoint) = io_hdf5::snapshots(snapshots).load_newest()?.ok_or_else(|| {
            let place = snapshots.display();
            Error::Message(format!(
                "there is no snapshot in {place}; train first, or name another place with --snapshot"
            ))
        })?;
        let (network, input) = (network::lenet(), ("data", &[1, 28, 28][..]));
        let predictor = Predictor::keeping(&WATCHED, &backend, &network, input, "ip2", &checkpoint.parameters)?;
        Ok(Recognizer { predictor, backend, snapshot })
    }

    /// The probability of each digit; `image` has shape (1, 28, 28), byte/256.
    pub(crate) fn probabilities(&mut self, image: Array3<f32>) -> Result<Vec<f32>> {
        Ok(self.predictor.predict(image.insert_axis(Axis(0)))?.into_iter().collect())
    }

    /// What the convolutions made of the last image.
    pub(crate) fn activations(&self) -> Result<Vec<Activations>> {
        let read = |blob| {
            let data = &self.predictor.net().blob(blob)?.data;
            let shape = data.shape();
            let &[_, maps, height, width] = shape.sizes() else {
                return Err(Error::Message(format!(
                    "blob `{blob}` has shape {shape}; expected (1, maps, height, width)"
                )));
            };
            Ok(Activations { blob, shape: [maps, height, width], values: data.read()? })
        };
        WATCHED.into_iter().map(read).collect()
    }

    /// Where it computes.
    pub(crate) fn backend(&self) -> &Arc<dyn Backend> {
        &self.backend
    }
}

/// The most probable digit.
pub(crate) fn most_probable(probabilities: &[f32]) -> usize {
    (0..CLASSES).max_by(|&a, &b| probabilities[a].total_cmp(&probabilities[b])).unwrap_or_default()
}
