//! Same seed, same bits, for any number of threads.
#![allow(clippy::unwrap_used, clippy::panic)] // a test that cannot go on shall panic

mod common;

use common::{network, solver, training_net, write_sample};

const ITERATIONS: u64 = 30;

/// The bits of all parameters after training.
fn train(folder: &std::path::Path, threads: usize, seed: u64) -> Vec<(String, Vec<u32>)> {
    let mut net = training_net(folder, threads, seed, &network::lenet());
    solver(ITERATIONS).solve(&mut net).unwrap();
    let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect();
    net.params().iter().map(|param| (param.key(), bits(param.data().read().unwrap()))).collect()
}

#[test]
fn threads_do_not_change_a_bit() {
    let folder = tempfile::tempdir().unwrap();
    write_sample(folder.path());
    let one = train(folder.path(), 1, 7);
    assert_eq!(one.len(), 8, "LeNet has four layers with two parameters each");
    for threads in [1, 2, 3] {
        for ((key, expected), (_, found)) in one.iter().zip(train(folder.path(), threads, 7)) {
            let differing = expected.iter().zip(&found).filter(|(a, b)| a != b).count();
            assert_eq!(differing, 0, "{key}: {differing} of {} elements differ with {threads} threads", found.len());
        }
    }
    assert_ne!(one, train(folder.path(), 2, 8), "another seed must give other bits");
}
