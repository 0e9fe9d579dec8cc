//! LeNet learns real digits: a short training on the sample reaches an accuracy that a broken gradient does not.
#![allow(clippy::unwrap_used, clippy::panic)] // a test that cannot go on shall panic

mod common;

use common::{network, solver, training_net, write_sample};
use layers::prelude::*;
use solver::{Every, ValidationPerformance};

#[test]
fn sample_is_learned_in_300_iterations() {
    let folder = tempfile::tempdir().unwrap();
    write_sample(folder.path());
    let lenet = network::lenet();
    let mut net = training_net(folder.path(), 2, 1, &lenet);
    // A batch of 64 does not divide the 1,000 images, so that the last batch of an epoch is tested as well.
    let test_data = io_hdf5::Hdf5Data::new("test-data", folder.path().join("test.txt")).batch_size(64);
    let accuracy = Accuracy::new("test-accuracy").bottoms(["ip2", "label"]);
    let test_net = Net::new("MNIST-test", net.backend(), layers![test_data, ..lenet, accuracy]).unwrap();
    let mut solver = solver(300);
    solver.add_coffee_break(ValidationPerformance::new(test_net), Every::Iters(300));
    solver.solve(&mut net).unwrap();
    let accuracies = solver.lounge().get("test-accuracy-accuracy").unwrap();
    println!("accuracies: {accuracies:?}");
    assert!(accuracies[&0] < 0.35, "an untrained net guesses");
    assert!(accuracies[&300] >= 0.94, "{} of the test images are recognized after 300 iterations", accuracies[&300]);
}
