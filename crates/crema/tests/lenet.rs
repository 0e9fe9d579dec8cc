//! `examples/lenet.toml` is the same training as `lenet-example`'s.
#![allow(clippy::unwrap_used)] // a test that cannot go on shall panic

mod program;

/// The network of `lenet-example`, from its own source.
#[path = "../../../examples/lenet/src/network.rs"]
mod network;

use backend_cpu::Cpu;
use io_hdf5::Hdf5Data;
use layers::prelude::*;
use program::Folder;
use solver::{Checkpoint, Every, LrPolicy, MomPolicy, Sgd, Snapshot, Solver, TrainingSummary, ValidationPerformance};
use std::path::Path;

/// `lenet-example train --data data --max-iter 20 --display-every 100 --test-every 10`, on one thread.
fn train_as_the_example(folder: &Path) -> Checkpoint {
    let backend = Cpu::with_threads(1).unwrap();
    let common = network::lenet();
    let train_data = Hdf5Data::new("train-data", folder.join("data/train.txt")).batch_size(64).shuffle(true);
    let loss = SoftmaxLoss::new("loss").bottoms(["ip2", "label"]);
    let builder = Net::builder("MNIST-train").seed(12_345_678);
    let mut net = builder.build(&backend, layers![train_data, ..common, loss]).unwrap();
    let test_data = Hdf5Data::new("test-data", folder.join("data/test.txt")).batch_size(100);
    let accuracy = Accuracy::new("test-accuracy").bottoms(["ip2", "label"]);
    let test_net = Net::new("MNIST-test", &backend, layers![test_data, ..common, accuracy]).unwrap();

    let snapshots = io_hdf5::snapshots(folder.join("by-hand"));
    let method = Sgd::new().lr_policy(LrPolicy::inv(0.01, 0.0001, 0.75)).mom_policy(MomPolicy::fixed(0.9));
    let mut solver = Solver::new(method).max_iter(20).regu_coef(0.0005);
    solver.add_coffee_break(TrainingSummary::new(), Every::Iters(100));
    solver.add_coffee_break(Snapshot::new(&snapshots), Every::Iters(5000));
    solver.add_coffee_break(ValidationPerformance::new(test_net), Every::Iters(10));
    solver.solve(&mut net).unwrap();
    snapshots.load_newest().unwrap().unwrap().1
}

#[test]
fn the_file_trains_to_the_same_bits_as_the_example() {
    let folder = Folder::new();
    folder.edit("validation = { every = { iters = 1000 } }", "validation = { every = { iters = 10 } }");
    let log = folder.succeed(&["train", "lenet.toml", "--max-iter", "20"]);
    assert_eq!(log.matches("## Performance on Validation Set").count(), 3, "{log}");

    let snapshots = io_hdf5::snapshots(folder.path().join("snapshots"));
    let (path, found) = snapshots.load_newest().unwrap().unwrap();
    assert!(path.ends_with("snapshot-000020.hdf5"), "{}", path.display());
    let expected = train_as_the_example(folder.path());
    assert_eq!(expected.parameters.len(), 8);
    assert!(found.parameters == expected.parameters, "the parameters differ");
    assert!(found.history == expected.history, "the momenta differ");
    assert_eq!(found.meta.statistics, expected.meta.statistics);
    assert_eq!(found.meta.layers, expected.meta.layers);

    folder.succeed(&["train", "lenet.toml", "--max-iter", "20", "--out", "other", "--seed", "1"]);
    let (_, other) = io_hdf5::snapshots(folder.path().join("other")).load_newest().unwrap().unwrap();
    assert!(other.parameters != expected.parameters, "another seed gives the same parameters");
}
