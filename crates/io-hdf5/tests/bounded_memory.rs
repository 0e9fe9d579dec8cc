//! A data set many times larger than `memory_limit` is trained from in bounded memory, stored in one run or gzipped. This is the
//! 20 GB file of the requirements, scaled down; alone in its process, since it looks at the memory of all of it.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use backend_cpu::Cpu;
use io_hdf5::Hdf5Data;
use layers::{Net, layers};
use std::{fs, path::Path};

const FILES: usize = 8;
const ROWS: usize = 4096;
const ROW: usize = 784;

#[test]
fn resident_memory_stays_far_below_the_data() {
    for gzipped in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let mut list = String::new();
        for file in 0..FILES {
            write(&folder.path().join(format!("{file}.hdf5")), file, gzipped);
            list += &format!("{file}.hdf5\n");
        }
        let source = folder.path().join("list.txt");
        fs::write(&source, list).unwrap();

        let limit = 8 << 20;
        let before = resident_bytes();
        let layer = Hdf5Data::new("train", source).batch_size(64).shuffle(true).memory_limit(limit);
        let mut net = Net::new("net", &Cpu::with_threads(1).unwrap(), layers![layer]).unwrap();
        let (mut most, mut seen) = (0, vec![0u32; FILES * ROWS]);
        for _ in 0..FILES * ROWS / 64 {
            net.forward().unwrap();
            for label in net.blob("label").unwrap().data.read::<f32>().unwrap() {
                seen[label as usize] += 1;
            }
            most = most.max(resident_bytes());
        }
        assert!(seen.iter().all(|&count| count == 1), "every sample once");
        let (grown, data) = (most.saturating_sub(before), FILES * ROWS * ROW * 4);
        assert!(grown < 3 * limit, "{grown} bytes for a limit of {limit} and {data} bytes of data, gzipped: {gzipped}");
    }
}

/// File number `file` with its share of the samples, labelled by their numbers.
fn write(path: &Path, file: usize, gzipped: bool) {
    let data = vec![file as f32; ROWS * ROW];
    let label: Vec<f32> = (file * ROWS..(file + 1) * ROWS).map(|i| i as f32).collect();
    let mut builder = hdf5::FileBuilder::new();
    builder.create_dataset("label").with_f32_data(&label);
    let dataset = builder.create_dataset("data").with_f32_data(&data).with_shape(&[ROWS as u64, 1, 28, 28]);
    if gzipped {
        dataset.with_chunks(&[64, 1, 28, 28]).with_deflate(1);
    }
    builder.finish_to(fs::File::create(path).unwrap()).unwrap();
}

fn resident_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}
