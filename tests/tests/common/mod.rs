//! LeNet as `examples/lenet` has it, and the sample of MNIST.
//!
//! The program's file is compiled in, so that what is tested here is what users run; it cannot be depended on, because a
//! program is no library.

#![allow(clippy::unwrap_used)] // a test that cannot go on shall panic

#[path = "../../../examples/lenet/src/network.rs"]
pub(crate) mod network;

use core_tensor::Shape;
use digits::{Digits, Part};
use io_hdf5::{Array, Numbers, write_arrays};
use layers::prelude::*;
use solver::{LrPolicy, MomPolicy, Sgd, Solver};
use std::{fs, path::Path};

/// Writes the sample into a folder as `train.hdf5` and `test.hdf5`, with lists of files.
pub(crate) fn write_sample(folder: &Path) {
    for (part, name) in [(Part::Train, "train"), (Part::Test, "test")] {
        let digits = Digits::embedded(part).unwrap();
        let (n, pixels, labels) = (digits.len(), digits.pixels(), digits.labels());
        let arrays = [
            Array { name: "data", shape: Shape::new(&[n, 1, 28, 28]).unwrap(), values: Numbers::F32(&pixels) },
            Array { name: "label", shape: Shape::new(&[n, 1]).unwrap(), values: Numbers::F32(&labels) },
        ];
        write_arrays(folder.join(format!("{name}.hdf5")), &arrays, &[]).unwrap();
        fs::write(folder.join(format!("{name}.txt")), format!("{name}.hdf5\n")).unwrap();
    }
}

/// The tutorial's training net on `layers`, which are [`network::lenet`]'s, reading from the folder of [`write_sample`].
#[allow(dead_code)]
pub(crate) fn training_net(folder: &Path, threads: usize, seed: u64, lenet: &LayerList) -> Net {
    let data = io_hdf5::Hdf5Data::new("train-data", folder.join("train.txt")).batch_size(64).shuffle(true);
    let loss = SoftmaxLoss::new("loss").bottoms(["ip2", "label"]);
    let backend = backend_cpu::Cpu::with_threads(threads).unwrap();
    Net::builder("MNIST-train").seed(seed).build(&backend, layers![data, ..lenet, loss]).unwrap()
}

/// The tutorial's solver.
#[allow(dead_code)]
pub(crate) fn solver(max_iter: u64) -> Solver {
    let method = Sgd::new().lr_policy(LrPolicy::inv(0.01, 0.0001, 0.75)).mom_policy(MomPolicy::fixed(0.9));
    Solver::new(method).max_iter(max_iter).regu_coef(0.0005)
}
