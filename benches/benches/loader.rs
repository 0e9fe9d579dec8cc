//! Loading: `Hdf5Data`, shuffled, over a contiguous file of 60,000x1x28x28 f32 numbers, the size of MNIST. A net with nothing
//! but the data layer, so a forward pass is a batch that has come into the net's own layout. In memory, and streamed as a file
//! would be that is larger than `memory_limit`. `cargo bench -p crema-benches --bench loader`.
#![allow(missing_docs, clippy::unwrap_used)] // a bench has no callers, and stops at the first error

mod measure;

use backend_cpu::Cpu;
use core_tensor::Shape;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use io_hdf5::{Array, Hdf5Data, Numbers, write_arrays};
use layers::prelude::*;
use measure::{Elements, Speed, criterion};

const SAMPLES: usize = 60_000;
const BATCH: usize = 64;

criterion_group! { name = benches; config = criterion(Elements::Things("samples/s")); targets = loading }
criterion_main!(benches);

fn loading(criterion: &mut Criterion<Speed>) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("train.hdf5");
    let pixels: Vec<f32> = (0..SAMPLES * 784).map(|i| (i % 251) as f32 / 256.0).collect();
    let labels: Vec<f32> = (0..SAMPLES).map(|i| (i % 10) as f32).collect();
    let shape = |sizes: &[usize]| Shape::new(sizes).unwrap();
    let arrays = [
        Array { name: "data", shape: shape(&[SAMPLES, 1, 28, 28]), values: Numbers::F32(&pixels) },
        Array { name: "label", shape: shape(&[SAMPLES, 1]), values: Numbers::F32(&labels) },
    ];
    write_arrays(&file, &arrays, &[]).unwrap();
    drop((pixels, labels));
    let cpu = Cpu::with_threads(1).unwrap();
    let mut group = criterion.benchmark_group("Hdf5Data, shuffled, batch 64");
    group.throughput(Throughput::Elements(BATCH as u64));
    for (name, memory_limit) in [("in memory", 1 << 30), ("streamed in 32 MiB", 32 << 20)] {
        let data = Hdf5Data::new("data", &file).batch_size(BATCH).shuffle(true).memory_limit(memory_limit);
        let mut net = Net::new("bench", &cpu, layers![data]).unwrap();
        group.bench_function(name, |bencher| bencher.iter(|| net.forward().unwrap()));
    }
    group.finish();
}
