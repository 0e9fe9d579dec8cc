//! The reference nets: training iterations and inference, from memory. Elements are iterations or images, so criterion prints
//! how many of them there are in a second. `cargo bench -p crema-benches --bench nets`.
#![allow(missing_docs, clippy::unwrap_used)] // a bench has no callers, and stops at the first error

use crema_benches::{Reference, cpu, inference, training};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use layers::prelude::*;
use solver::{LrPolicy, MomPolicy, Sgd, Solver};
use std::{thread, time::Duration};

criterion_group!(benches, iterations, images);
criterion_main!(benches);

/// Forward, backward and update.
fn iterations(criterion: &mut Criterion) {
    let all = thread::available_parallelism().map_or(1, usize::from);
    for &reference in Reference::ALL {
        // Of one measurement; a run's setup is spread over them.
        let iterations: u64 = if matches!(reference, Reference::Lenet) { 50 } else { 10 };
        let mut group = criterion.benchmark_group(format!("{reference} training, batch {}", reference.batch()));
        group.sample_size(10).measurement_time(Duration::from_secs(10)).throughput(Throughput::Elements(iterations));
        for threads in if all > 1 { vec![1, all] } else { vec![1] } {
            let cpu = cpu(Some(threads), None).unwrap();
            let mut net = Net::new("bench", &cpu, training(reference, reference.batch())).unwrap();
            let sgd = || Sgd::new().lr_policy(LrPolicy::inv(0.01, 0.0001, 0.75)).mom_policy(MomPolicy::fixed(0.9));
            let name = format!("{threads} thread{}", if threads == 1 { "" } else { "s" });
            group.bench_function(name, |bencher| {
                bencher.iter(|| Solver::new(sgd()).max_iter(iterations).solve(&mut net).unwrap());
            });
        }
        group.finish();
    }
}

fn images(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lenet inference");
    let cpu = cpu(None, None).unwrap();
    for batch in [1, 100] {
        let mut net = Net::new("bench", &cpu, inference(Reference::Lenet, batch)).unwrap();
        group.throughput(Throughput::Elements(batch as u64));
        group.bench_function(format!("batch {batch}"), |bencher| bencher.iter(|| net.forward().unwrap()));
    }
    group.finish();
}
