//! Loading: how many samples a second a net gets from [`Hdf5Data`], and how long it waits for them beside training.
//! `cargo bench -p io-hdf5`; under `taskset -c 0` it is what one core delivers.
//!
//! The data have MNIST's shape, 60000x1x28x28 in f32 (188 MB), in batches of 64, shuffled. The bench is here rather than in
//! `benches/` because this is the only crate that can write a gzipped file.
#![allow(missing_docs, clippy::unwrap_used)] // a bench has no callers, and stops at the first error

use backend_cpu::Cpu;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use io_hdf5::Hdf5Data;
use layers::{Net, layers};
use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

const SAMPLES: usize = 60_000;
const PIXELS: usize = 28 * 28;
const BATCH: usize = 64;
/// Everything fits.
const ALL: u64 = 1 << 30;
/// A sixth fits; the rest is streamed.
const SOME: u64 = 32 << 20;
/// What training computes between two batches, at 500 iterations a second.
const COMPUTING: Duration = Duration::from_millis(2);

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = throughput, waiting
}
criterion_main!(benches);

/// Loading and nothing else, steadily: the first batch, which waits for the files, is not counted.
fn throughput(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let mut group = criterion.benchmark_group("loader");
    group.throughput(Throughput::Elements(BATCH as u64)).measurement_time(Duration::from_secs(3));
    for (name, path, memory) in files(folder.path()) {
        let mut net = net(&path, memory);
        net.forward().unwrap();
        group.bench_function(name, |bencher| bencher.iter(|| net.forward().unwrap()));
    }
    group.finish();
}

/// What an iteration waits for its batch while the next ones are read and unpacked on the layer's own thread.
fn waiting(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let mut group = criterion.benchmark_group("loader beside training");
    // Only what is waited for is measured, some ten microseconds of two milliseconds.
    group.sample_size(10).measurement_time(Duration::from_millis(50));
    for (name, path, memory) in files(folder.path()) {
        let mut net = net(&path, memory);
        net.forward().unwrap();
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|batches| {
                let mut waited = Duration::ZERO;
                for _ in 0..batches {
                    let computing = Instant::now();
                    while computing.elapsed() < COMPUTING {
                        std::hint::spin_loop();
                    }
                    let asked = Instant::now();
                    net.forward().unwrap();
                    waited += asked.elapsed();
                }
                waited
            });
        });
    }
    group.finish();
}

fn net(path: &Path, memory: u64) -> Net {
    let layer = Hdf5Data::new("train", path).batch_size(BATCH).shuffle(true).memory_limit(memory);
    Net::new("bench", &Cpu::with_threads(1).unwrap(), layers![layer]).unwrap()
}

/// What is measured: a name, a file, and the memory for its samples.
fn files(folder: &Path) -> [(&'static str, PathBuf, u64); 4] {
    let [plain, gzipped] = ["plain.hdf5", "gzipped.hdf5"].map(|name| folder.join(name));
    write(&plain, None);
    // As h5py does with chunks=(500, 1, 28, 28), compression="gzip".
    write(&gzipped, Some(500));
    [
        ("contiguous, in memory", plain.clone(), ALL),
        ("contiguous, streamed", plain, SOME),
        ("gzip, in memory", gzipped.clone(), ALL),
        ("gzip, streamed", gzipped, SOME),
    ]
}

/// Bytes / 256 as in MNIST, four fifths of them zero, in one run or gzipped in chunks of so many samples.
fn write(path: &Path, chunk_rows: Option<u64>) {
    let mut state = 1_u32;
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223); // Numerical Recipes' generator
        state >> 16
    };
    // Runs of ink and of paper, so that gzip finds what it finds in digits.
    let mut pixels = Vec::with_capacity(SAMPLES * PIXELS);
    while pixels.len() < SAMPLES * PIXELS {
        pixels.extend((0..random() % 8).map(|_| (random() % 256) as f32 / 256.0));
        pixels.extend((0..random() % 32).map(|_| 0.0));
    }
    pixels.truncate(SAMPLES * PIXELS);
    let labels: Vec<f32> = (0..SAMPLES).map(|_| (random() % 10) as f32).collect();
    let mut builder = hdf5::FileBuilder::new();
    builder.create_dataset("label").with_f32_data(&labels);
    let data = builder.create_dataset("data").with_f32_data(&pixels).with_shape(&[SAMPLES as u64, 1, 28, 28]);
    if let Some(rows) = chunk_rows {
        data.with_chunks(&[rows, 1, 28, 28]).with_deflate(4);
    }
    builder.finish_to(fs::File::create(path).unwrap()).unwrap();
}
