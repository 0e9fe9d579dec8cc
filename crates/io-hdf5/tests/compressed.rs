//! Compressed files: the same samples as from a file without chunks, unpacked ahead on the layer's own thread, in bounded memory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use backend_cpu::Cpu;
use io_hdf5::Hdf5Data;
use layers::{Net, layers};
use std::{fs, path::Path, thread, time::Duration};

const ROWS: usize = 8192;
const ROW: usize = 6;
const BATCH: usize = 8;
/// Memory for two pools of 1024 samples, an eighth of all; a sample and its label are seven f32.
const LITTLE: u64 = 4 * 1024 * 7 * 4;

/// Data of shape (8192, 2, 3) with labels 0, 1, ...; in chunks of so many samples, shuffled (the filter) and gzipped, or in one run.
fn write(path: &Path, chunk_rows: Option<u64>) {
    let mut builder = hdf5::FileBuilder::new();
    for (name, row, shape) in [("data", ROW, &[ROWS as u64, 2, 3][..]), ("label", 1, &[ROWS as u64])] {
        let values: Vec<f32> = (0..ROWS * row).map(|i| if row == 1 { i as f32 } else { (i as f32).sqrt() }).collect();
        let dataset = builder.create_dataset(name);
        dataset.with_f32_data(&values).with_shape(shape);
        if let Some(rows) = chunk_rows {
            let chunk: Vec<u64> = [rows].into_iter().chain(shape[1..].iter().copied()).collect();
            dataset.with_chunks(&chunk).with_shuffle().with_deflate(6);
        }
    }
    builder.finish_to(fs::File::create(path).unwrap()).unwrap();
}

fn net(path: &Path, shuffle: bool, memory: u64) -> Net {
    let layer = Hdf5Data::new("train", path).batch_size(BATCH).shuffle(shuffle).memory_limit(memory);
    Net::new("net", &Cpu::with_threads(1).unwrap(), layers![layer]).unwrap()
}

fn read(net: &Net, blob: &str) -> Vec<f32> {
    net.blob(blob).unwrap().data.read().unwrap()
}

#[test]
fn order_and_bits_are_those_of_a_file_without_chunks() {
    let folder = tempfile::tempdir().unwrap();
    let [plain, packed] = ["plain.h5", "packed.h5"].map(|name| folder.path().join(name));
    write(&plain, None);
    // As many samples as a window of the file without chunks has, so that windows are shuffled alike.
    write(&packed, Some(64));
    assert!(fs::metadata(&packed).unwrap().len() < fs::metadata(&plain).unwrap().len());
    for (shuffle, memory) in [(false, LITTLE), (false, 1 << 30), (true, LITTLE), (true, 1 << 30)] {
        let (mut expected, mut found) = (net(&plain, shuffle, memory), net(&packed, shuffle, memory));
        for _ in 0..3 * ROWS / BATCH {
            expected.forward().unwrap();
            found.forward().unwrap();
            for blob in ["data", "label"] {
                assert_eq!(read(&found, blob), read(&expected, blob), "{blob}, shuffle {shuffle}, memory {memory}");
            }
        }
    }
}

/// With chunks of 64 samples the ring holds seven batches of eight: these still come after the file has been destroyed.
#[test]
fn batches_are_unpacked_ahead() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("packed.h5");
    // The thread cannot be asked how far it is. On a busy machine it may need longer to get there.
    for wait in [50, 500, 5000] {
        write(&path, Some(64));
        let mut net = net(&path, false, LITTLE);
        // The next window is read for the ninth batch, so that a ring of three would stop after three more.
        let used = 5;
        for _ in 0..used {
            net.forward().unwrap();
        }
        thread::sleep(Duration::from_millis(wait));
        fs::File::options().write(true).open(&path).unwrap().set_len(0).unwrap();
        let mut ahead = 0;
        while net.forward().is_ok() {
            let expected = (used + ahead) * BATCH..(used + ahead + 1) * BATCH;
            assert_eq!(read(&net, "label"), expected.map(|i| i as f32).collect::<Vec<_>>());
            ahead += 1;
            assert!(ahead < ROWS / BATCH, "a file without bytes cannot go on for ever");
        }
        if ahead >= 7 {
            return;
        }
    }
    panic!("fewer than seven batches were ready");
}
