//! Lesson 2: other data. LeNet learns images of clothes instead of digits; only the folder is another one.
//!
//! Xiao, Rasul, Vollgraf 2017, *Fashion-MNIST: a novel image dataset for benchmarking machine learning algorithms*.

use course::{Lesson, Result};
use io_hdf5::Hdf5Data;
use layers::prelude::*;
use solver::{Every, LrPolicy, MomPolicy, Sgd, ValidationPerformance};
use std::process::ExitCode;

fn main() -> ExitCode {
    course::run("2-fashion", 10_000, lesson)
}

fn lesson(lesson: &Lesson) -> Result {
    let maker = "cargo xtask fetch-fashion-mnist";
    let data = lesson
        .folder("data/fashion", maker)?
        .ok_or_else(|| format!("this lesson needs Fashion-MNIST in data/fashion; `{maker}` gets it"))?;
    let common = layers![
        Convolution::new("conv1", 20, (5, 5)).bottom("data").top("conv1"),
        Pooling::max("pool1", (2, 2)).stride((2, 2)).bottom("conv1").top("pool1"),
        Convolution::new("conv2", 50, (5, 5)).bottom("pool1").top("conv2"),
        Pooling::max("pool2", (2, 2)).stride((2, 2)).bottom("conv2").top("pool2"),
        InnerProduct::new("ip1", 500).neuron(Neuron::ReLU).bottom("pool2").top("ip1"),
        InnerProduct::new("ip2", 10).bottom("ip1").top("ip2"),
    ];
    let train_data = Hdf5Data::new("train-data", data.join("train.txt")).batch_size(64).shuffle(true);
    let loss = SoftmaxLoss::new("loss").bottoms(["ip2", "label"]);
    let mut net = Net::new("fashion-train", &lesson.backend, layers![train_data, ..common, loss])?;
    let test_data = Hdf5Data::new("test-data", data.join("test.txt")).batch_size(100);
    let accuracy = Accuracy::new("test").bottoms(["ip2", "label"]);
    let test_net = Net::new("fashion-test", &lesson.backend, layers![test_data, ..common, accuracy])?;

    let method = Sgd::new().lr_policy(LrPolicy::inv(0.01, 0.0001, 0.75)).mom_policy(MomPolicy::fixed(0.9));
    let mut solver = lesson.solver("fashion", method).regu_coef(0.0005);
    solver.add_coffee_break(ValidationPerformance::new(test_net), Every::Iters(1000));
    lesson.train("fashion", &mut solver, &mut net)?;
    Ok(())
}
