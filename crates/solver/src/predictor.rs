//! From a network description and parameters to class probabilities, in one call.
//!
//! Mocha's tutorial builds a second net by hand, writes into its data layer's array and reads a blob by name. All of that is
//! here, for any classifier.

use crate::{Error, NamedArray, Result, load_weights};
use core_tensor::Backend;
use layers::prelude::*;
use ndarray::{Array, Array2, Axis, Dimension, RemoveAxis};

const PROBABILITIES: &str = "predictor-probabilities";
const INPUT: &str = "predictor-input";

/// A classifier that is ready to be asked.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let parameters: Vec<solver::NamedArray> = Vec::new(); // io_hdf5::read_weights("snapshots/snapshot-010000.hdf5")?
/// # let backend = backend_cpu::Cpu::new()?;
/// use layers::prelude::*;
/// use ndarray::Array4;
/// let network = layers![InnerProduct::new("ip", 10).bottom("data").top("ip")];
/// let mut predictor = solver::Predictor::new(&backend, &network, ("data", &[1, 28, 28]), "ip", &parameters)?;
/// let probabilities = predictor.predict(Array4::zeros((5, 1, 28, 28)))?; // (5, 10)
/// # Ok(())
/// # }
/// ```
pub struct Predictor {
    net: Net,
    /// The blob that the network starts from.
    input: String,
    classes: usize,
}

impl Predictor {
    /// Puts parameters, e.g. a checkpoint's, into `network`, which computes from the blob `input`, samples of shape `sample`, the blob
    /// `logits` of shape (N, classes).
    ///
    /// # Errors
    /// The network cannot be built, or has a parameter that is not among `parameters` or has another shape there.
    pub fn new<B: Backend + Clone + 'static>(
        backend: &B,
        network: &LayerList,
        (input, sample): (&str, &[usize]),
        logits: &str,
        parameters: &[NamedArray],
    ) -> Result<Self> {
        Self::keeping(&[], backend, network, (input, sample), logits, parameters)
    }

    /// As [`Predictor::new`], and keeps these blobs readable in [`Predictor::net`] after a prediction, to look at what the network
    /// makes of a sample. That costs time and memory; see [`NetBuilder::keep_blobs`](layers::NetBuilder::keep_blobs).
    ///
    /// # Errors
    /// As [`Predictor::new`], or there is no such blob.
    pub fn keeping<B: Backend + Clone + 'static>(
        blobs: &[&str],
        backend: &B,
        network: &LayerList,
        (input, sample): (&str, &[usize]),
        logits: &str,
        parameters: &[NamedArray],
    ) -> Result<Self> {
        let batch_of_one: Vec<usize> = [1].iter().chain(sample).copied().collect();
        let data = MemoryData::new(INPUT, 1).zeros(input, batch_of_one);
        let softmax = Softmax::new("predictor-softmax").bottom(logits).top(PROBABILITIES);
        let builder = Net::builder("predictor").keep_blobs(blobs.iter().copied());
        let mut net = builder.build(backend, layers![data, ..network, softmax])?;
        let missing = load_weights(&mut net, parameters)?.missing;
        if !missing.is_empty() {
            return Err(Error::Value {
                what: "the snapshot's network".into(),
                found: format!("one without {}", missing.join(", ")),
                expected: "the network that is to predict; was it trained with other layers?".into(),
            });
        }
        let classes = net.blob(PROBABILITIES)?.data.shape().sample_len();
        Ok(Predictor { net, input: input.into(), classes })
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The net, with what the last sample left in it.
    pub fn net(&self) -> &Net {
        &self.net
    }

    /// The probabilities of each class for each sample, of shape (N, classes); `samples` has shape (N, ...).
    ///
    /// # Errors
    /// Samples of another shape than the network takes.
    pub fn predict<D: Dimension + RemoveAxis>(&mut self, samples: Array<f32, D>) -> Result<Array2<f32>> {
        let mut probabilities = Array2::zeros((samples.len_of(Axis(0)), self.classes));
        self.net.state_mut::<MemoryDataState>(INPUT)?.set(&self.input, samples)?;
        for mut row in probabilities.rows_mut() {
            self.net.forward()?;
            let found: Vec<f32> = self.net.blob(PROBABILITIES)?.data.read()?;
            row.assign(&ndarray::aview1(&found));
        }
        Ok(probabilities)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Values;
    use core_tensor::Shape;
    use ndarray::array;

    fn predictor(parameters: &[(&str, &[usize], &[f32])]) -> Result<Predictor> {
        let array = |&(name, shape, values): &(&str, &[usize], &[f32])| NamedArray {
            name: name.into(),
            shape: Shape::new(shape).unwrap(),
            values: Values::F32(values.into()),
        };
        let parameters: Vec<NamedArray> = parameters.iter().map(array).collect();
        let network = layers![InnerProduct::new("ip", 2).bottom("x").top("y")];
        Predictor::new(&backend_cpu::Cpu::with_threads(1)?, &network, ("x", &[3]), "y", &parameters)
    }

    #[test]
    fn one_call_for_many_samples() {
        let weight = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0];
        let mut predictor = predictor(&[("ip___weight", &[2, 3], &weight), ("ip___bias", &[2], &[0.0, 0.0])]).unwrap();
        let found = predictor.predict(array![[0.0, 0.0, 9.0], [2.0, 1.0, 0.0], [1.0, 2.0, 0.0]]).unwrap();
        let p = 1.0 / (1.0 + (-1.0f32).exp());
        let expected = array![[0.5, 0.5], [p, 1.0 - p], [1.0 - p, p]];
        assert!((&found - &expected).iter().all(|difference| difference.abs() < 1e-6), "{found}");
        assert_eq!(predictor.predict(array![[1.0, 2.0, 0.0]]).unwrap().row(0), found.row(2));
        assert!(predictor.predict(array![[1.0, 2.0]]).is_err());
    }

    #[test]
    fn kept_blobs_can_be_read() {
        let network = layers![
            InnerProduct::new("a", 2).bottom("x").top("y"),
            InnerProduct::new("b", 2).bottom("y").top("z"),
            InnerProduct::new("c", 2).bottom("z").top("out"),
        ];
        let array = |name: String, sizes: &[usize], values: &[f32]| NamedArray {
            name,
            shape: Shape::new(sizes).unwrap(),
            values: Values::F32(values.into()),
        };
        let parameters = ["a", "b", "c"].map(|layer| {
            let weight = array(format!("{layer}___weight"), &[2, 2], &[1.0, 0.0, 0.0, 1.0]);
            [weight, array(format!("{layer}___bias"), &[2], &[1.0, 0.0])]
        });
        let parameters = parameters.concat();
        let backend = backend_cpu::Cpu::with_threads(1).unwrap();
        let mut keeping = Predictor::keeping(&["y"], &backend, &network, ("x", &[2]), "out", &parameters).unwrap();
        keeping.predict(array![[3.0, 4.0]]).unwrap();
        assert_eq!(keeping.net().blob("y").unwrap().data.read::<f32>().unwrap(), [4.0, 4.0]);
        let mut plain = Predictor::new(&backend, &network, ("x", &[2]), "out", &parameters).unwrap();
        plain.predict(array![[3.0, 4.0]]).unwrap();
        assert!(plain.net().blob("y").is_err());
        assert!(Predictor::keeping(&["q"], &backend, &network, ("x", &[2]), "out", &parameters).is_err());
    }

    #[test]
    fn a_snapshot_of_another_net_is_refused() {
        let text = predictor(&[("ip___weight", &[2, 3], &[0.0; 6])]).err().unwrap().to_string();
        assert_eq!(
            text,
            "the snapshot's network is one without ip___bias; expected the network that is to predict; was it trained \
             with other layers?"
        );
    }
}
