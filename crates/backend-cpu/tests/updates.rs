//! Update rules and norms over tensors of many chunks: what they compute, and that threads do not matter.

#![allow(clippy::unwrap_used)] // a test stops at the first error

use backend_cpu::{Cpu, Level};
use core_tensor::{
    Backend, DType, Error, Role, Shape, Tensor,
    ops::kernels::{self, Adam, Decay, Rms, Update},
};

/// No multiple of a lane, and several chunks.
const ELEMENTS: usize = 20_011;
const RATE: f64 = 0.05;
const DECAY: Decay = Decay { l2: 0.01, l1: 0.003 };
const ADAM: Adam = Adam { beta1: 0.8, beta2: 0.97, step: 0.02, epsilon: 1e-3, decoupled: false };
const RMS: Rms = Rms { keep: 0.9, add: 0.2, epsilon: 1e-3 };

/// An update rule on a backend, with two histories of which it may leave one alone.
type OnBackend = fn(&Cpu, Update<'_>, &Tensor, &Tensor) -> core_tensor::Result<()>;
/// The same in plain numbers: gradient, then w and both histories.
type InNumbers = fn(f64, [f64; 3]) -> [f64; 3];

const RULES: [(OnBackend, InNumbers); 6] = [
    (
        |cpu, update, v, _| kernels::sgd_update(cpu, update, 0.9, v),
        |gradient, [w, v, other]| {
            let v = 0.9 * v - RATE * decayed(gradient, w);
            [w + v, v, other]
        },
    ),
    (
        |cpu, update, v, _| kernels::nesterov_update(cpu, update, 0.9, v),
        |gradient, [w, v, other]| {
            let next = 0.9 * v - RATE * decayed(gradient, w);
            [w - 0.9 * v + 1.9 * next, next, other]
        },
    ),
    (
        |cpu, update, m, v| kernels::adam_update(cpu, update, ADAM, m, v),
        |gradient, [w, m, v]| adam(decayed(gradient, w), [w, m, v]),
    ),
    (
        |cpu, update, m, v| kernels::adam_update(cpu, update, Adam { decoupled: true, ..ADAM }, m, v),
        |gradient, [w, m, v]| adam(gradient, [w - RATE * decayed(0.0, w), m, v]),
    ),
    (
        |cpu, update, h, _| kernels::rms_update(cpu, update, RMS, h),
        |gradient, [w, h, other]| {
            let g = decayed(gradient, w);
            let h = 0.9 * h + 0.2 * g * g;
            [w - RATE * g / (h.sqrt() + 1e-3), h, other]
        },
    ),
    (
        |cpu, update, h, s| kernels::adadelta_update(cpu, update, 0.95, 1e-3, h, s),
        |gradient, [w, h, s]| {
            let g = decayed(gradient, w);
            let h = 0.95 * h + 0.05 * g * g;
            let d = (s + 1e-3).sqrt() / (h + 1e-3).sqrt() * g;
            [w - RATE * d, h, 0.95 * s + 0.05 * d * d]
        },
    ),
];

fn decayed(gradient: f64, w: f64) -> f64 {
    let sign = if w == 0.0 { 0.0 } else { w.signum() };
    gradient + DECAY.l2 * w + DECAY.l1 * sign
}

fn adam(g: f64, [w, m, v]: [f64; 3]) -> [f64; 3] {
    let (m, v) = (0.8 * m + 0.2 * g, 0.97 * v + 0.03 * g * g);
    [w - 0.02 * m / (v.sqrt() + 1e-3), m, v]
}

fn start() -> [Vec<f64>; 4] {
    let numbers = |seed: usize| (0..ELEMENTS).map(move |i| ((i * 7919 + seed * 104_729) % 2003) as f64 / 2003.0);
    let signed = |seed: usize| numbers(seed).map(|x| if x < 0.1 { 0.0 } else { x - 0.5 }).collect::<Vec<_>>();
    [signed(1), signed(2), numbers(3).collect(), numbers(4).collect()]
}

/// Gradient, w, and both histories as tensors.
fn tensors(cpu: &Cpu, dtype: DType) -> [Tensor; 4] {
    start().map(|numbers| {
        let tensor = cpu.alloc(Shape::new(&[ELEMENTS]).unwrap(), dtype, Role::Param).unwrap();
        tensor.write(&numbers).unwrap();
        tensor
    })
}

/// W and both histories after two updates.
fn run(cpu: &Cpu, dtype: DType, rule: OnBackend) -> [Vec<f64>; 3] {
    let [gradient, w, a, b] = tensors(cpu, dtype);
    for _ in 0..2 {
        rule(cpu, Update { rate: RATE, decay: DECAY, gradient: &gradient, w: &w }, &a, &b).unwrap();
    }
    [w, a, b].map(|tensor| tensor.read().unwrap())
}

#[test]
fn rules_follow_their_formulas() {
    let [gradient, w, a, b] = start();
    for (number, (on_backend, in_numbers)) in RULES.into_iter().enumerate() {
        for level in [Level::Portable, Level::Avx2, Level::Avx512] {
            if level > Level::detect() {
                continue;
            }
            for (dtype, tolerance) in [(DType::F32, 1e-6), (DType::F64, 1e-15)] {
                let found = run(&Cpu::with_level(2, level).unwrap(), dtype, on_backend);
                for i in 0..ELEMENTS {
                    let expected = in_numbers(gradient[i], in_numbers(gradient[i], [w[i], a[i], b[i]]));
                    for k in 0..3 {
                        let error = (found[k][i] - expected[k]).abs();
                        assert!(error <= tolerance, "rule {number}, {level} {dtype}: [{i}][{k}] is off by {error}");
                    }
                }
            }
        }
    }
}

#[test]
fn threads_do_not_matter() {
    let (one, three) = (Cpu::with_threads(1).unwrap(), Cpu::with_threads(3).unwrap());
    for (rule, _) in RULES {
        assert!(run(&one, DType::F32, rule) == run(&three, DType::F32, rule));
    }
}

#[test]
fn histories_never_become_denormal() {
    let cpu = Cpu::with_threads(1).unwrap();
    for (number, (rule, _)) in RULES.into_iter().enumerate() {
        let [gradient, w, a, b] = tensors(&cpu, DType::F32);
        kernels::fill(&cpu, &gradient, 0.0).unwrap();
        for history in [&a, &b] {
            kernels::fill(&cpu, history, 1.5e-38).unwrap();
        }
        let update = Update { rate: RATE, decay: Decay::default(), gradient: &gradient, w: &w };
        rule(&cpu, update, &a, &b).unwrap();
        for history in [a, b] {
            let values: Vec<f32> = history.read().unwrap();
            assert!(values.iter().all(|value| !value.is_subnormal()), "rule {number}");
        }
    }
}

#[test]
fn operands_that_do_not_fit_are_refused() {
    let cpu = Cpu::with_threads(1).unwrap();
    let [gradient, w, a, _] = tensors(&cpu, DType::F32);
    let short = cpu.alloc(Shape::new(&[7]).unwrap(), DType::F32, Role::Param).unwrap();
    let update = Update { rate: RATE, decay: DECAY, gradient: &gradient, w: &w };
    for (update, v) in [(update, &short), (Update { gradient: &short, ..update }, &a)] {
        let error = kernels::sgd_update(&cpu, update, 0.9, v).unwrap_err();
        assert!(matches!(error, Error::Shape { operation: "update.sgd", .. }), "{error}");
    }
}

#[test]
fn norms_count_each_number_once() {
    for dtype in [DType::F32, DType::F64] {
        let norm = |threads: usize, elements: usize, value: f64| -> f64 {
            let cpu = Cpu::with_threads(threads).unwrap();
            let tensor = |n: usize| cpu.alloc(Shape::new(&[n]).unwrap(), dtype, Role::Param).unwrap();
            let (x, result) = (tensor(elements), tensor(3));
            kernels::fill(&cpu, &x, value).unwrap(); // the pad too
            kernels::l2_norm(&cpu, &x, 1, &result).unwrap();
            let [before, norm, after] = result.read::<f64>().unwrap().try_into().unwrap();
            assert_eq!([before, after], [0.0; 2]);
            kernels::scale(&cpu, 0.5, &x).unwrap();
            assert!(x.read::<f64>().unwrap().iter().all(|&half| half == 0.5 * value));
            norm
        };
        assert_eq!(norm(1, 9, 2.0), 6.0);
        assert_eq!(norm(1, 16, 3.0), 12.0);
        assert_eq!(norm(2, 1_000_000, 0.5), 500.0);
        let large = norm(2, 10_000, 2f64.powi(100)); // its square is beyond f32
        assert_eq!(large, 100.0 * 2f64.powi(100));
    }
    let cpu = Cpu::with_threads(1).unwrap();
    let result = cpu.alloc(Shape::new(&[2]).unwrap(), DType::F32, Role::Param).unwrap();
    let blob = cpu.alloc(Shape::new(&[3, 5]).unwrap(), DType::F32, Role::Data).unwrap();
    assert!(kernels::l2_norm(&cpu, &blob, 0, &result).unwrap_err().to_string().contains("is a blob"));
    let message = kernels::l2_norm(&cpu, &result, 2, &result).unwrap_err().to_string();
    assert!(message.contains("the place of a norm is 2; expected less than 2"), "{message}");
}
