//! LeNet on real digits: the same weights as on the CPU, from one backend's snapshot to the other, and no memory asked for on
//! the way.

use crate::{
    common::{network, solver, write_sample},
    fake::on_the_fake,
};
use backend_cpu::Cpu;
use backend_cuda::Cuda;
use core_tensor::Backend;
use io_hdf5::Hdf5Data;
use layers::prelude::*;
use solver::{BreakContext, BreakResult, CoffeeBreak, Every, Snapshot};
use std::{
    path::Path,
    sync::{Arc, Mutex},
};

/// Images per iteration: few, since the kernels are interpreted.
const BATCH: usize = 8;
/// In f32, the largest difference of weights that is allowed, relative to the largest weight of the parameter.
const TOLERANCE: f64 = 1e-4;

/// The tutorial's training net.
pub(crate) fn net(folder: &Path, backend: &Arc<dyn Backend>, dtype: DType) -> layers::Result<Net> {
    let data = Hdf5Data::new("train-data", folder.join("train.txt")).batch_size(BATCH).shuffle(true);
    let loss = SoftmaxLoss::new("loss").bottoms(["ip2", "label"]);
    let lenet = network::lenet();
    Net::builder("MNIST-train").seed(5).dtype(dtype).build(backend, layers![data, ..lenet, loss])
}

/// Trains up to this iteration and gives the parameters; goes on from a snapshot in the folder, and leaves one there.
fn train(folder: &Path, backend: Arc<dyn Backend>, iterations: u64) -> Vec<(String, Vec<f64>)> {
    train_in(DType::F32, folder, backend, iterations)
}

fn train_in(dtype: DType, folder: &Path, backend: Arc<dyn Backend>, iterations: u64) -> Vec<(String, Vec<f64>)> {
    let (mut net, snapshots) = (net(folder, &backend, dtype).unwrap(), io_hdf5::snapshots(folder.join("snapshots")));
    let mut solver = solver(iterations).load_from(&snapshots);
    solver.add_coffee_break(Snapshot::new(&snapshots), Every::Iters(1000));
    solver.solve(&mut net).unwrap();
    net.params().iter().map(|param| (param.key(), param.data().read().unwrap())).collect()
}

fn sample() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_sample(folder.path());
    folder
}

fn cpu() -> Arc<dyn Backend> {
    Arc::new(Cpu::new().unwrap())
}

#[track_caller]
fn assert_close(found: &[(String, Vec<f64>)], expected: &[(String, Vec<f64>)], tolerance: f64) {
    assert_eq!((found.len(), expected.len()), (8, 8), "LeNet has four layers with two parameters each");
    for ((key, found), (_, expected)) in found.iter().zip(expected) {
        let largest = expected.iter().fold(0.0_f64, |largest, weight| largest.max(weight.abs()));
        let differences = found.iter().zip(expected).map(|(found, expected)| (found - expected).abs());
        let difference =
            differences.fold(0.0_f64, |most, difference| if difference <= most { most } else { difference });
        println!("{key}: largest difference {:.1e} of the largest weight", difference / largest);
        assert!(difference <= tolerance * largest, "{key}: {difference} of {largest}");
    }
}

/// In f64, where nothing hides behind rounding. In f32 a maximum of two nearly equal values is sooner or later decided
/// otherwise, and then the runs part: by 2e-4 of the largest weight within 10 iterations, 6e-4 within 20.
#[test]
fn lenet_has_the_same_weights_as_on_the_cpu() {
    on_the_fake("training::lenet_has_the_same_weights_as_on_the_cpu", |cuda| {
        let (on_cuda, on_cpu) = (sample(), sample());
        let found = train_in(DType::F64, on_cuda.path(), Arc::new(cuda.clone()), 20);
        let expected = train_in(DType::F64, on_cpu.path(), cpu(), 20);
        assert_close(&found, &expected, 1e-10);
        assert_ne!(found, train_in(DType::F64, sample().path(), cpu(), 19), "a test that cannot fail");
    });
}

#[test]
fn lenet_has_nearly_the_same_weights_in_f32() {
    on_the_fake("training::lenet_has_nearly_the_same_weights_in_f32", |cuda| {
        let found = train(sample().path(), Arc::new(cuda.clone()), 5);
        assert_close(&found, &train(sample().path(), cpu(), 5), 1e-5);
    });
}

#[test]
fn snapshots_go_from_one_backend_to_the_other() {
    on_the_fake("training::snapshots_go_from_one_backend_to_the_other", |cuda| {
        let [to_cpu, to_cuda, whole] = [sample(), sample(), sample()];
        let expected = train(whole.path(), cpu(), 6);
        train(to_cpu.path(), Arc::new(cuda.clone()), 3);
        assert_close(&train(to_cpu.path(), cpu(), 6), &expected, TOLERANCE);
        train(to_cuda.path(), cpu(), 3);
        assert_close(&train(to_cuda.path(), Arc::new(cuda.clone()), 6), &expected, TOLERANCE);
    });
}

#[test]
fn the_same_seed_gives_the_same_bits_also_after_a_resume() {
    on_the_fake("training::the_same_seed_gives_the_same_bits_also_after_a_resume", |cuda| {
        let [whole, resumed] = [sample(), sample()];
        let expected = train(whole.path(), Arc::new(cuda.clone()), 4);
        train(resumed.path(), Arc::new(cuda.clone()), 2);
        assert!(train(resumed.path(), Arc::new(cuda.clone()), 4) == expected, "the bits differ");
    });
}

/// Notes after each iteration how often memory has been asked for.
struct Watch(Cuda, Arc<Mutex<Vec<u64>>>);

impl CoffeeBreak for Watch {
    fn name(&self) -> &str {
        "watch"
    }
    fn enjoy(&mut self, _: &mut BreakContext<'_>) -> BreakResult {
        self.1.lock().unwrap().push(self.0.allocations());
        Ok(())
    }
}

#[test]
fn training_asks_for_no_memory_after_iteration_2() {
    on_the_fake("training::training_asks_for_no_memory_after_iteration_2", |cuda| {
        let (folder, counts) = (sample(), Arc::default());
        let mut net = net(folder.path(), &(Arc::new(cuda.clone()) as Arc<dyn Backend>), DType::F32).unwrap();
        let mut solver = solver(6);
        solver.add_coffee_break(Watch(cuda.clone(), Arc::clone(&counts)), Every::Iters(1));
        solver.solve(&mut net).unwrap();
        let counts = counts.lock().unwrap();
        assert!(counts.len() >= 6 && counts[2..].iter().all(|count| *count == counts[2]), "{counts:?}");
    });
}
