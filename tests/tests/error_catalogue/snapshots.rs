//! Snapshots and weights that do not fit.

use crate::{
    catalogue::check,
    common::{network, solver, training_net, write_sample},
    memory, net, text,
};
use io_hdf5::{Hdf5Data, read_weights, snapshots};
use layers::prelude::*;
use solver::{Every, Predictor, Snapshot, load_weights};
use std::fs;

#[test]
fn snapshots_and_weights() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write_sample(folder.path());
    let store = snapshots(at("run"));
    let lenet = network::lenet();
    let mut trained = training_net(folder.path(), 1, 0, &lenet);
    let mut first = solver(2);
    first.add_coffee_break(Snapshot::new(&store), Every::Iters(2));
    first.solve(&mut trained).unwrap();
    let (path, checkpoint) = store.load_newest().unwrap().unwrap();

    let resume = |place: &str, net: &mut Net| text(solver(4).load_from(&snapshots(at(place))).solve(net));
    let fresh = || training_net(folder.path(), 1, 0, &network::lenet());
    // The same run as written by another method.
    let mut foreign = checkpoint.clone();
    foreign.meta.method = "Adam".into();
    fs::create_dir(at("foreign")).unwrap();
    snapshots(at("foreign")).save(&foreign).unwrap();
    // The only snapshot is cut off.
    fs::create_dir(at("damaged")).unwrap();
    fs::write(at("damaged/snapshot-000002.hdf5"), &fs::read(&path).unwrap()[..100_000]).unwrap();
    // Another net, and another data set.
    let mut small = net(layers![
        Hdf5Data::new("train-data", at("train.txt")).batch_size(4).shuffle(true),
        InnerProduct::new("ip1", 10).bottom("data").top("ip1"),
        SoftmaxLoss::new("loss").bottoms(["ip1", "label"]),
    ])
    .unwrap();
    let loss = SoftmaxLoss::new("loss").bottoms(["ip2", "label"]);
    let other_data = Hdf5Data::new("train-data", at("test.txt")).batch_size(64).shuffle(true);
    let mut other = net(layers![other_data, ..network::lenet(), loss.clone()]).unwrap();
    let mut wide = net(layers![memory(2, 20, 1.0), ..network::lenet(), loss]).unwrap();
    let backend = backend_cpu::Cpu::with_threads(1).unwrap();
    let predictor = |top: &str, parameters: usize| {
        let parameters = &checkpoint.parameters[..parameters];
        text(Predictor::new(&backend, &lenet, ("data", &[1, 28, 28]), top, parameters))
    };
    let mut into_a_file = solver(1);
    into_a_file.add_coffee_break(Snapshot::new(&snapshots(&path)), Every::Iters(1));
    check(
        "Snapshots and weights",
        folder.path(),
        &[
            ("A snapshot that does not exist", resume("run/snapshot-000009.hdf5", &mut fresh())),
            ("A snapshot of another method", resume("foreign", &mut fresh())),
            ("A snapshot of another net", resume("run", &mut small)),
            ("A snapshot of a run with other data", resume("run", &mut other)),
            ("A snapshot that is damaged", without_number(resume("damaged", &mut fresh()), "numbers end at byte ")),
            ("Snapshots into a file", text(into_a_file.solve(&mut fresh()))),
            ("Weights of another shape", text(load_weights(&mut wide, &checkpoint.parameters))),
            ("A file without weights", text(read_weights(at("train.hdf5")))),
            ("Prediction without all weights", predictor("ip2", 6)),
            ("Prediction from a blob that is not there", predictor("prob", 8)),
        ],
    );
}

/// The text with the number after `before` left out: it changes with every property that a layer gets.
fn without_number(text: String, before: &str) -> String {
    let Some((head, tail)) = text.split_once(before) else { return text };
    format!("{head}{before}N{}", tail.trim_start_matches(|c: char| c.is_ascii_digit()))
}
