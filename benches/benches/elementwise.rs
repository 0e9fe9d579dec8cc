//! Kernels that pass over memory, at sizes from Caffe's CIFAR-10 net and an MNIST net with dropout, with their throughput in
//! elements. `cargo bench -p crema-benches --bench elementwise`.
#![allow(missing_docs, clippy::unwrap_used)] // a bench has no callers, and stops at the first error

use backend_cpu::Cpu;
use core_tensor::{
    Backend, DType, Philox, Role, Shape, Tensor,
    ops::{Lrn, LrnMode, kernels},
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

criterion_group!(benches, lrn, dropout);
criterion_main!(benches);

fn lrn(criterion: &mut Criterion) {
    let cpu = Cpu::new().unwrap();
    let shape = Shape::new(&[100, 32, 16, 16]).unwrap();
    let [x, y, inverse] = std::array::from_fn(|_| tensor(&cpu, shape, Role::Data));
    let [dy, dx] = std::array::from_fn(|_| tensor(&cpu, shape, Role::Diff));
    for (name, mode, kernel, power) in [
        ("within 3x3", LrnMode::WithinChannel, 3, 0.75),
        ("within 5x5", LrnMode::WithinChannel, 5, 0.75),
        ("across 5", LrnMode::AcrossChannel, 5, 0.75),
        ("across 5, power 0.8", LrnMode::AcrossChannel, 5, 0.8),
    ] {
        let lrn = Lrn { mode, axis: 1, kernel, scale: 5e-5, shift: 1.0, power };
        let mut group = criterion.benchmark_group(format!("lrn {name}"));
        group.throughput(Throughput::Elements(shape.len() as u64));
        let forward = || kernels::lrn_forward(&cpu, &lrn, &x, &y, &inverse).unwrap();
        group.bench_function("forward", |bencher| bencher.iter(forward));
        let backward = || kernels::lrn_backward(&cpu, &lrn, &x, &y, &inverse, &dy, &dx).unwrap();
        group.bench_function("backward", |bencher| bencher.iter(backward));
        group.finish();
    }
}

fn dropout(criterion: &mut Criterion) {
    let cpu = Cpu::new().unwrap();
    let shape = Shape::new(&[100, 1200]).unwrap();
    let [x, y] = std::array::from_fn(|_| tensor(&cpu, shape, Role::Data));
    let mut mask = kernels::RandomMask { stream: Philox::new(0, "bench"), draw: 0, ratio: 0.5 };
    let mut group = criterion.benchmark_group("dropout");
    group.throughput(Throughput::Elements(shape.len() as u64));
    let mut apply = || {
        mask.draw += 1;
        kernels::dropout(&cpu, &mask, 2.0, &x, &y).unwrap();
    };
    group.bench_function("either way", |bencher| bencher.iter(&mut apply));
    group.finish();
}

/// A tensor of numbers between −0.5 and 0.5.
fn tensor(cpu: &Cpu, shape: Shape, role: Role) -> Tensor {
    let tensor = cpu.alloc(shape, DType::F32, role).unwrap();
    tensor.write(&(0..shape.len()).map(|i| (i % 101) as f32 / 100.0 - 0.5).collect::<Vec<_>>()).unwrap();
    tensor
}
