//! What goes wrong with drivers, libraries and cards ends in an error that says so, and the snapshot on disk is whole.

use crate::{
    common::{solver, write_sample},
    fake::with_libraries,
    training::net,
};
use backend_cpu::Cpu;
use backend_cuda::Cuda;
use core_tensor::Backend;
use fake_cuda::{Control, Libraries};
use solver::{Every, Snapshot};
use std::sync::Arc;

/// What `Cuda::new` says in a process with these libraries.
#[track_caller]
fn refused(test: &str, libraries: &Libraries, environment: &[(&str, &str)], expected: &[&str]) {
    with_libraries(test, libraries, environment, || {
        let message = Cuda::new(0).err().map(|error| error.to_string()).unwrap_or_default();
        println!("{message}");
        for part in expected {
            assert!(message.contains(part), "{message:?} does not contain {part:?}");
        }
    });
}

#[test]
fn no_driver() {
    let libraries = Libraries::new().without_library("cuda");
    refused("faults::no_driver", &libraries, &[], &["the NVIDIA driver was not found", "libcuda.so", "driver 520"]);
}

#[test]
fn no_cublas() {
    let libraries = Libraries::new().without_library("cublas");
    refused("faults::no_cublas", &libraries, &[], &["cuBLAS was not found", "libcublas.so", "LD_LIBRARY_PATH"]);
}

#[test]
fn an_old_driver() {
    let version = [("FAKE_CUDA_DRIVER_VERSION", "11040")];
    refused("faults::an_old_driver", &Libraries::new(), &version, &["speaks CUDA 11.4", "11.8", "driver 520"]);
}

#[test]
fn no_card() {
    let devices = [("FAKE_CUDA_DEVICES", "0")];
    refused("faults::no_card", &Libraries::new(), &devices, &["backend `cuda`: ", "`nvidia-smi`"]);
}

/// Every function that the backend calls is looked for before it is called; without the check `cudarc` would panic.
#[test]
fn a_missing_function() {
    let libraries = Libraries::new().without_symbol("cuLaunchKernel");
    refused("faults::a_missing_function", &libraries, &[], &["has no function `cuLaunchKernel`"]);
}

#[test]
fn a_missing_function_of_cublas() {
    let libraries = Libraries::new().without_symbol("cublasSgemm_v2");
    refused("faults::a_missing_function_of_cublas", &libraries, &[], &["has no function `cublasSgemm_v2`"]);
}

/// Trains with a snapshot after each iteration until the fault, and then goes on from there on the CPU.
#[track_caller]
fn fails_in_training(test: &str, fault: (&str, &str), expected: &str) {
    with_libraries(test, &Libraries::new(), &[fault], || {
        let folder = tempfile::tempdir().unwrap();
        write_sample(folder.path());
        let snapshots = io_hdf5::snapshots(folder.path().join("snapshots"));
        let run = |backend: Arc<dyn Backend>, iterations| {
            let mut net = net(folder.path(), &backend, Default::default()).unwrap();
            let mut solver = solver(iterations).load_from(&snapshots);
            solver.add_coffee_break(Snapshot::new(&snapshots), Every::Iters(1));
            solver.solve(&mut net).map(|report| report.iterations_in_this_run).map_err(|error| {
                let (mut text, mut cause) = (error.to_string(), std::error::Error::source(&error));
                while let Some(error) = cause {
                    text = format!("{text}: {error}");
                    cause = error.source();
                }
                text
            })
        };
        let message = run(Arc::new(Cuda::new(0).unwrap()), 100).unwrap_err();
        println!("{message}");
        assert!(message.contains(expected), "{message:?} does not contain {expected:?}");
        let (_, checkpoint) = snapshots.load_newest().unwrap().unwrap();
        assert!(checkpoint.iteration >= 1, "the fault came before the first snapshot");
        let goal = checkpoint.iteration + 2;
        assert_eq!(run(Arc::new(Cpu::new().unwrap()), goal).unwrap(), 2);
    });
}

#[test]
fn a_kernel_that_fails() {
    fails_in_training(
        "faults::a_kernel_that_fails",
        ("FAKE_CUDA_FAIL_LAUNCH", "100"),
        "goes on from the last snapshot",
    );
}

#[test]
fn a_launch_that_is_refused() {
    fails_in_training(
        "faults::a_launch_that_is_refused",
        ("FAKE_CUDA_REFUSE_LAUNCH", "100"),
        "launching a kernel failed",
    );
}

#[test]
fn a_card_that_is_lost() {
    fails_in_training(
        "faults::a_card_that_is_lost",
        ("FAKE_CUDA_LOSE_DEVICE", "100"),
        "goes on from the last snapshot",
    );
}

#[test]
fn memory_that_cannot_be_had() {
    let test = "faults::memory_that_cannot_be_had";
    with_libraries(test, &Libraries::new(), &[("FAKE_CUDA_FAIL_ALLOCATION", "5")], || {
        let folder = tempfile::tempdir().unwrap();
        write_sample(folder.path());
        let cuda = Cuda::new(0).unwrap();
        let shape = core_tensor::Shape::new(&[64, 100]).unwrap();
        let tensors: Vec<_> = (0..10).map(|_| cuda.alloc(shape, Default::default(), core_tensor::Role::Data)).collect();
        let message = tensors.iter().find_map(|tensor| tensor.as_ref().err()).unwrap().to_string();
        println!("{message}");
        for part in ["out of memory: 1 MiB could not be had", "use a smaller batch"] {
            assert!(message.contains(part), "{message:?} does not contain {part:?}");
        }
        // What was freed can be had again.
        drop(tensors);
        assert!(cuda.alloc(shape, Default::default(), core_tensor::Role::Data).is_ok());
    });
}

/// Whichever allocation fails while LeNet is built and trained: it ends in an error that says so, and nothing is left behind.
#[test]
fn memory_that_runs_out_at_any_allocation() {
    with_libraries("faults::memory_that_runs_out_at_any_allocation", &Libraries::new(), &[], || {
        let control = Control::open().unwrap();
        let folder = tempfile::tempdir().unwrap();
        write_sample(folder.path());
        let train = || -> Result<(), String> {
            let cuda: Arc<dyn Backend> = Arc::new(Cuda::new(0).map_err(|error| error.to_string())?);
            let mut net = net(folder.path(), &cuda, Default::default()).map_err(|error| error.to_string())?;
            solver(1).solve(&mut net).map(|_| ()).map_err(|error| error.to_string())
        };
        let mut failures = 0;
        loop {
            control.reset().unwrap();
            control.set("fail_allocation", failures + 1).unwrap();
            let result = train();
            assert_eq!(control.messages().unwrap(), [""; 0], "allocation {}", failures + 1);
            assert_eq!(control.get("live_allocations").unwrap(), 0, "allocation {}", failures + 1);
            let Err(message) = result else { break };
            assert!(message.contains("out of memory"), "allocation {}: {message}", failures + 1);
            failures += 1;
        }
        println!("{failures} allocations failed in turn");
        assert!(failures > 20, "only {failures} allocations in all");
    });
}
