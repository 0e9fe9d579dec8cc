//! What does this picture show?

use crate::{Error, Preparation, Result};
use core_tensor::Backend;
use image::DynamicImage;
use layers::LayerList;
use ndarray::{Array4, Axis};
use solver::{NamedArray, Predictor};

/// A trained net with the preparation of its pictures and the names of its classes.
///
/// ```
/// use images::{Channels, Classifier, Preparation};
/// use layers::prelude::*;
/// let network = layers![InnerProduct::new("ip", 2).bottom("data").top("ip")];
/// # let array = |name: &str, sizes: &[usize]| -> Result<_, Box<dyn std::error::Error>> {
/// #     let shape = Shape::new(sizes)?;
/// #     Ok(solver::NamedArray { name: name.into(), shape, values: solver::Values::F32(vec![0.1; shape.len()]) })
/// # };
/// # let parameters = [array("ip___weight", &[2, 4])?, array("ip___bias", &[2])?];
/// // let parameters = io_hdf5::read_weights("snapshots/snapshot-010000.hdf5")?;
/// let preparation = Preparation::new((2, 2), Channels::Gray).scale(1.0 / 256.0);
/// let mut classifier = Classifier::new(&backend_cpu::Cpu::new()?, &network, "data", "ip", &parameters, preparation)?
///     .classes(["cat", "dog"])?;
/// let guesses = classifier.classify(&[image::DynamicImage::new_luma8(20, 20)], 1)?;
/// assert!(["cat", "dog"].contains(&guesses[0][0].class.as_str()) && guesses[0][0].probability >= 0.5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Classifier {
    predictor: Predictor,
    preparation: Preparation,
    /// As many as the net has outputs.
    classes: Vec<String>,
}

/// A class with its probability.
#[derive(Debug, Clone, PartialEq)]
pub struct Guess {
    /// The class's name.
    pub class: String,
    /// From 0 to 1.
    pub probability: f32,
}

impl Classifier {
    /// Puts parameters into `network`, which computes from the blob `input` the blob `logits`. Classes are called 0, 1, ... until
    /// [`Classifier::classes`] names them.
    ///
    /// # Errors
    /// The preparation makes no sense; or as [`Predictor::new`].
    pub fn new<B: Backend + Clone + 'static>(
        backend: &B,
        network: &LayerList,
        input: &str,
        logits: &str,
        parameters: &[NamedArray],
        preparation: Preparation,
    ) -> Result<Self> {
        preparation.check()?;
        let predictor = Predictor::new(backend, network, (input, &preparation.shape()), logits, parameters)?;
        let classes = (0..predictor.classes()).map(|class| class.to_string()).collect();
        Ok(Classifier { predictor, preparation, classes })
    }

    /// Names the classes, in the order of the net's outputs.
    ///
    /// # Errors
    /// Another number of names than the net has outputs.
    pub fn classes<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Result<Self> {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        if names.len() != self.classes.len() {
            let expected = format!("{}, one for each output of the net", self.classes.len());
            return Err(Error::value("the number of class names", names.len(), expected));
        }
        self.classes = names;
        Ok(self)
    }

    /// The `best` most probable classes of each picture, the most probable first.
    ///
    /// # Errors
    /// The backend's.
    pub fn classify(&mut self, pictures: &[DynamicImage], best: usize) -> Result<Vec<Vec<Guess>>> {
        let [channels, height, width] = self.preparation.shape();
        let mut samples = Array4::zeros((pictures.len(), channels, height, width));
        for (mut sample, picture) in samples.axis_iter_mut(Axis(0)).zip(pictures) {
            sample.assign(&self.preparation.apply(picture)?);
        }
        let probabilities = self.predictor.predict(samples)?;
        let guesses = probabilities.rows().into_iter().map(|row| {
            let named = self.classes.iter().zip(row);
            let mut all: Vec<Guess> =
                named.map(|(class, &probability)| Guess { class: class.clone(), probability }).collect();
            all.sort_by(|a, b| b.probability.total_cmp(&a.probability));
            all.truncate(best);
            all
        });
        Ok(guesses.collect())
    }
}
