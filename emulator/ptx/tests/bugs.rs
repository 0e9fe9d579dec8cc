//! The checker finds every seeded mistake of `cu/bugs.cu`, names it rightly, and in every order of threads.

mod device;

use device::{Device, ORDERS};
use ptx::{
    Argument::{I32, U64},
    Fault::{
        self, DivergentBarrier, DivergentWarp, Endless, Misaligned, OutOfBounds, Race, ReadOnly, Trap, Uninitialised,
        UseAfterFree,
    },
    Outcome,
};

const PTX: &str = include_str!("cu/bugs.ptx");

/// A kernel's name, the fault that it must give, and how it is launched.
type Case = (&'static str, Fault, fn(&mut Device, &str) -> Outcome);

const CASES: &[Case] = &[
    ("missing_tail_guard", OutOfBounds, |d, name| {
        let y = d.fresh(4 * 100);
        d.launch(name, 2, 64, 0, &[I32(100), U64(y)])
    }),
    ("reads_one_too_far", OutOfBounds, map),
    ("wrong_stride", OutOfBounds, |d, name| {
        let (x, y) = (d.floats(&[1.0; 100]), d.fresh(400));
        d.launch(name, 1, 64, 0, &[I32(100), I32(10), U64(x), U64(y)])
    }),
    ("swapped_indices", OutOfBounds, |d, name| {
        let (x, y) = (d.floats(&[1.0; 50]), d.fresh(200));
        d.launch(name, 1, 64, 0, &[I32(5), I32(10), U64(x), U64(y)])
    }),
    ("negative_index", OutOfBounds, map),
    ("pad_without_guard", OutOfBounds, |d, name| {
        let (x, y) = (d.floats(&[1.0; 100]), d.fresh(400));
        d.launch(name, 1, 64, 0, &[I32(100), I32(2), U64(x), U64(y)])
    }),
    ("host_pointer", OutOfBounds, |d, name| {
        let (x, y) = ([1.0_f32; 100], d.fresh(400));
        d.launch(name, 1, 64, 0, &[I32(100), U64(x.as_ptr() as u64), U64(y)])
    }),
    ("shared_too_small", OutOfBounds, |d, name| {
        let (x, y) = (d.floats(&[1.0; 64]), d.fresh(256));
        d.launch(name, 1, 64, 4 * 63, &[I32(64), U64(x), U64(y)])
    }),
    ("static_shared_overrun", OutOfBounds, map),
    ("local_overrun", OutOfBounds, map),
    ("int_overflow", OutOfBounds, |d, name| {
        let (x, y) = (d.floats(&[1.0; 100]), d.fresh(400));
        d.launch(name, 1, 64, 0, &[I32(100), I32(1 << 29), U64(x), U64(y)])
    }),
    ("missing_barrier", Race, map),
    ("missing_barrier_in_loop", Race, |d, name| {
        let (x, y) = (d.floats(&[1.0; 128]), d.fresh(512));
        d.launch(name, 1, 64, 0, &[I32(2), U64(x), U64(y)])
    }),
    ("missing_barrier_in_tree", Race, map),
    ("trusts_the_warp", Race, |d, name| {
        let (x, y) = (d.floats(&[1.0; 32]), d.fresh(4));
        d.launch(name, 1, 32, 0, &[I32(32), U64(x), U64(y)])
    }),
    ("shared_race", Race, |d, name| {
        let x: Vec<f32> = (0..64).map(|i| i as f32).collect();
        let (x, y) = (d.floats(&x), d.fresh(256));
        d.launch(name, 1, 64, 0, &[I32(64), U64(x), U64(y)])
    }),
    ("not_atomic", Race, |d, name| {
        let sum = d.floats(&[0.0]);
        d.launch(name, 2, 32, 0, &[I32(64), U64(sum)])
    }),
    ("scatter_gradient", Race, |d, name| {
        let (dy, dx) = (d.floats(&[1.0; 64]), d.floats(&[0.0; 16]));
        d.launch(name, 1, 64, 0, &[I32(64), I32(4), U64(dy), U64(dx)])
    }),
    ("between_blocks", Race, |d, name| {
        let x = d.floats(&[0.0; 64]);
        d.launch(name, 2, 32, 0, &[I32(64), U64(x)])
    }),
    ("atomic_and_plain", Race, |d, name| {
        let (counter, y) = (d.ints(&[0]), d.fresh(256));
        d.launch(name, 2, 32, 0, &[I32(64), U64(counter), U64(y)])
    }),
    ("overlapping_windows", Race, |d, name| {
        let (x, y) = (d.floats(&[1.0; 64]), d.fresh(4 * 65));
        d.launch(name, 1, 64, 0, &[I32(64), U64(x), U64(y)])
    }),
    ("unwritten_shared", Uninitialised, |d, name| {
        let y = d.fresh(512);
        d.launch(name, 1, 128, 0, &[I32(128), U64(y)])
    }),
    ("accumulates_into_fresh", Uninitialised, map),
    ("unwritten_global", Uninitialised, |d, name| {
        let (x, y) = (d.fresh(256), d.fresh(256));
        d.launch(name, 1, 64, 0, &[I32(64), U64(x), U64(y)])
    }),
    ("misaligned_vector", Misaligned, |d, name| {
        let (x, y) = (d.floats(&[1.0; 200]), d.fresh(256));
        d.launch(name, 1, 64, 0, &[I32(64), U64(x), U64(y)])
    }),
    ("double_in_floats", Misaligned, |d, name| {
        let (x, y) = (d.floats(&[1.0; 200]), d.fresh(512));
        d.launch(name, 1, 64, 0, &[I32(64), U64(x), U64(y)])
    }),
    ("divergent_barrier", DivergentBarrier, fill),
    ("early_return", DivergentBarrier, |d, name| {
        let y = d.fresh(256);
        d.launch(name, 1, 64, 0, &[I32(50), U64(y)])
    }),
    ("barrier_in_uneven_loop", DivergentBarrier, |d, name| {
        let y = d.fresh(256);
        d.launch(name, 1, 64, 0, &[I32(100), U64(y)])
    }),
    ("partial_shuffle", DivergentWarp, |d, name| {
        let y = d.fresh(128);
        d.launch(name, 1, 32, 0, &[I32(20), U64(y)])
    }),
    // The compiler sees the mistake and leaves a trap in its place.
    ("writes_constant", Trap, |d, name| {
        let y = d.fresh(4);
        d.launch(name, 1, 4, 0, &[I32(4), U64(y)])
    }),
    ("never_ends", Endless, |d, name| {
        let flag = d.ints(&[0]);
        d.launch(name, 1, 1, 0, &[I32(1), U64(flag)])
    }),
];

/// 64 threads from `x` to `y`, 64 floats each.
fn map(device: &mut Device, name: &str) -> Outcome {
    let (x, y) = (device.floats(&[1.0; 64]), device.fresh(256));
    device.launch(name, 1, 64, 0, &[I32(64), U64(x), U64(y)])
}

/// 64 threads that write 64 floats.
fn fill(device: &mut Device, name: &str) -> Outcome {
    let y = device.fresh(256);
    device.launch(name, 1, 64, 0, &[I32(64), U64(y)])
}

#[test]
fn every_bug_is_found() {
    for order in ORDERS {
        for (name, fault, launch) in CASES {
            let mut device = Device::new("bugs.ptx", PTX, order);
            let outcome = launch(&mut device, name);
            assert!(outcome.reports.iter().all(|report| report.kernel == *name && report.line > 0));
            let mut found = Device::faults(&outcome);
            // Who does not wait may also come before the first write.
            found.retain(|other| (*fault, *other) != (Race, Uninitialised));
            assert_eq!(found, [*fault], "{name}, {order:?}: {:#?}", outcome.reports);
        }
    }
}

#[test]
fn every_kernel_has_a_case() {
    let device = Device::new("bugs.ptx", PTX, ORDERS[0]);
    let untried = device.program.kernels().filter(|kernel| !CASES.iter().any(|case| case.0 == kernel.name));
    assert_eq!(untried.map(|kernel| kernel.name.as_str()).collect::<Vec<_>>(), [""; 0]);
    assert!(CASES.len() >= 20, "{}", CASES.len());
}

#[test]
fn reports_say_where() {
    let mut device = Device::new("bugs.ptx", PTX, ORDERS[0]);
    let y = device.fresh(4 * 100);
    let outcome = device.launch("missing_tail_guard", 2, 64, 0, &[I32(100), U64(y)]);
    let report = &outcome.reports[0];
    let line = PTX.lines().nth(report.line as usize - 1).unwrap();
    assert!(line.contains("st.global.u32"), "{line}");
    let expected = format!(
        "OutOfBounds: kernel `missing_tail_guard`, bugs.ptx:{}, block [1, 0, 0], thread [36, 0, 0], global address {:#x}: \
         4 bytes, 0 bytes behind the end of allocation 1 of 400 bytes",
        report.line,
        y + 400
    );
    assert_eq!(report.to_string(), expected);
    assert!(outcome.stopped);
}

#[test]
fn freed_memory_is_recognized() {
    let mut device = Device::new("bugs.ptx", PTX, ORDERS[0]);
    let (x, y) = (device.floats(&[1.0; 64]), device.fresh(256));
    device.memory.free(x).unwrap();
    let outcome = device.launch("unwritten_global", 1, 64, 0, &[I32(64), U64(x), U64(y)]);
    assert_eq!(Device::faults(&outcome), [UseAfterFree]);
    assert!(outcome.reports[0].what.ends_with("byte 0 of allocation 1 of 256 bytes, which has been freed"));
}

#[test]
fn constants_and_arguments_are_read_only() {
    let head = ".version 7.8\n.const .align 4 .b8 t[4];\n.entry k(.param .u32 p) { .reg .b64 %rd<2>;\n";
    for body in ["mov.u64 %rd1, t; cvta.const.u64 %rd1, %rd1; st.u32 [%rd1], 1;", "st.param.u32 [p], 1;"] {
        let mut device = Device::new("k.ptx", &format!("{head}{body} }}"), ORDERS[0]);
        let outcome = device.launch("k", 1, 1, 0, &[I32(1)]);
        assert_eq!(Device::faults(&outcome), [ReadOnly], "{body}");
    }
}
