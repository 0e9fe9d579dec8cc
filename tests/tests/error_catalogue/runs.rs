//! Mistakes in a solver's settings, and snapshots that do not fit.

use crate::{
    check,
    common::{network, solver, training_net, write_sample},
    memory, net, text,
};
use io_hdf5::{Hdf5Data, snapshots};
use layers::prelude::*;
use solver::{Every, LrPolicy, MomPolicy, Sgd, Snapshot, Solver, ValidationPerformance, load_weights};
use std::fs;

#[test]
fn runs_and_snapshots() {
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

    let resume = |place: &str, net: &mut Net| solver(4).load_from(&snapshots(at(place))).solve(net);
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

    let mut diverging = Solver::new(Sgd::new().lr_policy(LrPolicy::fixed(1e9))).max_iter(50);
    let sgd = |sgd: Sgd| text(Solver::new(sgd).max_iter(1).solve(&mut training_net(folder.path(), 1, 0, &lenet)));
    let fresh = || training_net(folder.path(), 1, 0, &network::lenet());
    let mut validation = solver(1);
    validation.add_coffee_break(ValidationPerformance::new(fresh()), Every::Iters(1));
    let mut never = solver(1);
    never.add_coffee_break(Snapshot::new(&store), Every::Iters(0));
    let mut into_a_file = solver(1);
    into_a_file.add_coffee_break(Snapshot::new(&snapshots(&path)), Every::Iters(1));
    check(
        folder.path(),
        &[
            (
                "snapshot file that does not exist",
                text(resume("run/snapshot-000009.hdf5", &mut fresh())),
                "run/snapshot-000009.hdf5: cannot read the snapshot: No such file or directory (os error 2)",
            ),
            (
                "snapshot of another method",
                text(resume("foreign", &mut fresh())),
                "snapshot foreign/snapshot-000002.hdf5: it was written by method Adam, and this solver's is SGD; to take \
             over its parameters alone, use `load_weights`; to start from scratch, choose another place",
            ),
            (
                "snapshot of another net",
                text(resume("run", &mut small)),
                "snapshot run/snapshot-000002.hdf5: parameter `ip1___weight` has shape 500x800 and 400000 f32 numbers, \
             and the net needs shape 10x784 and 7840 f32 numbers; to take over its parameters alone, use \
             `load_weights`; to start from scratch, choose another place",
            ),
            (
                "snapshot of a run with other data",
                text(resume("run", &mut other)),
                "snapshot run/snapshot-000002.hdf5: the state of the net's layers does not fit: layer `train-data` \
             (Hdf5Data): the saved position in the data is one among 5000 samples; expected a position among 1000, \
             the samples of this data set; to take over its parameters alone, use `load_weights`; to start from \
             scratch, choose another place",
            ),
            (
                "weights of another shape",
                text(load_weights(&mut wide, &checkpoint.parameters)),
                "parameter `ip1___weight` in the snapshot is of shape 500x800; expected 500x200, as in net `catalogue`; \
             rename the layer if it shall be trained anew",
            ),
            (
                "damaged snapshot",
                without_number(text(resume("damaged", &mut fresh())), "numbers end at byte "),
                "damaged: no intact snapshot among the 1 that are there; remove them to start from scratch. damaged/snapshot-000002.hdf5: \
             dataset `crema`: this is damaged, cut off, not HDF5, or HDF5 of a kind that is not read here: its \
             numbers end at byte N, the file at 100000",
            ),
            (
                "snapshots into a file",
                text(into_a_file.solve(&mut fresh())),
                "run/snapshot-000002.hdf5: this names a file; snapshots are saved into a directory",
            ),
            (
                "learning rate far too large",
                text(diverging.solve(&mut fresh())),
                "training diverged at iteration 3: the loss is NaN, and the first blob with a NaN or infinite value is \
             `pool2` (output of layer `conv2`, Convolution, with layer `pool2`, Pooling). The last good snapshot is \
             kept. Try a smaller learning rate, or look at the input data",
            ),
            (
                "negative learning rate",
                sgd(Sgd::new().lr_policy(LrPolicy::fixed(-0.1))),
                "the learning rate policy's base_lr is -0.1; expected a finite number, 0 or more",
            ),
            (
                "momentum of one",
                sgd(Sgd::new().mom_policy(MomPolicy::fixed(1.0))),
                "the momentum policy's base_mom is 1; expected at least 0 and less than 1",
            ),
            (
                "validation net of other layers",
                text(validation.solve(&mut fresh())),
                "the validation net `MNIST-train` is without any parameter of the net `MNIST-train` that is trained; \
             expected one built from the same layer objects, as in `layers![data, ..common, accuracy]`",
            ),
            (
                "a coffee break every 0 iterations",
                text(never.solve(&mut fresh())),
                "how often coffee break `snapshot` is taken is Iters(0); expected every 1 or more",
            ),
            (
                "a net without a loss",
                text(solver(1).solve(&mut net(layers![memory(2, 28, 1.0), ..network::lenet()]).unwrap())),
                "net `catalogue` is without a loss layer, or built for inference; expected one that can be trained, with parameters and a loss \
             such as SoftmaxLoss",
            ),
        ],
    );
}

/// The text with the number after `before` left out: it changes with every property that a layer gets.
fn without_number(text: String, before: &str) -> String {
    let Some((head, tail)) = text.split_once(before) else { return text };
    format!("{head}{before}N{}", tail.trim_start_matches(|c: char| c.is_ascii_digit()))
}
