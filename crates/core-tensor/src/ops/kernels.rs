//! One typed function per named kernel: what [`Backend::launch`] gives up in types, this file gives back.
//!
//! Each function says what its kernel computes; a backend's kernel file says how. Shapes are checked here, once for all
//! backends. The families that came with the first layers stand here, each later one in a file of its own.

mod argmax;
mod batch_norm;
mod channel;
mod channel_pooling;
mod crop;
mod dropout;
mod elementwise;
mod embed;
mod logistic_loss;
mod lrn;
mod lstm;
mod norm;
mod pair_loss;
mod power;
mod prelu;
mod range;
mod reduction;
mod softlabel_loss;
mod transpose;
mod update;

pub use argmax::{argmax, onehot};
pub use batch_norm::{
    Moments, RunningMoments, batch_moments, expected_moments, gather_moments, normalize, normalize_backward,
};
pub use channel::{channel_affine, channel_dot, channel_shift, channel_sum};
pub use channel_pooling::{channel_pooling_backward, channel_pooling_forward};
pub use crop::{CropWindow, crop_backward, crop_forward};
pub use dropout::{RandomMask, dropout};
pub use elementwise::{binary, quotient_backward, scaled_copy};
pub use embed::{embed_backward, embed_forward};
pub use logistic_loss::{ClassLabels, logistic_loss_backward, logistic_loss_forward, softmax_logistic_loss_backward};
pub use lrn::{lrn_backward, lrn_forward};
pub use lstm::{lstm_backward, lstm_forward};
pub use norm::{l2_norm, scale};
pub use pair_loss::{pair_loss_backward, pair_loss_forward};
pub use power::{Power, power_backward, power_forward};
pub use prelu::{prelu_backward, prelu_forward, prelu_slope_gradient};
pub use range::copy_range;
pub use reduction::{reduction_backward, reduction_forward};
pub use softlabel_loss::{softlabel_loss_backward, softlabel_loss_forward};
pub use transpose::transpose;
pub use update::{Adam, Decay, Rms, Update, adadelta_update, adam_update, nesterov_update, rms_update, sgd_update};

use super::Neuron;
use crate::{Backend, Error, Launch, Result, Role, Tensor};

/// `y = value` for every element, padding excepted.
pub fn fill(backend: &dyn Backend, y: &Tensor, value: f64) -> Result<()> {
    backend.launch(Launch { kernel: "fill.constant", reads: &[], writes: &[y], sizes: &[], scalars: &[value] })
}

/// `y = x`.
pub fn copy(backend: &dyn Backend, x: &Tensor, y: &Tensor) -> Result<()> {
    same_shape("copy", "the target", y, x)?;
    backend.launch(Launch { kernel: "elementwise.copy", reads: &[x], writes: &[y], sizes: &[], scalars: &[] })
}

/// `y += alpha x`.
pub fn axpy(backend: &dyn Backend, alpha: f64, x: &Tensor, y: &Tensor) -> Result<()> {
    same_shape("axpy", "the target", y, x)?;
    backend.launch(Launch { kernel: "elementwise.axpy", reads: &[x], writes: &[y], sizes: &[], scalars: &[alpha] })
}

/// `y = neuron(y)`, in place.
pub fn neuron_forward(backend: &dyn Backend, neuron: Neuron, y: &Tensor) -> Result<()> {
    if neuron == Neuron::Identity {
        return Ok(());
    }
    let (sizes, scalars) = ([neuron.code()], [neuron.coefficient()]);
    backend.launch(Launch { kernel: "neuron.forward", reads: &[], writes: &[y], sizes: &sizes, scalars: &scalars })
}

/// `dy *= neuron'`, in place, the derivative taken from `y`: the neuron's output, or its input if [`Neuron::needs_input`].
pub fn neuron_backward(backend: &dyn Backend, neuron: Neuron, y: &Tensor, dy: &Tensor) -> Result<()> {
    if neuron == Neuron::Identity {
        return Ok(());
    }
    same_shape("neuron backward", "the gradient", dy, y)?;
    let (sizes, scalars) = ([neuron.code()], [neuron.coefficient()]);
    backend.launch(Launch { kernel: "neuron.backward", reads: &[y], writes: &[dy], sizes: &sizes, scalars: &scalars })
}

/// `y = softmax(x)` along `axis` (not the batch), computed stably: the largest logit is subtracted first.
pub fn softmax_forward(backend: &dyn Backend, axis: usize, x: &Tensor, y: &Tensor) -> Result<()> {
    same_shape("softmax forward", "the output", y, x)?;
    class_axis("softmax", axis, x)?;
    backend.launch(Launch { kernel: "softmax.forward", reads: &[x], writes: &[y], sizes: &[axis], scalars: &[] })
}

/// `dx = (dy − ⟨dy, y⟩) y` along `axis`.
pub fn softmax_backward(backend: &dyn Backend, axis: usize, y: &Tensor, dy: &Tensor, dx: &Tensor) -> Result<()> {
    same_shape("softmax backward", "the gradient", dx, y)?;
    class_axis("softmax", axis, y)?;
    backend.launch(Launch { kernel: "softmax.backward", reads: &[y, dy], writes: &[dx], sizes: &[axis], scalars: &[] })
}

/// Softmax followed by the multinomial logistic loss. `prob` gets the softmax of `x`; `result`, two numbers, gets the *sum*
/// of `−log p(label)` over the positions of the first `samples` samples, and the number of labels among them that are no
/// class index (negative, fractional, too large or NaN).
pub fn softmax_loss_forward(
    backend: &dyn Backend,
    axis: usize,
    samples: usize,
    x: &Tensor,
    label: &Tensor,
    prob: &Tensor,
    result: &Tensor,
) -> Result<()> {
    same_shape("softmax loss forward", "the probabilities", prob, x)?;
    label_shape("softmax loss forward", axis, x, label)?;
    let (reads, writes, sizes) = ([x, label], [prob, result], [axis, samples]);
    backend.launch(Launch {
        kernel: "softmax_loss.forward",
        reads: &reads,
        writes: &writes,
        sizes: &sizes,
        scalars: &[],
    })
}

/// `dx = scale (p − 1_label)` for the first `samples` samples, 0 for the others.
pub fn softmax_loss_backward(
    backend: &dyn Backend,
    axis: usize,
    samples: usize,
    scale: f64,
    prob: &Tensor,
    label: &Tensor,
    dx: &Tensor,
) -> Result<()> {
    same_shape("softmax loss backward", "the gradient", dx, prob)?;
    label_shape("softmax loss backward", axis, prob, label)?;
    let (reads, sizes, scalars) = ([prob, label], [axis, samples], [scale]);
    backend.launch(Launch {
        kernel: "softmax_loss.backward",
        reads: &reads,
        writes: &[dx],
        sizes: &sizes,
        scalars: &scalars,
    })
}

/// `result`, two numbers, gets how many positions of the first `samples` samples have the label's value among their `top_k`
/// largest (of equals the first, a NaN nowhere), and the number of labels that are no class index.
pub fn accuracy(
    backend: &dyn Backend,
    axis: usize,
    top_k: usize,
    samples: usize,
    x: &Tensor,
    label: &Tensor,
    result: &Tensor,
) -> Result<()> {
    label_shape("accuracy", axis, x, label)?;
    let (reads, sizes) = ([x, label], [axis, samples, top_k]);
    backend.launch(Launch { kernel: "accuracy.count", reads: &reads, writes: &[result], sizes: &sizes, scalars: &[] })
}

/// Rescales each of the `rows` equal rows of `w` whose L2 norm exceeds `threshold` to that norm.
pub fn limit_row_norms(backend: &dyn Backend, rows: usize, threshold: f64, w: &Tensor) -> Result<()> {
    if rows == 0 || !w.shape().len().is_multiple_of(rows) {
        return Err(Error::Value {
            what: "the number of rows of the L2 norm constraint".into(),
            found: rows.to_string(),
            expected: format!("a divisor of the {} elements of shape {}", w.shape().len(), w.shape()),
        });
    }
    let scalars = [threshold];
    backend.launch(Launch {
        kernel: "constraint.row_norms",
        reads: &[],
        writes: &[w],
        sizes: &[rows],
        scalars: &scalars,
    })
}

fn same_shape(operation: &'static str, what: &'static str, found: &Tensor, expected: &Tensor) -> Result<()> {
    if found.shape() == expected.shape() {
        return Ok(());
    }
    Err(Error::Shape { operation, what, found: found.shape(), expected: expected.shape() })
}

/// Refuses parameters where elements are counted by sample.
fn only_blobs(operation: &str, tensors: &[&Tensor]) -> Result<()> {
    match tensors.iter().find(|tensor| tensor.role() == Role::Param) {
        None => Ok(()),
        Some(param) => Err(Error::Value {
            what: format!("an operand of {operation}"),
            found: format!("a parameter of shape {}", param.shape()),
            expected: "a blob, whose elements are counted by sample".into(),
        }),
    }
}

fn class_axis(operation: &str, axis: usize, x: &Tensor) -> Result<()> {
    if axis >= 1 && axis < x.shape().rank() {
        return Ok(());
    }
    Err(Error::Value {
        what: format!("the axis of the {operation}"),
        found: format!("{axis} for a blob of shape {}", x.shape()),
        expected: format!("between 1 and {}; axis 0 is the batch", x.shape().rank().saturating_sub(1)),
    })
}

/// A label blob has the prediction's shape with the class axis of size 1 (or left out).
fn label_shape(operation: &'static str, axis: usize, x: &Tensor, label: &Tensor) -> Result<()> {
    class_axis(operation, axis, x)?;
    let (before, _, after) = x.shape().around(axis);
    let fits = label.shape().batch() == x.shape().batch() && label.shape().len() == before * after;
    if fits {
        return Ok(());
    }
    let expected = x.shape().with_axis(axis, 1)?;
    Err(Error::Shape { operation, what: "the label blob", found: label.shape(), expected })
}
