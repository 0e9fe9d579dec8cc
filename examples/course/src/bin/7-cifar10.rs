//! Lesson 7: colour images. Caffe's CIFAR-10 network 'full' (`examples/cifar10/cifar10_full_train_test.prototxt`), with an
//! importer for the data set's own files, a mean image that the data layer subtracts, and a learning rate in stages.
//!
//! `--data DIR` names a folder with `data_batch_1.bin` to `data_batch_5.bin` and `test_batch.bin`; or one that was imported
//! before.

use course::{Lesson, Result, cifar10};
use io_hdf5::{File, Hdf5Data};
use layers::prelude::*;
use solver::{Every, LrPolicy, MomPolicy, Sgd, ValidationPerformance};
use std::{path::PathBuf, process::ExitCode};

fn main() -> ExitCode {
    course::run("7-cifar10", 70_000, lesson)
}

fn lesson(lesson: &Lesson) -> Result {
    let data = data(lesson)?;
    let mean: Vec<f64> = File::open(data.join("mean.hdf5"))?.dataset("mean")?.read()?;
    let images = |list: &str| {
        let mean = Transformer::SubMean { mean: mean.clone() };
        Hdf5Data::new("images", data.join(list)).batch_size(100).transformer("data", mean)
    };
    let convolution = |name: &str, filters, std, bottom: &str| {
        let layer = Convolution::new(name, filters, (5, 5)).pad((2, 2));
        layer.filter_init(Initializer::Gaussian { mean: 0.0, std }).bottom(bottom).top(name)
    };
    let lrn = |name: &str, bottom: &str| {
        Lrn::new(name).mode(LrnMode::WithinChannel).kernel(3).scale(5e-5).power(0.75).bottom(bottom).top(name)
    };
    let common = layers![
        convolution("conv1", 32, 0.0001, "data"),
        Pooling::max("pool1", (3, 3)).stride((2, 2)).neuron(Neuron::ReLU).bottom("conv1").top("pool1"),
        lrn("norm1", "pool1"),
        convolution("conv2", 32, 0.01, "norm1").neuron(Neuron::ReLU),
        Pooling::mean("pool2", (3, 3)).stride((2, 2)).bottom("conv2").top("pool2"),
        lrn("norm2", "pool2"),
        convolution("conv3", 64, 0.01, "norm2").neuron(Neuron::ReLU),
        Pooling::mean("pool3", (3, 3)).stride((2, 2)).bottom("conv3").top("pool3"),
        InnerProduct::new("ip1", 10)
            .weight_init(Initializer::Gaussian { mean: 0.0, std: 0.01 })
            .weight_regu(Regularizer::L2 { coefficient: 250.0 })
            .bottom("pool3")
            .top("ip1"),
    ];
    let loss = SoftmaxLoss::new("loss").bottoms(["ip1", "label"]);
    let mut net =
        Net::new("cifar10-train", &lesson.backend, layers![images("train.txt").shuffle(true), ..common, loss])?;
    let accuracy = Accuracy::new("test").bottoms(["ip1", "label"]);
    let test_net = Net::new("cifar10-test", &lesson.backend, layers![images("test.txt"), ..common, accuracy])?;

    let stages = [(60_000, 0.001), (65_000, 0.0001), (70_000, 0.00001)];
    let policy = LrPolicy::staged(stages.map(|(until, rate)| (until, LrPolicy::fixed(rate))));
    let method = Sgd::new().lr_policy(policy).mom_policy(MomPolicy::fixed(0.9));
    let mut solver = lesson.solver("cifar10", method).regu_coef(0.004);
    solver.add_coffee_break(ValidationPerformance::new(test_net), Every::Iters(1000));
    lesson.train("cifar10", &mut solver, &mut net)?;
    Ok(())
}

/// The folder with the HDF5 files, made now if `--data` names one with the original files.
fn data(lesson: &Lesson) -> Result<PathBuf> {
    if let Some(original) = lesson.named_folder().filter(|folder| cifar10::is_there(folder)) {
        let imported = lesson.out.join("data");
        log::info!("Importing {}", original.display());
        cifar10::import(original, &imported)?;
        return Ok(imported);
    }
    let how = "give --data DIR with data_batch_1.bin to data_batch_5.bin and test_batch.bin";
    lesson.folder("data/cifar10", how)?.ok_or_else(|| format!("this lesson needs CIFAR-10; {how}").into())
}
