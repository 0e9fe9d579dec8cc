//! The multinomial logistic loss of probabilities, with weights and with a label that does not count.

use super::{label_shape, only_blobs, same_shape};
use crate::{Backend, Error, Launch, Result, Tensor};

/// Labels, and what they count for.
#[derive(Debug, Clone, Copy)]
pub struct ClassLabels<'a> {
    /// The axis of the classes, not the batch.
    pub axis: usize,
    /// How many samples count.
    pub samples: usize,
    /// Class indices, (N, 1, ...).
    pub labels: &'a Tensor,
    /// A weight for each element of a sample, i.e. for each class at each position; a parameter. None for 1 everywhere.
    pub weights: Option<&'a Tensor>,
    /// The label of positions that do not count.
    pub ignore: Option<f64>,
}

/// `result`, three numbers, gets the sum of `-w log p(label)` over the positions that count, with logarithms cut off at 1e-20;
/// the number of labels that are neither a class index nor ignored; and the number of positions that count.
///
/// Kernel `logistic_loss.forward`: reads prob, labels and, if given, weights; writes result; sizes axis, samples, whether a
/// label is ignored (0 or 1); scalar that label (or 0).
pub fn logistic_loss_forward(
    backend: &dyn Backend,
    labels: ClassLabels<'_>,
    prob: &Tensor,
    result: &Tensor,
) -> Result<()> {
    launch(backend, "logistic_loss.forward", labels, prob, result, None)
}

/// `dprob` gets `-scale w / p(label)` at each label that counts, with p cut off at 1e-20, and 0 elsewhere.
///
/// Kernel `logistic_loss.backward`: reads as forward; writes dprob; sizes as forward; scalars the ignored label, scale.
pub fn logistic_loss_backward(
    backend: &dyn Backend,
    labels: ClassLabels<'_>,
    scale: f64,
    prob: &Tensor,
    dprob: &Tensor,
) -> Result<()> {
    same_shape("logistic loss backward", "the gradient", dprob, prob)?;
    launch(backend, "logistic_loss.backward", labels, prob, dprob, Some(scale))
}

/// `dx` gets `scale w(label) (p - 1_label)` at each position that counts, and 0 elsewhere: the gradient by the logits of which
/// `prob` is the softmax.
///
/// Kernel `logistic_loss.softmax_backward`: reads as forward; writes dx; sizes as forward; scalars the ignored label, scale.
pub fn softmax_logistic_loss_backward(
    backend: &dyn Backend,
    labels: ClassLabels<'_>,
    scale: f64,
    prob: &Tensor,
    dx: &Tensor,
) -> Result<()> {
    same_shape("softmax loss backward", "the gradient", dx, prob)?;
    launch(backend, "logistic_loss.softmax_backward", labels, prob, dx, Some(scale))
}

fn launch(
    backend: &dyn Backend,
    kernel: &'static str,
    labels: ClassLabels<'_>,
    prob: &Tensor,
    written: &Tensor,
    scale: Option<f64>,
) -> Result<()> {
    only_blobs(kernel, &[prob, labels.labels])?;
    label_shape(kernel, labels.axis, prob, labels.labels)?;
    let weights = labels.weights.unwrap_or(prob);
    if labels.weights.is_some() && weights.shape().len() != prob.shape().sample_len() {
        return Err(Error::Value {
            what: "the number of weights".into(),
            found: weights.shape().len().to_string(),
            expected: format!(
                "{}, one for each element of a sample of shape {}",
                prob.shape().sample_len(),
                prob.shape()
            ),
        });
    }
    let reads = [prob, labels.labels, weights];
    let scalars = [labels.ignore.unwrap_or(0.0), scale.unwrap_or(0.0)];
    backend.launch(Launch {
        kernel,
        reads: if labels.weights.is_some() { &reads } else { &reads[..2] },
        writes: &[written],
        sizes: &[labels.axis, labels.samples, usize::from(labels.ignore.is_some())],
        scalars: &scalars[..1 + usize::from(scale.is_some())],
    })
}
