//! One training iteration of LeNet at batch 64 from memory: forward, backward, update. Elements are iterations, so criterion
//! prints iterations per second. `cargo bench -p crema-benches --bench lenet`.
#![allow(missing_docs, clippy::unwrap_used)] // a bench has no callers, and stops at the first error

use backend_cpu::Cpu;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use layers::prelude::*;
use ndarray::{Array2, Array4};
use solver::{LrPolicy, MomPolicy, Sgd, Solver};

const BATCH: usize = 64;
/// Iterations of one measurement; a run's setup is spread over them.
const ITERATIONS: u64 = 50;

criterion_group!(benches, training, inference);
criterion_main!(benches);

fn training(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("LeNet training, batch 64");
    group.sample_size(20).throughput(Throughput::Elements(ITERATIONS));
    for threads in [1, 2] {
        let cpu = Cpu::with_threads(threads).unwrap();
        let loss = SoftmaxLoss::new("loss").bottoms(["ip2", "label"]);
        let mut net = Net::new("bench", &cpu, layers![data(BATCH), ..lenet(), loss]).unwrap();
        let sgd = || Sgd::new().lr_policy(LrPolicy::inv(0.01, 0.0001, 0.75)).mom_policy(MomPolicy::fixed(0.9));
        let name = format!("{threads} thread{}", if threads == 1 { "" } else { "s" });
        group.bench_function(name, |bencher| {
            bencher.iter(|| Solver::new(sgd()).max_iter(ITERATIONS).solve(&mut net).unwrap());
        });
    }
    group.finish();
}

fn inference(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("LeNet inference");
    let cpu = Cpu::new().unwrap();
    for batch in [1, 100] {
        let softmax = Softmax::new("prob").bottom("ip2").top("prob");
        let mut net = Net::new("bench", &cpu, layers![data(batch), ..lenet(), softmax]).unwrap();
        group.throughput(Throughput::Elements(batch as u64));
        group.bench_function(format!("batch {batch}"), |bencher| bencher.iter(|| net.forward().unwrap()));
    }
    group.finish();
}

/// One batch of noise that repeats.
fn data(batch: usize) -> MemoryData {
    let images =
        Array4::from_shape_fn((batch, 1, 28, 28), |(n, _, y, x)| ((n * 31 + y * 17 + x * 7) % 256) as f32 / 256.0);
    let labels = Array2::from_shape_fn((batch, 1), |(n, _)| (n % 10) as f32);
    MemoryData::new("data", batch).array("data", images).array("label", labels)
}

fn lenet() -> LayerList {
    layers![
        Convolution::new("conv1", 20, (5, 5)).bottom("data").top("conv1"),
        Pooling::max("pool1", (2, 2)).stride((2, 2)).bottom("conv1").top("pool1"),
        Convolution::new("conv2", 50, (5, 5)).bottom("pool1").top("conv2"),
        Pooling::max("pool2", (2, 2)).stride((2, 2)).bottom("conv2").top("pool2"),
        InnerProduct::new("ip1", 500).neuron(Neuron::ReLU).bottom("pool2").top("ip1"),
        InnerProduct::new("ip2", 10).bottom("ip1").top("ip2"),
    ]
}
