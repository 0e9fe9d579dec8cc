//! Denormal numbers are computed with as IEEE 754 has it, by every thread and with every instruction set, and training does not
//! produce them by itself.
//!
//! The sum of denormal numbers is exact, since all are multiples of the least one. So results are compared with integers: a
//! thread that took denormal numbers for zero would be found.

#![allow(clippy::unwrap_used)]

use backend_cpu::{Cpu, Level};
use core_tensor::{
    Backend, DType, Role, Shape, Size2, Tensor,
    ops::{
        AffineForward, AffinePlan, Algorithm, Convolution, InnerProduct, Neuron,
        kernels::{Decay, Update, sgd_update},
    },
};

/// The least positive number in f32 is 2^-149.
fn multiple_of_least(count: u32) -> f32 {
    f32::from_bits(count)
}

/// Numbers below 100 without a pattern, as multiples of the least number.
fn counts(length: usize) -> Vec<u32> {
    (0..length).map(|i| (i * 7919 % 101) as u32).collect()
}

fn tensor(cpu: &Cpu, sizes: &[usize], role: Role, values: impl Fn(usize) -> f32) -> Tensor {
    let shape = Shape::new(sizes).unwrap();
    let tensor = cpu.alloc(shape, DType::F32, role).unwrap();
    tensor.write(&(0..shape.len()).map(values).collect::<Vec<_>>()).unwrap();
    tensor
}

/// All instruction sets of this machine, each on one thread and on four.
fn machines() -> Vec<Cpu> {
    let levels = [Level::Portable, Level::Avx2, Level::Avx512].into_iter().filter(|&level| level <= Level::detect());
    levels.flat_map(|level| [1, 4].map(|threads| Cpu::with_level(threads, level).unwrap())).collect()
}

/// What a plan makes of denormal numbers and weights of one.
fn sums(cpu: &Cpu, mut plan: Box<dyn AffinePlan>, input: &[usize], weight: Shape, output: Shape) -> Vec<u32> {
    let counts = counts(input.iter().product());
    let x = tensor(cpu, input, Role::Data, |i| multiple_of_least(counts[i]));
    let w = tensor(cpu, weight.sizes(), Role::Param, |_| 1.0);
    let y = cpu.alloc(output, DType::F32, Role::Data).unwrap();
    plan.forward(AffineForward { x: &x, weight: &w, bias: None, y: &y }).unwrap();
    y.read::<f32>().unwrap().into_iter().map(f32::to_bits).collect()
}

#[test]
fn inner_products_of_denormal_numbers_are_exact() {
    const INPUT: [usize; 2] = [40, 300];
    for cpu in machines() {
        let description = InnerProduct {
            input: Shape::new(&INPUT).unwrap(),
            dtype: DType::F32,
            outputs: 70,
            neuron: Neuron::Identity,
        };
        let (weight, output) = (description.weight().unwrap(), description.output().unwrap());
        let found = sums(&cpu, cpu.inner_product(&description).unwrap(), &INPUT, weight, output);
        let rows: Vec<u32> = counts(INPUT[0] * INPUT[1]).chunks(INPUT[1]).map(|row| row.iter().sum()).collect();
        let expected: Vec<u32> = rows.iter().flat_map(|&sum| [sum; 70]).collect();
        assert_eq!(found, expected, "{cpu:?}");
    }
}

#[test]
fn convolutions_of_denormal_numbers_are_exact() {
    const INPUT: [usize; 4] = [40, 2, 9, 9];
    for cpu in machines() {
        let description = Convolution {
            input: Shape::new(&INPUT).unwrap(),
            dtype: DType::F32,
            filters: 20,
            kernel: Size2 { width: 9, height: 9 },
            stride: Size2 { width: 1, height: 1 },
            pad: Size2 { width: 0, height: 0 },
            dilation: Size2 { width: 1, height: 1 },
            groups: 1,
            neuron: Neuron::Identity,
            algorithm: Algorithm::Direct,
        };
        let (weight, output) = (description.filter().unwrap(), description.output().unwrap());
        let found = sums(&cpu, cpu.convolution(&description).unwrap(), &INPUT, weight, output);
        let images: Vec<u32> = counts(INPUT.iter().product()).chunks(162).map(|image| image.iter().sum()).collect();
        let expected: Vec<u32> = images.iter().flat_map(|&sum| [sum; 20]).collect();
        assert_eq!(found, expected, "{cpu:?}");
    }
}

/// Left alone, a momentum of 0.9 would end at a few multiples of the least number and stay there for ever, since 0.9 times the
/// least number is rounded to itself; and a weight with a regularizer likewise.
#[test]
fn what_training_lets_die_becomes_zero() {
    for cpu in machines() {
        for l2 in [0.0, 0.5] {
            let gradient = tensor(&cpu, &[100], Role::Param, |_| 0.0);
            let w = tensor(&cpu, &[100], Role::Param, |i| i as f32 - 50.0);
            let v = tensor(&cpu, &[100], Role::Param, |i| (i as f32 - 50.0) * 1e-3);
            for _ in 0..3000 {
                let update = Update { rate: 1.0, decay: Decay { l2, l1: 0.0 }, gradient: &gradient, w: &w };
                sgd_update(&cpu, update, 0.9, &v).unwrap();
            }
            assert_eq!(v.read::<f32>().unwrap(), [0.0; 100], "{cpu:?}");
            let weights = w.read::<f32>().unwrap();
            assert!(weights.iter().all(|&w| w == 0.0 || w.is_normal()), "{cpu:?}, l2 {l2}: {weights:?}");
        }
    }
}
