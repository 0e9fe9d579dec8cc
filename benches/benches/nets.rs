//! The reference nets: training iterations per second, and images per second in inference, from memory.
//! `cargo bench -p crema-benches --bench nets`.
#![allow(missing_docs, clippy::unwrap_used)] // a bench has no callers, and stops at the first error

mod measure;

use crema_benches::{Reference, cpu, inference, training};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use layers::prelude::*;
use measure::{Elements, Speed, criterion};
use solver::{LrPolicy, MomPolicy, Sgd, Solver};
use std::thread;

criterion_group! { name = training_benches; config = criterion(Elements::Things("it/s")); targets = iterations }
criterion_group! { name = inference_benches; config = criterion(Elements::Things("images/s")); targets = images }
criterion_main!(training_benches, inference_benches);

/// Forward, backward and update.
fn iterations(criterion: &mut Criterion<Speed>) {
    let all = thread::available_parallelism().map_or(1, usize::from);
    for &reference in Reference::ALL {
        // Of one measurement; a run's setup is spread over them.
        let iterations = if reference == Reference::Lenet { 50 } else { 10 };
        let mut group = criterion.benchmark_group(format!("{reference} training, batch {}", reference.batch()));
        group.sample_size(10).throughput(Throughput::Elements(iterations));
        for threads in if all > 1 { vec![1, all] } else { vec![1] } {
            let cpu = cpu(Some(threads), None).unwrap();
            let mut net = Net::new("bench", &cpu, training(reference, reference.batch())).unwrap();
            let sgd = || Sgd::new().lr_policy(LrPolicy::inv(0.01, 0.0001, 0.75)).mom_policy(MomPolicy::fixed(0.9));
            group.bench_function(counted(threads), |bencher| {
                bencher.iter(|| Solver::new(sgd()).max_iter(iterations).solve(&mut net).unwrap());
            });
        }
        group.finish();
    }
}

/// From images in the user's memory to probabilities in the user's memory.
fn images(criterion: &mut Criterion<Speed>) {
    let mut group = criterion.benchmark_group("lenet inference");
    let all = thread::available_parallelism().map_or(1, usize::from);
    for threads in if all > 1 { vec![1, all] } else { vec![1] } {
        let cpu = cpu(Some(threads), None).unwrap();
        for batch in [1, 2, 4, 8, 16, 100] {
            let mut net = Net::new("bench", &cpu, inference(Reference::Lenet, batch)).unwrap();
            let mut probabilities = vec![0.0_f32; net.blob("prob").unwrap().data.shape().len()];
            group.throughput(Throughput::Elements(batch as u64));
            group.bench_function(format!("batch {batch}, {}", counted(threads)), |bencher| {
                bencher.iter(|| {
                    net.forward().unwrap();
                    net.blob("prob").unwrap().data.read_into(&mut probabilities).unwrap();
                });
            });
        }
    }
    group.finish();
}

fn counted(threads: usize) -> String {
    format!("{threads} thread{}", if threads == 1 { "" } else { "s" })
}
