//! Tests of everything below the layer: catalog, readers, worker.

use super::{
    catalog::Catalog,
    order::{Cursor, Order},
    prefetch::Prefetch,
    reader::reader,
};
use crate::{Array, Numbers, write_arrays};
use core_tensor::Shape;
use proptest::prelude::*;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Enough for everything.
const MUCH: u64 = 1 << 30;
/// Enough for 16 samples at a time, since a pool gets a quarter and a sample has 12 bytes.
const LITTLE: u64 = 16 * 12 * 4;

/// Writes files with `counts` samples and a list of them. Sample `i`, counted over all files, is `[i, i + 0.5]` and its label
/// is `i`, as f32, or as bytes in every other file.
fn numbered(folder: &Path, counts: &[usize]) -> PathBuf {
    let (mut list, mut next) = (String::new(), 0);
    for (file, &count) in counts.iter().enumerate() {
        let numbers = next..next + count;
        next += count;
        let data: Vec<f32> = numbers.clone().flat_map(|i| [i as f32, i as f32 + 0.5]).collect();
        let label: Vec<f32> = numbers.clone().map(|i| i as f32).collect();
        let bytes: Vec<u8> = numbers.map(|i| i as u8).collect();
        let label = if file % 2 == 0 { Numbers::F32(&label) } else { Numbers::U8(&bytes) };
        let shape = |sizes: &[usize]| Shape::new(sizes).unwrap();
        let arrays = [
            Array { name: "data", shape: shape(&[count, 1, 2]), values: Numbers::F32(&data) },
            Array { name: "label", shape: shape(&[count]), values: label },
        ];
        let name = format!("part-{file}.hdf5");
        write_arrays(folder.join(&name), &arrays, &[]).unwrap();
        list += &format!("{name}\r\n\n");
    }
    let path = folder.join("list.txt");
    fs::write(&path, list).unwrap();
    path
}

fn catalog(list: &Path) -> Arc<Catalog> {
    Arc::new(Catalog::new(list, &["data".into(), "label".into()]).unwrap())
}

fn prefetch(catalog: &Arc<Catalog>, shuffle: bool, memory: u64, batch_size: usize) -> Prefetch<f32> {
    let order = Order { layer: "train".into(), shuffle };
    let reader = reader(catalog.clone(), order, memory).unwrap();
    Prefetch::new(reader, catalog.clone(), batch_size, "train").unwrap()
}

fn start(seed: u64) -> Cursor {
    Cursor { seed, epoch: 0, position: 0 }
}

/// The numbers of the samples in a batch, those that count and the others, and where the next batch starts.
fn batch(prefetch: &mut Prefetch<f32>, cursor: Cursor, whole_epochs: bool) -> (Vec<usize>, usize, Cursor) {
    let batch = prefetch.next(cursor, whole_epochs).unwrap();
    let numbers: Vec<usize> = batch.tops[1].iter().map(|&label| label as usize).collect();
    for (sample, &number) in batch.tops[0].chunks(2).zip(&numbers) {
        assert_eq!(sample, [number as f32, number as f32 + 0.5], "data and label belong together");
    }
    let result = (numbers, batch.samples, batch.end);
    prefetch.give_back(batch).unwrap();
    result
}

/// The first `count` samples from a cursor on.
fn samples(prefetch: &mut Prefetch<f32>, mut cursor: Cursor, count: usize) -> Vec<usize> {
    let mut all = Vec::new();
    while all.len() < count {
        let (numbers, _, end) = batch(prefetch, cursor, false);
        all.extend(numbers);
        cursor = end;
    }
    all.truncate(count);
    all
}

#[test]
fn batches_run_over_the_borders_of_files_and_epochs() {
    let folder = tempfile::tempdir().unwrap();
    let catalog = catalog(&numbered(folder.path(), &[5, 1, 2]));
    for memory in [MUCH, LITTLE] {
        let mut prefetch = prefetch(&catalog, false, memory, 3);
        let (mut cursor, mut all) = (start(1), Vec::new());
        for _ in 0..8 {
            let (numbers, count, end) = batch(&mut prefetch, cursor, false);
            assert_eq!(count, 3);
            all.extend(numbers);
            cursor = end;
        }
        assert_eq!(all, (0..8).cycle().take(24).collect::<Vec<_>>());
        assert_eq!((cursor.epoch, cursor.position), (3, 0));
    }
}

#[test]
fn whole_epochs_stop_at_their_end() {
    let folder = tempfile::tempdir().unwrap();
    let catalog = catalog(&numbered(folder.path(), &[5, 1, 2]));
    let mut prefetch = prefetch(&catalog, false, MUCH, 3);
    let mut cursor = start(1);
    for _ in 0..2 {
        for (expected, count) in [([0, 1, 2], 3), ([3, 4, 5], 3), ([6, 7, 7], 2)] {
            let (numbers, samples, end) = batch(&mut prefetch, cursor, true);
            assert_eq!((numbers, samples), (expected.to_vec(), count));
            cursor = end;
        }
        assert_eq!(cursor.position, 0);
    }
    // A batch larger than the data set; and a change of mind about whole epochs.
    let mut large = self::prefetch(&catalog, false, MUCH, 10);
    assert_eq!(batch(&mut large, start(1), true).1, 8);
    let (numbers, count, _) = batch(&mut large, start(1), false);
    assert_eq!((numbers, count), (vec![0, 1, 2, 3, 4, 5, 6, 7, 0, 1], 10));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn every_sample_comes_once_in_each_epoch_and_any_place_can_be_resumed(
        counts in prop::collection::vec(0usize..40, 1..5),
        batch_size in 1usize..20,
        seed in 0u64..3,
        shuffle: bool,
        little: bool,
    ) {
        let total: usize = counts.iter().sum();
        prop_assume!(total > 0);
        let folder = tempfile::tempdir().unwrap();
        let catalog = catalog(&numbered(folder.path(), &counts));
        let memory = if little { LITTLE } else { MUCH };
        let mut one = prefetch(&catalog, shuffle, memory, batch_size);
        let all = samples(&mut one, start(seed), 3 * total);
        for epoch in all.chunks(total) {
            let mut sorted = epoch.to_vec();
            sorted.sort_unstable();
            prop_assert_eq!(sorted, (0..total).collect::<Vec<_>>());
        }
        if !shuffle {
            prop_assert_eq!(&all, &(0..total).cycle().take(3 * total).collect::<Vec<_>>());
        }
        // Another worker, sent to a place, and the same worker, sent back to it.
        let mut other = prefetch(&catalog, shuffle, memory, batch_size);
        for place in (0..2 * total).step_by(1 + total / 3) {
            let cursor = Cursor { seed, epoch: (place / total) as u64, position: place % total };
            for worker in [&mut one, &mut other] {
                prop_assert_eq!(&samples(worker, cursor, total)[..], &all[place..place + total]);
            }
        }
    }
}

#[test]
fn shuffled_orders_differ_between_epochs_and_seeds_and_mix_files() {
    let folder = tempfile::tempdir().unwrap();
    let catalog = catalog(&numbered(folder.path(), &[100, 80, 60]));
    for memory in [MUCH, LITTLE] {
        let mut prefetch = prefetch(&catalog, true, memory, 7);
        let first = samples(&mut prefetch, start(1), 480);
        assert_ne!(first[..240], first[240..]);
        assert_ne!(first, samples(&mut prefetch, start(2), 480));
        // Each 16 samples, what a pool holds with little memory, come from far and wide.
        for part in first[..240].chunks(16) {
            let (low, high) = (part.iter().min().unwrap(), part.iter().max().unwrap());
            assert!(high - low > 50, "{part:?}");
        }
    }
}

#[test]
fn chunked_files_are_streamed_in_whole_chunks() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/samples.h5");
    let catalog = catalog(&fixture);
    assert!(catalog.windows(6).iter().all(|w| w.start % 4 == 0 && w.rows == 8.min(60 - w.start)));
    for memory in [MUCH, LITTLE] {
        let mut prefetch = prefetch(&catalog, false, memory, 9);
        assert_eq!(samples(&mut prefetch, start(0), 70), (0..60).chain(0..10).collect::<Vec<_>>());
        let mut shuffled = samples(&mut self::prefetch(&catalog, true, memory, 9), start(0), 60);
        shuffled.sort_unstable();
        assert_eq!(shuffled, (0..60).collect::<Vec<_>>());
    }
    let order = Order { layer: "train".into(), shuffle: true };
    let error = reader::<f32>(catalog, order, 100).err().unwrap().to_string();
    assert!(error.starts_with("memory_limit is 100 bytes; expected at least 192, since"), "{error}");
    assert!(error.ends_with("samples.h5 keeps 4 samples together"), "{error}");
}

#[test]
fn a_file_that_goes_bad_later_is_an_error_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let catalog = catalog(&numbered(folder.path(), &[50, 50]));
    let path = folder.path().join("part-1.hdf5");
    let whole = fs::read(&path).unwrap();
    // A contiguous file written by us ends with its data.
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    for memory in [MUCH, LITTLE] {
        let mut prefetch = prefetch(&catalog, false, memory, 10);
        for _ in 0..2 {
            let mut cursor = start(0);
            let error = loop {
                match prefetch.next(cursor, false) {
                    Ok(batch) => {
                        cursor = batch.end;
                        prefetch.give_back(batch).unwrap();
                    }
                    Err(error) => break error.to_string(),
                }
            };
            assert!(error.contains("part-1.hdf5: dataset"), "{error}");
        }
        // When the file is whole again, the same worker goes on.
        fs::write(&path, &whole).unwrap();
        assert_eq!(samples(&mut prefetch, start(0), 100), (0..100).collect::<Vec<_>>());
        fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    }
    fs::remove_file(&path).unwrap();
    let error = prefetch(&catalog, false, MUCH, 10).next(start(0), false).err().unwrap().to_string();
    assert!(error.contains("part-1.hdf5: cannot open the file"), "{error}");
}
