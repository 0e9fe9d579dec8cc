//! Lesson 1: a fully connected network with dropout on MNIST. The same layers train and test: dropout knows which net it is in.
//!
//! Hinton et al. 2012 (*Improving neural networks by preventing co-adaptation of feature detectors*), as in Mocha's
//! `examples/mnist/mnist_dropout_fc.jl`; with fewer epochs and a learning rate that falls to nothing within them.

use course::{Lesson, Result};
use io_hdf5::Hdf5Data;
use layers::prelude::*;
use solver::{Every, LrPolicy, MomPolicy, Sgd, ValidationPerformance};
use std::process::ExitCode;

const ITERATIONS: u64 = 36_000;

fn main() -> ExitCode {
    course::run("1-dropout", ITERATIONS, lesson)
}

fn lesson(lesson: &Lesson) -> Result {
    let data = lesson.mnist()?;
    let hidden = |name: &str, bottom: &str| {
        let gaussian = Initializer::Gaussian { mean: 0.0, std: 0.01 };
        let layer = InnerProduct::new(name, 1200).neuron(Neuron::ReLU).weight_init(gaussian);
        layer.bottom(bottom).top(name)
    };
    // No column of weights may grow longer than 4.5: with dropout that regularizes better than a penalty does.
    let short = Constraint::L2 { threshold: 4.5, every_n_iter: 1 };
    let common = layers![
        Dropout::new("drop0", 0.2).bottom("data").top("drop0"),
        hidden("fc1", "drop0"),
        Dropout::new("drop1", 0.5).bottom("fc1").top("drop1"),
        hidden("fc2", "drop1").weight_cons(short),
        Dropout::new("drop2", 0.5).bottom("fc2").top("drop2"),
        InnerProduct::new("out", 10).weight_cons(short).bottom("drop2").top("out"),
    ];

    let train_data = Hdf5Data::new("train-data", data.join("train.txt")).batch_size(100).shuffle(true);
    let loss = SoftmaxLoss::new("loss").bottoms(["out", "label"]);
    let mut net = Net::new("dropout-train", &lesson.backend, layers![train_data, ..common, loss])?;

    // This net has no loss, so it is not for training, and its dropout layers let everything through.
    let test_data = Hdf5Data::new("test-data", data.join("test.txt")).batch_size(100);
    let accuracy = Accuracy::new("test").bottoms(["out", "label"]);
    let test_net = Net::new("dropout-test", &lesson.backend, layers![test_data, ..common, accuracy])?;

    let method = Sgd::new()
        .lr_policy(LrPolicy::cosine(0.03, 0.0, ITERATIONS))
        .mom_policy(MomPolicy::linear(0.5, 0.04, 600, 0.9));
    let mut solver = lesson.solver("dropout", method);
    solver.add_coffee_break(ValidationPerformance::new(test_net), Every::Epochs(1));
    lesson.train("dropout", &mut solver, &mut net)?;
    Ok(())
}
