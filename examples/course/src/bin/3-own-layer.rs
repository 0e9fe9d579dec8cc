//! Lesson 3: a layer of one's own, outside Crema's crates: `MaxAbs` divides each sample by its largest absolute value, so that
//! faint digits are as strong as bold ones. A description, what it checks and makes at setup, a forward and a backward pass.
//!
//! It computes on the host, in ndarray, so it works on every backend. A layer that must be quick asks for kernels instead.

use core_tensor::Tensor;
use course::{Lesson, Result};
use io_hdf5::Hdf5Data;
use layers::{Arity, Count, Layer, LayerState, Pass, Setup, Wired, Wiring, prelude::*};
use serde::{Deserialize, Serialize};
use solver::{Every, LrPolicy, MomPolicy, Sgd, ValidationPerformance};
use std::{any::Any, process::ExitCode};

/// `y = x / max |x|` for each sample. One bottom of any shape, one top of the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct MaxAbs {
    #[serde(flatten)]
    wiring: Wiring,
}

impl Wired for MaxAbs {
    fn wiring_mut(&mut self) -> &mut Wiring {
        &mut self.wiring
    }
}

impl Layer for MaxAbs {
    fn kind(&self) -> &'static str {
        "MaxAbs"
    }
    fn wiring(&self) -> &Wiring {
        &self.wiring
    }
    fn arity(&self) -> Arity {
        Arity { bottoms: Count::Exactly(1), tops: Count::Exactly(1) }
    }
    fn setup(&self, setup: &mut Setup<'_>) -> layers::Result<Box<dyn LayerState>> {
        let bottom = setup.bottom(0).clone();
        let top = setup.add_top(bottom.data.shape())?;
        Ok(Box::new(State { bottom, top }))
    }
}

struct State {
    bottom: layers::Blob,
    top: layers::Blob,
}

impl LayerState for State {
    fn forward(&mut self, _: &mut Pass<'_>) -> layers::Result<()> {
        let mut values = self.bottom.data.read::<f64>()?;
        for sample in samples(&self.bottom.data, &mut values) {
            let largest = largest(sample).1;
            sample.iter_mut().for_each(|x| *x /= largest);
        }
        Ok(self.top.data.write(&values)?)
    }

    /// With m the largest value, at place k, and s its sign: dx = dy / m, and dx\[k\] -= s sum(dy x) / m^2.
    fn backward(&mut self, _: &Pass<'_>) -> layers::Result<()> {
        let Some(diff) = &self.bottom.diff else { return Ok(()) };
        let Some(top_diff) = &self.top.diff else { return Ok(()) };
        let (mut x, mut dy) = (self.bottom.data.read::<f64>()?, top_diff.read::<f64>()?);
        for (x, dy) in samples(&self.bottom.data, &mut x).zip(samples(top_diff, &mut dy)) {
            let (k, m) = largest(x);
            let dot: f64 = x.iter().zip(dy.iter()).map(|(x, dy)| x * dy).sum();
            dy.iter_mut().for_each(|dy| *dy /= m);
            dy[k] -= x[k].signum() * dot / (m * m);
        }
        Ok(diff.write(&dy)?)
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

fn samples<'a>(tensor: &Tensor, values: &'a mut [f64]) -> impl Iterator<Item = &'a mut [f64]> {
    values.chunks_mut(tensor.shape().len() / tensor.shape().batch())
}

/// Place and size of the largest absolute value; 1 if all are zero.
fn largest(sample: &[f64]) -> (usize, f64) {
    let places = sample.iter().map(|x| x.abs()).enumerate();
    places.max_by(|a, b| a.1.total_cmp(&b.1)).filter(|(_, m)| *m > 0.0).unwrap_or((0, 1.0))
}

fn main() -> ExitCode {
    course::run("3-own-layer", 1000, lesson)
}

fn lesson(lesson: &Lesson) -> Result {
    let data = lesson.mnist()?;
    let common = layers![
        MaxAbs { wiring: Wiring::named("strong") }.bottom("data").top("strong"),
        InnerProduct::new("ip1", 100).neuron(Neuron::ReLU).bottom("strong").top("ip1"),
        InnerProduct::new("ip2", 10).bottom("ip1").top("ip2"),
    ];
    let train_data = Hdf5Data::new("train-data", data.join("train.txt")).batch_size(64).shuffle(true);
    let loss = SoftmaxLoss::new("loss").bottoms(["ip2", "label"]);
    let mut net = Net::new("own-layer-train", &lesson.backend, layers![train_data, ..common, loss])?;
    let test_data = Hdf5Data::new("test-data", data.join("test.txt")).batch_size(100);
    let accuracy = Accuracy::new("test").bottoms(["ip2", "label"]);
    let test_net = Net::new("own-layer-test", &lesson.backend, layers![test_data, ..common, accuracy])?;
    let method = Sgd::new().lr_policy(LrPolicy::fixed(0.02)).mom_policy(MomPolicy::fixed(0.9));
    let mut solver = lesson.solver("own-layer", method);
    solver.add_coffee_break(ValidationPerformance::new(test_net), Every::Iters(500));
    lesson.train("own-layer", &mut solver, &mut net)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use layers::GradientCheck;

    #[test]
    fn gradients_are_right() {
        let x = ndarray::array![[0.5, -1.7, 0.3], [2.0, 1.0, -0.4]].into_dyn();
        let layer = MaxAbs { wiring: Wiring::named("strong") }.bottom("x").top("y");
        let report = GradientCheck::new().layer(&backend_cpu::Cpu::new().unwrap(), layer, &[x]).unwrap();
        assert_eq!(report.checked, 6);
    }
}
