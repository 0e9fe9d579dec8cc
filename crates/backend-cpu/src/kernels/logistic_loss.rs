//! The multinomial logistic loss of probabilities, with weights and with a label that does not count. What every classifier
//! uses, without either, is in `softmax_loss`; here each position is looked at by itself, in order, and sums are taken in f64.

use super::{
    AxisView, dtype,
    softmax_loss::{class_of, for_each_position},
};
use crate::{
    Cpu,
    lane::LANES,
    memory::{Read, Stored, blocks, read, write},
};
use core_tensor::{DType, Launch, Result};

pub(crate) fn launch(_: &Cpu, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    match (kernel, dtype(&call)) {
        ("forward", DType::F32) => Some(forward::<f32>(call)),
        ("forward", DType::F64) => Some(forward::<f64>(call)),
        ("backward", DType::F32) => Some(backward::<f32>(call)),
        ("backward", DType::F64) => Some(backward::<f64>(call)),
        ("softmax_backward", DType::F32) => Some(softmax_backward::<f32>(call)),
        ("softmax_backward", DType::F64) => Some(softmax_backward::<f64>(call)),
        _ => None,
    }
}

/// Where the logarithm is cut off, as in Caffe and Mocha.
const SMALLEST_PROBABILITY: f64 = 1e-20;

fn forward<T: Stored>(call: Launch<'_>) -> Result<()> {
    let operands = Operands::<T>::read(&call)?;
    let (mut loss, mut bad, mut counted) = (0.0, 0u32, 0u32);
    operands.for_each(|label, lane| match label {
        Label::Class { index, weight } => {
            loss -= weight * cut(operands.prob[index][lane].to_f64()).ln();
            counted += 1;
        }
        Label::Bad => bad += 1,
        Label::Ignored => {}
    });
    let mut result = write::<T>(call.kernel, "the result", call.writes[0])?;
    let numbers = [loss, f64::from(bad), f64::from(counted)];
    result.as_flattened_mut()[..3].copy_from_slice(&numbers.map(T::from_f64));
    Ok(())
}

fn backward<T: Stored>(call: Launch<'_>) -> Result<()> {
    let operands = Operands::<T>::read(&call)?;
    let scale = call.scalars[1];
    let mut dprob = write::<T>(call.kernel, "the gradient", call.writes[0])?;
    dprob.fill([T::ZERO; LANES]);
    operands.for_each(|label, lane| {
        if let Label::Class { index, weight } = label {
            dprob[index][lane] = T::from_f64(-scale * weight / cut(operands.prob[index][lane].to_f64()));
        }
    });
    Ok(())
}

fn softmax_backward<T: Stored>(call: Launch<'_>) -> Result<()> {
    let operands = Operands::<T>::read(&call)?;
    let scale = call.scalars[1];
    let AxisView { axis, inner, .. } = operands.view;
    let mut dx = write::<T>(call.kernel, "the gradient", call.writes[0])?;
    dx.fill([T::ZERO; LANES]);
    operands.for_each(|label, lane| {
        if let Label::Class { index, weight } = label {
            let factor = T::from_f64(scale * weight);
            // The first class of the same position.
            let first = index / (axis * inner) * axis * inner + index % inner;
            for other in (first..).step_by(inner).take(axis) {
                dx[other][lane] = factor * operands.prob[other][lane];
            }
            dx[index][lane] += -factor;
        }
    });
    Ok(())
}

/// The probability itself, or the smallest that has a logarithm here. A NaN stays one.
fn cut(probability: f64) -> f64 {
    if probability < SMALLEST_PROBABILITY { SMALLEST_PROBABILITY } else { probability }
}

/// What the label of a position says.
enum Label {
    /// A class: the index of its lane in the blob of probabilities, and its weight.
    Class {
        index: usize,
        weight: f64,
    },
    Ignored,
    Bad,
}

/// What all three kernels read.
struct Operands<'a, T: Stored> {
    view: AxisView,
    batch: usize,
    samples: usize,
    ignore: Option<f64>,
    prob: Read<'a, T>,
    labels: Read<'a, T>,
    weights: Option<Read<'a, T>>,
}

impl<'a, T: Stored> Operands<'a, T> {
    fn read(call: &Launch<'a>) -> Result<Self> {
        let [axis, samples, has_ignore] = std::array::from_fn(|i| call.sizes[i]);
        let shape = call.reads[0].shape();
        Ok(Operands {
            view: AxisView::new(shape, axis),
            batch: shape.batch(),
            samples,
            ignore: (has_ignore != 0).then_some(call.scalars[0]),
            prob: read(call.kernel, "the probabilities", call.reads[0])?,
            labels: read(call.kernel, "the label", call.reads[1])?,
            weights: call.reads.get(2).map(|weights| read(call.kernel, "the weights", weights)).transpose()?,
        })
    }

    /// Calls `body(label, number within the lane)` for each position of the samples that count.
    fn for_each(&self, mut body: impl FnMut(Label, usize)) {
        let features = (self.prob.len() / blocks(self.batch).max(1)).max(1);
        for_each_position(self.view, self.batch, self.samples, |position, class_lane, lane| {
            let label = if self.ignore == Some(self.labels[position][lane].to_f64()) {
                Label::Ignored
            } else if let Some(class) = class_of(&self.labels, position, lane, self.view.axis) {
                let index = class_lane(class);
                let weight = |weights: &Read<'_, T>| weights.as_flattened()[index % features].to_f64();
                Label::Class { index, weight: self.weights.as_ref().map_or(1.0, weight) }
            } else {
                Label::Bad
            };
            body(label, lane);
        });
    }
}
