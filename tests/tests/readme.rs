//! The tutorial in README.md, so that its code compiles and runs. `cargo xtask tidy` checks that both have the same lines.
//!
//! The run that it starts is over at once, because it finds a snapshot of the last iteration.

mod common;

use common::{network, training_net, write_sample};
use std::{env, error::Error, fs};

#[test]
fn the_tutorial_runs() -> Result<(), Box<dyn Error>> {
    // The tutorial's paths are relative; this test program has no other test that could be disturbed.
    let folder = tempfile::tempdir()?;
    env::set_current_dir(folder.path())?;
    fs::create_dir("data")?;
    write_sample("data".as_ref());
    let snapshots = io_hdf5::snapshots("snapshots");
    let mut first = common::solver(1);
    first.coffee_lounge(io_hdf5::statistics("snapshots/statistics.hdf5"));
    first.add_coffee_break(TrainingSummary::new(), Every::Iters(1));
    first.add_coffee_break(Snapshot::new(&snapshots), Every::Iters(1));
    first.solve(&mut training_net("data".as_ref(), 1, 1, &network::lenet()))?;
    let (_, mut checkpoint) = snapshots.load_newest()?.ok_or("no snapshot")?;
    checkpoint.iteration = 10_000;
    snapshots.save(&checkpoint)?;

    use io_hdf5::Hdf5Data;
    use layers::prelude::*;

    let data = Hdf5Data::new("train-data", "data/train.txt").batch_size(64).shuffle(true);

    let common = layers![
        Convolution::new("conv1", 20, (5, 5)).bottom("data").top("conv1"),
        Pooling::max("pool1", (2, 2)).stride((2, 2)).bottom("conv1").top("pool1"),
        Convolution::new("conv2", 50, (5, 5)).bottom("pool1").top("conv2"),
        Pooling::max("pool2", (2, 2)).stride((2, 2)).bottom("conv2").top("pool2"),
        InnerProduct::new("ip1", 500).neuron(Neuron::ReLU).bottom("pool2").top("ip1"),
        InnerProduct::new("ip2", 10).bottom("ip1").top("ip2"),
    ];

    let loss = SoftmaxLoss::new("loss").bottoms(["ip2", "label"]);

    let backend = backend_cpu::Cpu::new()?;
    let mut net = Net::new("MNIST-train", &backend, layers![data, ..common, loss])?;

    use solver::{Every, LrPolicy, MomPolicy, Sgd, Snapshot, Solver, TrainingSummary, ValidationPerformance};

    let snapshots = io_hdf5::snapshots("snapshots");
    let method = Sgd::new().lr_policy(LrPolicy::inv(0.01, 0.0001, 0.75)).mom_policy(MomPolicy::fixed(0.9));
    let mut solver = Solver::new(method).max_iter(10_000).regu_coef(0.0005).load_from(&snapshots);

    solver.coffee_lounge(io_hdf5::statistics("snapshots/statistics.hdf5")).every_n_iter(1000);

    solver.add_coffee_break(TrainingSummary::new(), Every::Iters(100));
    solver.add_coffee_break(Snapshot::new(&snapshots), Every::Iters(5000));

    let test_data = Hdf5Data::new("test-data", "data/test.txt").batch_size(100);
    let accuracy = Accuracy::new("test-accuracy").bottoms(["ip2", "label"]);
    let test_net = Net::new("MNIST-test", &backend, layers![test_data, ..common, accuracy])?;
    solver.add_coffee_break(ValidationPerformance::new(test_net), Every::Iters(1000));

    solver.solve(&mut net)?;

    use ndarray::Array4;
    use solver::Predictor;

    let parameters = io_hdf5::read_weights("snapshots/snapshot-010000.hdf5")?;
    let mut predictor = Predictor::new(&backend, &common, ("data", &[1, 28, 28]), "ip2", &parameters)?;

    let file = io_hdf5::File::open("data/test.hdf5")?;
    let mut pixels = vec![0.0_f32; 28 * 28];
    file.dataset("data")?.read_rows(0, 1, &mut pixels)?;
    let digit = Array4::from_shape_vec((1, 1, 28, 28), pixels)?;
    let probabilities = predictor.predict(digit.clone())?;
    println!("Correct label: {}", file.dataset("label")?.read::<f32>()?[0]);
    println!("Label probability vector: {probabilities}");

    let image = MemoryData::new("image", 1).zeros("data", [1, 1, 28, 28]);
    let prob = Softmax::new("prob").bottom("ip2").top("prob");
    let mut run_net = Net::new("MNIST-run", &backend, layers![image, ..common, prob])?;
    solver::load_weights(&mut run_net, &parameters)?;
    run_net.state_mut::<MemoryDataState>("image")?.set("data", digit)?;
    run_net.forward()?;
    let by_hand: Vec<f32> = run_net.blob("prob")?.data.read()?;

    let statistics = io_hdf5::statistics("snapshots/statistics.hdf5").load()?.unwrap_or_default();
    for (iteration, value) in &statistics["obj_val"] {
        println!("{iteration} {value}");
    }

    assert_eq!((by_hand.len(), by_hand), (10, probabilities.into_raw_vec_and_offset().0));
    Ok(())
}
