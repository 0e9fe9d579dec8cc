//! The program as a user runs it, killed and started again: a run that was killed at any moment and restarted with the same
//! command ends with the same bits as one that never stopped.
#![cfg(unix)] // signals
#![allow(clippy::unwrap_used, clippy::panic)] // a test that cannot go on shall panic

mod program;

use io_hdf5::snapshots;
use program::{Program, kill};
use solver::Checkpoint;
use std::time::Duration;

const ITERATIONS: u64 = 180;

/// Few iterations, many snapshots; a batch size that does not divide the sample.
fn command(threads: usize) -> Program {
    let train = Program::new().args(["train", "--batch-size", "24", "--display-every", "10", "--snapshot-every", "15"]);
    train.args(["--test-every", "90", "--max-iter", &ITERATIONS.to_string(), "--threads", &threads.to_string()])
}

/// All that the last snapshot holds.
fn result(program: &Program) -> Checkpoint {
    let (path, checkpoint) = snapshots(program.folder().join("snapshots")).load_newest().unwrap().unwrap();
    assert!(path.ends_with("snapshot-000180.hdf5"), "{}", path.display());
    checkpoint
}

#[test]
fn killed_and_restarted_run_is_equal_bit_for_bit() {
    let uninterrupted = command(1);
    assert_eq!(uninterrupted.run().code, Some(0));
    let expected = result(&uninterrupted);
    assert_eq!(expected.parameters.len(), 8);
    let mut random = Random::from_time();
    for threads in [1, 2] {
        let program = command(threads);
        let mut kills = Vec::new();
        // Each life is long enough to write a snapshot now and then, so that the run gets on; the last one may finish.
        loop {
            let mut child = program.start();
            let life = Duration::from_millis(random.between(30, 900));
            if kills.len() < 6 && !child.ends_within(life) {
                kill(&child, "KILL");
                child.wait();
                kills.push(life.as_millis());
                continue;
            }
            let output = child.wait();
            assert_eq!(output.code, Some(0), "{}", output.stderr);
            break;
        }
        println!("{threads} threads: killed after {kills:?} ms");
        let found = result(&program);
        assert_eq!(found.parameters, expected.parameters, "parameters, {threads} threads");
        assert_eq!(found.history, expected.history, "momentum, {threads} threads");
        assert_eq!(found.meta.statistics, expected.meta.statistics, "statistics, {threads} threads");
        assert_eq!(found.meta.layers, expected.meta.layers, "data position, {threads} threads");
    }
}

#[test]
fn asked_to_stop_it_saves_says_so_and_goes_on() {
    let uninterrupted = command(2);
    assert_eq!(uninterrupted.run().code, Some(0));
    let program = command(2);
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        let mut child = program.start();
        child.wait_for("TRAIN");
        kill(&child, signal);
        let output = child.wait();
        assert_eq!(output.code, Some(code), "{}{}", output.stdout, output.stderr);
        assert!(output.stdout.contains("the same command again goes on from there"), "{}", output.stdout);
        assert_eq!(output.stderr, "");
    }
    let output = program.run();
    assert_eq!(output.code, Some(0));
    assert!(output.stdout.contains("resumed at iteration"), "{}", output.stdout);
    assert_eq!(result(&program), result(&uninterrupted));
    let again = program.run();
    assert_eq!(again.code, Some(0));
    assert!(again.stdout.contains("Nothing to do"), "{}", again.stdout);
}

/// Random numbers, other ones each time.
struct Random(u64);

impl Random {
    fn from_time() -> Self {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Random(now.as_nanos() as u64)
    }

    /// SplitMix64.
    fn between(&mut self, low: u64, high: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        low + (z ^ (z >> 31)) % (high - low)
    }
}
