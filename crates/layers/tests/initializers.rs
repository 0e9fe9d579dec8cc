//! The numbers that initializers draw: their mean, spread and shape.

#![allow(clippy::unwrap_used)] // a test stops at the first error

use core_tensor::{Backend, DType, RngStream, Role};
use layers::prelude::*;

/// 40,000 weights with 100 inputs each, of a convolution and of an inner product.
const SHAPES: [&[usize]; 2] = [&[400, 4, 5, 5], &[400, 100]];

fn draw(initializer: Initializer, shape: &[usize], seed: u64) -> Vec<f64> {
    let backend = backend_cpu::Cpu::with_threads(1).unwrap();
    let tensor = backend.alloc(Shape::new(shape).unwrap(), DType::F64, Role::Param).unwrap();
    initializer.fill(&tensor, &mut RngStream::new(seed, "conv1/filter")).unwrap();
    tensor.read().unwrap()
}

/// Mean, standard deviation, largest magnitude, and the share of the numbers within one standard deviation of the mean: 0.577
/// if they are uniform, 0.683 if they are normal.
fn statistics(numbers: &[f64]) -> [f64; 4] {
    let n = numbers.len() as f64;
    let mean = numbers.iter().sum::<f64>() / n;
    let std = (numbers.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n).sqrt();
    let within = numbers.iter().filter(|x| (**x - mean).abs() < std).count() as f64 / n;
    [mean, std, numbers.iter().fold(0.0, |largest: f64, x| largest.max(x.abs())), within]
}

#[test]
fn numbers_are_drawn_as_described() {
    // (initializer, mean, standard deviation, bound, share within one deviation); 100 inputs
    let cases = [
        (Initializer::Constant { value: 0.25 }, 0.25, 0.0, 0.25, 0.0),
        (Initializer::Xavier, 0.0, 0.1, 0.03f64.sqrt(), 0.577),
        (Initializer::Msra, 0.0, 0.02f64.sqrt(), f64::INFINITY, 0.683),
        (Initializer::Gaussian { mean: 0.5, std: 0.01 }, 0.5, 0.01, f64::INFINITY, 0.683),
        (Initializer::Gaussian { mean: -1.0, std: 3.0 }, -1.0, 3.0, f64::INFINITY, 0.683),
    ];
    for (initializer, mean, std, bound, within) in cases {
        for shape in SHAPES {
            let found = statistics(&draw(initializer, shape, 1));
            // Five times the standard error of each.
            let n = shape.iter().product::<usize>() as f64;
            let near = |found: f64, expected: f64, error: f64| (found - expected).abs() <= 5.0 * error / n.sqrt();
            assert!(near(found[0], mean, std), "{initializer:?} {shape:?}: mean {}", found[0]);
            assert!(near(found[1], std, std), "{initializer:?} {shape:?}: standard deviation {}", found[1]);
            assert!(found[2] <= bound, "{initializer:?} {shape:?}: {} beyond the bound", found[2]);
            assert!(near(found[3], within, 0.5), "{initializer:?} {shape:?}: {} within", found[3]);
        }
    }
    let [_, std, ..] = statistics(&draw(Initializer::Orthogonal { gain: 2.0 }, SHAPES[1], 1));
    assert!((std - 0.1).abs() < 1e-4, "100 columns of length 2 in 400 rows: {std}");
}

#[test]
fn a_seed_gives_its_numbers() {
    for initializer in [Initializer::Xavier, Initializer::Msra, Initializer::Orthogonal { gain: 1.0 }] {
        assert_eq!(draw(initializer, &[20, 30], 7), draw(initializer, &[20, 30], 7));
        assert_ne!(draw(initializer, &[20, 30], 7), draw(initializer, &[20, 30], 8));
    }
}

#[test]
fn msra_can_be_read_from_json() {
    let json = serde_json::to_value(Initializer::Msra).unwrap();
    assert_eq!(json, serde_json::json!({ "type": "Msra" }));
    assert_eq!(serde_json::from_value::<Initializer>(json).unwrap(), Initializer::Msra);
}
