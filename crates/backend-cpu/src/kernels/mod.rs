//! One file per kernel family. A family with state offers a plan; the others offer `launch`, which finds a kernel by the part
//! of its name after the dot. Adding a family: one file here and one line in [`FAMILIES`].

pub(crate) mod accuracy;
pub(crate) mod argmax;
pub(crate) mod batch_norm;
pub(crate) mod channel;
pub(crate) mod channel_pooling;
pub(crate) mod constraint;
pub(crate) mod convolution;
pub(crate) mod crop;
pub(crate) mod dropout;
pub(crate) mod elementwise;
pub(crate) mod embed;
pub(crate) mod fill;
pub(crate) mod inner_product;
pub(crate) mod logistic_loss;
pub(crate) mod lrn;
pub(crate) mod lstm;
pub(crate) mod neuron;
pub(crate) mod norm;
pub(crate) mod pair_loss;
pub(crate) mod pooling;
pub(crate) mod power;
pub(crate) mod prelu;
pub(crate) mod range;
pub(crate) mod reduction;
mod samples;
pub(crate) mod softlabel_loss;
pub(crate) mod softmax;
pub(crate) mod softmax_loss;
mod sums;
pub(crate) mod transpose;
pub(crate) mod update;

use crate::{
    Cpu,
    lane::LANES,
    memory::{NAME, blocks},
};
use core_tensor::{DType, Error, Launch, Result, Role, Shape, Tensor};

/// Runs the kernel with this name in a family, or says `None` if there is none.
type Family = fn(&Cpu, &str, Launch<'_>) -> Option<Result<()>>;

/// All families of named kernels.
const FAMILIES: &[(&str, Family)] = &[
    ("accuracy", accuracy::launch),
    ("argmax", argmax::launch),
    ("batch_norm", batch_norm::launch),
    ("channel", channel::launch),
    ("channel_pooling", channel_pooling::launch),
    ("constraint", constraint::launch),
    ("crop", crop::launch),
    ("dropout", dropout::launch),
    ("elementwise", elementwise::launch),
    ("embed", embed::launch),
    ("fill", fill::launch),
    ("logistic_loss", logistic_loss::launch),
    ("lrn", lrn::launch),
    ("lstm", lstm::launch),
    ("neuron", neuron::launch),
    ("norm", norm::launch),
    ("pair_loss", pair_loss::launch),
    ("power", power::launch),
    ("prelu", prelu::launch),
    ("range", range::launch),
    ("reduction", reduction::launch),
    ("softlabel_loss", softlabel_loss::launch),
    ("softmax", softmax::launch),
    ("softmax_loss", softmax_loss::launch),
    ("transpose", transpose::launch),
    ("update", update::launch),
];

/// Elements that are not worth waking a second thread for.
const SERIAL_LANES: usize = 512;

pub(crate) fn launch(cpu: &Cpu, call: Launch<'_>) -> Result<()> {
    crate::memory::check_not_aliased(call.kernel, call.reads, call.writes)?;
    let found = call.kernel.split_once('.').and_then(|(family, kernel)| {
        let (_, launch) = FAMILIES.iter().find(|(name, _)| *name == family)?;
        launch(cpu, kernel, call)
    });
    found.unwrap_or_else(|| Err(Error::UnknownKernel { backend: NAME.into(), kernel: call.kernel.into() }))
}

/// The element type of a call, taken from its first result (or operand).
fn dtype(call: &Launch<'_>) -> DType {
    call.writes.iter().chain(call.reads).next().map_or(DType::F32, |tensor| tensor.dtype())
}

/// Lanes per item of an element-wise kernel: fixed, so that results do not depend on the number of threads.
fn chunk(lanes: usize) -> usize {
    if lanes <= SERIAL_LANES { lanes } else { SERIAL_LANES.max(lanes / 64) }
}

/// Chunks of a tensor at most.
const MOST_CHUNKS: usize = 65;

/// How a blob is seen by a kernel that works along one axis: `[blocks][outer][axis][inner][16]`.
#[derive(Clone, Copy)]
pub(crate) struct AxisView {
    /// Blocks of samples times the axes between batch and `axis`.
    outer: usize,
    /// The size of the axis.
    axis: usize,
    /// The product of the axes after it.
    inner: usize,
}

impl AxisView {
    fn new(shape: Shape, axis: usize) -> Self {
        let (before, axis, inner) = shape.around(axis);
        let outer = before / shape.batch().max(1);
        AxisView { outer: blocks(shape.batch()) * outer, axis, inner }
    }
}

/// Samples of a block that count, of `samples` in all.
fn counted(block: usize, samples: usize) -> usize {
    samples.saturating_sub(block * LANES).min(LANES)
}

/// Refuses operands of different layout in an element-wise kernel: a blob and a parameter of one shape differ in memory.
fn same_layout(call: &Launch<'_>) -> Result<()> {
    let is_param = |tensor: &Tensor| tensor.role() == Role::Param;
    let mut tensors = call.writes.iter().chain(call.reads);
    let first = tensors.next().map(|tensor| is_param(tensor));
    if tensors.all(|tensor| Some(is_param(tensor)) == first) {
        return Ok(());
    }
    Err(Error::Value {
        what: format!("the operands of `{}`", call.kernel),
        found: "a mixture of blobs and parameters".into(),
        expected: "all blobs or all parameters, since the CPU lays them out differently".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_few_chunks() {
        let chunks = |lanes: usize| lanes.div_ceil(chunk(lanes));
        assert_eq!((1..200_000).map(chunks).max(), Some(MOST_CHUNKS));
    }
}
