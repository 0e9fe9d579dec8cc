//! A data set many times larger than `memory_limit` is trained from in bounded memory. This is the 20 GB file of the
//! requirements, scaled down; alone in its process, since it looks at the memory of all of it.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use backend_cpu::Cpu;
use core_tensor::Shape;
use io_hdf5::{Array, Hdf5Data, Numbers, write_arrays};
use layers::{Net, layers};
use std::fs;

const FILES: usize = 8;
const ROWS: usize = 4096;
const ROW: usize = 784;

#[test]
fn resident_memory_stays_far_below_the_data() {
    let folder = tempfile::tempdir().unwrap();
    let mut list = String::new();
    for file in 0..FILES {
        let data = vec![file as f32; ROWS * ROW];
        let label: Vec<f32> = (file * ROWS..(file + 1) * ROWS).map(|i| i as f32).collect();
        let arrays = [
            Array { name: "data", shape: Shape::new(&[ROWS, 1, 28, 28]).unwrap(), values: Numbers::F32(&data) },
            Array { name: "label", shape: Shape::new(&[ROWS]).unwrap(), values: Numbers::F32(&label) },
        ];
        write_arrays(folder.path().join(format!("{file}.hdf5")), &arrays, &[]).unwrap();
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
    let grown = most.saturating_sub(before);
    assert!(grown < 3 * limit, "{grown} bytes for a limit of {limit} and {} bytes of data", FILES * ROWS * ROW * 4);
}

fn resident_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}
