//! What denormal numbers cost: LeNet's training with ordinary numbers, with images so small that all in the net but the weights
//! is denormal, and with such weights. `cargo bench -p crema-benches --bench denormals`.
#![allow(missing_docs, clippy::unwrap_used)] // a bench has no callers, and stops at the first error

use crema_benches::{Reference, cpu, training};
use criterion::{Criterion, criterion_group, criterion_main};
use layers::prelude::*;
use ndarray::ArrayD;
use solver::{LrPolicy, Method, MomPolicy, Sgd};

criterion_group!(benches, iterations);
criterion_main!(benches);

/// Below 1.2e-38, the least normal number in f32.
const DENORMAL: f32 = 1e-39;

fn iterations(criterion: &mut Criterion) {
    let cpu = cpu(Some(1), None).unwrap();
    let mut group = criterion.benchmark_group("denormals, lenet training, 1 thread");
    for (name, images, weights) in
        [("ordinary numbers", 1.0, 1.0), ("denormal images", DENORMAL, 1.0), ("denormal weights", 1.0, DENORMAL)]
    {
        let mut net = Net::new("bench", &cpu, training(Reference::Lenet, Reference::Lenet.batch())).unwrap();
        scale(&mut net, images, weights);
        // The rate is zero, so that the weights stay what they are.
        let mut sgd = Sgd::new().lr_policy(LrPolicy::fixed(0.0)).mom_policy(MomPolicy::fixed(0.9));
        sgd.setup(&net).unwrap();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                net.forward().unwrap();
                net.backward().unwrap();
                sgd.update(1, &net, 0.0005).unwrap();
            });
        });
    }
    group.finish();
}

/// Multiplies all images and all weights.
fn scale(net: &mut Net, images: f32, weights: f32) {
    for param in net.params() {
        let values: Vec<f32> = param.data().read().unwrap();
        param.data().write(&values.iter().map(|value| value * weights).collect::<Vec<_>>()).unwrap();
    }
    net.forward().unwrap();
    let data = &net.blob("data").unwrap().data;
    let values: Vec<f32> = data.read().unwrap();
    let scaled = values.iter().map(|value| value * images).collect();
    let scaled = ArrayD::from_shape_vec(data.shape().sizes(), scaled).unwrap();
    net.state_mut::<MemoryDataState>("data").unwrap().set("data", scaled).unwrap();
}
