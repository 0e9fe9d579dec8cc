//! Every update rule computes on CUDA what it computes on the CPU: the reference cases, and the same bits on random numbers.

use crate::{case, fake::on_the_fake, golden_solvers};
use backend_cpu::{Cpu, Level};
use core_tensor::{
    Backend, DType, RngStream, Role, Shape, Tensor,
    ops::kernels::{self, Adam, Decay, Rms, Update},
};
use layers::Initializer;
use std::sync::Arc;

#[test]
fn reference_cases() {
    on_the_fake("solvers::reference_cases", |cuda| {
        let backends: [Arc<dyn Backend>; 1] = [Arc::new(cuda.clone())];
        let cases: Vec<_> = case::all().into_iter().filter(|case| case.kind == "solver").collect();
        for case in &cases {
            golden_solvers::run_on_all(case, &backends).unwrap_or_else(|message| panic!("{}: {message}", case.name));
        }
        println!("{} reference cases passed", cases.len());
        assert!(!cases.is_empty());
    });
}

/// More elements than the grid has threads, and no multiple of a block.
const ELEMENTS: usize = 70_001;

/// An update rule with two histories, of which it may leave one alone.
type Rule = fn(&dyn Backend, Update<'_>, &Tensor, &Tensor) -> core_tensor::Result<()>;

const ADAM: Adam = Adam { beta1: 0.9, beta2: 0.99, step: 0.02, epsilon: 1e-8, decoupled: false };
const RULES: [(&str, Rule); 6] = [
    ("sgd", |backend, update, v, _| kernels::sgd_update(backend, update, 0.9, v)),
    ("nesterov", |backend, update, v, _| kernels::nesterov_update(backend, update, 0.9, v)),
    ("adam", |backend, update, m, v| kernels::adam_update(backend, update, ADAM, m, v)),
    ("adam, decoupled", |backend, update, m, v| {
        kernels::adam_update(backend, update, Adam { decoupled: true, ..ADAM }, m, v)
    }),
    ("rms", |backend, update, h, _| {
        kernels::rms_update(backend, update, Rms { keep: 0.9, add: 0.1, epsilon: 1e-8 }, h)
    }),
    ("adadelta", |backend, update, h, s| kernels::adadelta_update(backend, update, 0.95, 1e-6, h, s)),
];

fn tensor(backend: &dyn Backend, dtype: DType, seed: u64) -> Tensor {
    let tensor = backend.alloc(Shape::new(&[ELEMENTS]).unwrap(), dtype, Role::Param).unwrap();
    // Histories are sums of squares for some rules.
    let mean = if seed < 2 { 0.0 } else { 9.0 };
    Initializer::Gaussian { mean, std: 1.0 }.fill(&tensor, &mut RngStream::new(seed, "update")).unwrap();
    tensor
}

/// The parameter and both histories after three updates.
fn run(backend: &dyn Backend, dtype: DType, rule: Rule) -> Vec<f64> {
    let [gradient, w, a, b] = [0, 1, 2, 3].map(|seed| tensor(backend, dtype, seed));
    let update = Update { rate: 0.05, decay: Decay { l2: 0.01, l1: 0.003 }, gradient: &gradient, w: &w };
    (0..3).for_each(|_| rule(backend, update, &a, &b).unwrap());
    [w, a, b].iter().flat_map(|tensor| tensor.read::<f64>().unwrap()).collect()
}

#[test]
fn the_bits_are_those_of_the_cpu() {
    on_the_fake("solvers::the_bits_are_those_of_the_cpu", |cuda| {
        if Level::detect() == Level::Portable {
            println!("SKIPPED: this processor rounds twice where CUDA rounds once");
            return;
        }
        let cpu = Cpu::new().unwrap();
        for (name, rule) in RULES {
            for dtype in [DType::F32, DType::F64] {
                let (found, expected) = (run(cuda, dtype, rule), run(&cpu, dtype, rule));
                let different = found.iter().zip(&expected).filter(|(a, b)| a.to_bits() != b.to_bits()).count();
                assert_eq!(different, 0, "{name} in {dtype}");
            }
        }
    });
}

#[test]
fn norms_agree_with_the_cpu() {
    on_the_fake("solvers::norms_agree_with_the_cpu", |cuda| {
        for (dtype, tolerance) in [(DType::F32, 1e-7), (DType::F64, 1e-14)] {
            let norm = |backend: &dyn Backend| -> Vec<f64> {
                let (x, result) =
                    (tensor(backend, dtype, 0), backend.alloc(Shape::new(&[3]).unwrap(), dtype, Role::Param));
                let result = result.unwrap();
                kernels::fill(backend, &result, 7.0).unwrap();
                kernels::l2_norm(backend, &x, 1, &result).unwrap();
                kernels::scale(backend, -0.5, &x).unwrap();
                [result, x].iter().flat_map(|tensor| tensor.read::<f64>().unwrap()).collect()
            };
            let (found, expected) = (norm(cuda), norm(&Cpu::new().unwrap()));
            assert!((found[1] / expected[1] - 1.0).abs() <= tolerance, "{} instead of {}", found[1], expected[1]);
            assert!(found[0] == 7.0 && found[2..] == expected[2..], "{dtype}");
        }
    });
}
