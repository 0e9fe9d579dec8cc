//! The kernels of the reference nets one by one, on all threads, in GFLOP/s and per cent of the peak that was measured just
//! before; those that only pass over memory in bytes per second. `cargo bench -p crema-benches --bench kernels`.
#![allow(missing_docs, clippy::unwrap_used)] // a bench has no callers, and stops at the first error

mod measure;

use backend_cpu::Cpu;
use core_tensor::{
    Backend, DType, Role, Shape, Size2, Tensor,
    ops::{
        AffineBackward, AffineForward, AffinePlan, Algorithm, Convolution, Gradient, InnerProduct, Neuron, PoolMethod,
        Pooling,
        kernels::{self, Adam, Decay, Rms, Update},
    },
};
use crema_benches::peak_gflops;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use measure::{Elements, Speed, criterion};

/// The batch of LeNet's layers.
const BATCH: usize = 64;

criterion_group! {
    name = benches;
    config = criterion(Elements::Operations { peak_gflops: peak_gflops(&Cpu::new().unwrap()) });
    targets = convolution, inner_product, pooling, update
}
criterion_main!(benches);

fn convolution(criterion: &mut Criterion<Speed>) {
    // (name, batch, channels, side, filters, kernel, pad)
    let layers = [
        ("LeNet conv1", BATCH, 1, 28, 20, 5, 0),
        ("LeNet conv2", BATCH, 20, 12, 50, 5, 0),
        ("CIFAR-10 conv1", 100, 3, 32, 32, 5, 2),
        ("CIFAR-10 conv2", 100, 32, 16, 32, 5, 2),
        ("CIFAR-10 conv3", 100, 32, 8, 64, 5, 2),
        ("3x3, 64 channels", 32, 64, 32, 64, 3, 1),
        ("3x3, 128 channels", 32, 128, 16, 128, 3, 1),
        ("3x3, 256 channels", 32, 256, 8, 256, 3, 1),
    ];
    let cpu = Cpu::new().unwrap();
    for (name, batch, channels, side, filters, kernel, pad) in layers {
        let square = |side| Size2 { width: side, height: side };
        let mut benched = "";
        for algorithm in [Algorithm::Auto, Algorithm::Direct] {
            let convolution = Convolution {
                input: shape(&[batch, channels, side, side]),
                dtype: DType::F32,
                filters,
                kernel: square(kernel),
                stride: square(1),
                pad: square(pad),
                dilation: square(1),
                groups: 1,
                neuron: Neuron::Identity,
                algorithm,
            };
            let mut plan = cpu.convolution(&convolution).unwrap();
            // Where direct is what the backend would choose, once is enough.
            if benched != plan.algorithm() {
                benched = plan.algorithm();
                let shapes = [convolution.input, convolution.filter().unwrap(), convolution.output().unwrap()];
                let (name, from_images) = (format!("{name}, {benched}"), channels <= 3);
                affine(criterion, &name, &cpu, plan.as_mut(), shapes, convolution.flops(), !from_images);
            }
        }
    }
}

fn inner_product(criterion: &mut Criterion<Speed>) {
    let cpu = Cpu::new().unwrap();
    for (name, batch, inputs, outputs) in [
        ("LeNet ip1", BATCH, 800, 500),
        ("LeNet ip2", BATCH, 500, 10),
        ("MLP ip1", 100, 784, 1200),
        ("MLP ip2", 100, 1200, 1200),
    ] {
        let product =
            InnerProduct { input: shape(&[batch, inputs]), dtype: DType::F32, outputs, neuron: Neuron::Identity };
        let mut plan = cpu.inner_product(&product).unwrap();
        let shapes = [product.input, product.weight().unwrap(), product.output().unwrap()];
        affine(criterion, name, &cpu, plan.as_mut(), shapes, product.flops(), true);
    }
}

/// Forward, data gradient and weight gradient, each by itself.
fn affine(
    criterion: &mut Criterion<Speed>,
    name: &str,
    cpu: &Cpu,
    plan: &mut dyn AffinePlan,
    [input, weight, output]: [Shape; 3],
    flops: f64,
    data_gradient: bool,
) {
    let (x, w, y) = (tensor(cpu, input, Role::Data), tensor(cpu, weight, Role::Param), tensor(cpu, output, Role::Data));
    let (dx, dw, dy) =
        (tensor(cpu, input, Role::Diff), tensor(cpu, weight, Role::Param), tensor(cpu, output, Role::Diff));
    let bias = tensor(cpu, shape(&[weight.axis(0)]), Role::Param);
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(flops as u64));
    let forward = AffineForward { x: &x, weight: &w, bias: Some(&bias), y: &y };
    group.bench_function("forward", |bencher| bencher.iter(|| plan.forward(forward).unwrap()));
    let nothing = AffineBackward { x: &x, weight: &w, y: &y, dy: &dy, dx: None, dweight: None, dbias: None };
    if data_gradient {
        let call = AffineBackward { dx: Some(&dx), ..nothing };
        group.bench_function("data gradient", |bencher| bencher.iter(|| plan.backward(call).unwrap()));
    }
    let call = AffineBackward { dweight: Some(Gradient { target: &dw, add: false }), ..nothing };
    group.bench_function("weight gradient", |bencher| bencher.iter(|| plan.backward(call).unwrap()));
    group.finish();
}

fn pooling(criterion: &mut Criterion<Speed>) {
    let cpu = Cpu::new().unwrap();
    for (name, channels, side) in [("LeNet pool1", 20, 24), ("LeNet pool2", 50, 8)] {
        let pooling = Pooling {
            input: shape(&[BATCH, channels, side, side]),
            dtype: DType::F32,
            method: PoolMethod::Max,
            kernel: Size2 { width: 2, height: 2 },
            stride: Size2 { width: 2, height: 2 },
            pad: Size2 { width: 0, height: 0 },
        };
        let mut plan = cpu.pooling(&pooling).unwrap();
        let (x, dx) = (tensor(&cpu, pooling.input, Role::Data), tensor(&cpu, pooling.input, Role::Diff));
        let output = pooling.output().unwrap();
        let (y, dy) = (tensor(&cpu, output, Role::Data), tensor(&cpu, output, Role::Diff));
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes((x.storage().bytes() + y.storage().bytes()) as u64));
        group.bench_function("forward", |bencher| bencher.iter(|| plan.forward(&x, &y).unwrap()));
        group.bench_function("backward", |bencher| bencher.iter(|| plan.backward(&dy, &dx).unwrap()));
        group.finish();
    }
}

fn update(criterion: &mut Criterion<Speed>) {
    let cpu = Cpu::new().unwrap();
    let [w, v, m, gradient] = std::array::from_fn(|_| tensor(&cpu, shape(&[500, 800]), Role::Param));
    let update = Update { rate: 1e-6, decay: Decay { l2: 1e-3, l1: 0.0 }, gradient: &gradient, w: &w };
    let adam = Adam { beta1: 0.9, beta2: 0.999, step: 1e-6, epsilon: 1e-8, decoupled: false };
    let rms = Rms { keep: 0.99, add: 0.01, epsilon: 1e-8 };
    let mut group = criterion.benchmark_group("update");
    let bytes = |accesses: u64| Throughput::Bytes(accesses * 4 * 500 * 800);
    group.throughput(bytes(5));
    group.bench_function("sgd", |b| b.iter(|| kernels::sgd_update(&cpu, update, 0.9, &v).unwrap()));
    group.bench_function("nesterov", |b| b.iter(|| kernels::nesterov_update(&cpu, update, 0.9, &v).unwrap()));
    group.throughput(bytes(7));
    for history in [&v, &m] {
        kernels::fill(&cpu, history, 0.0).unwrap(); // squares are not negative
    }
    group.bench_function("adam", |b| b.iter(|| kernels::adam_update(&cpu, update, adam, &m, &v).unwrap()));
    group
        .bench_function("adadelta", |b| b.iter(|| kernels::adadelta_update(&cpu, update, 0.95, 1e-6, &v, &m).unwrap()));
    group.throughput(bytes(5));
    group.bench_function("rms", |b| b.iter(|| kernels::rms_update(&cpu, update, rms, &v).unwrap()));
    group.finish();
}

fn shape(sizes: &[usize]) -> Shape {
    Shape::new(sizes).unwrap()
}

/// A tensor of numbers between −0.5 and 0.5.
fn tensor(cpu: &Cpu, shape: Shape, role: Role) -> Tensor {
    let tensor = cpu.alloc(shape, DType::F32, role).unwrap();
    tensor.write(&(0..shape.len()).map(|i| (i % 101) as f32 / 100.0 - 0.5).collect::<Vec<_>>()).unwrap();
    tensor
}
