//! A blob with several consumers needs no split layer, and means the same with one.

#![allow(clippy::unwrap_used, clippy::panic)] // clippy.toml allows them in test functions, not in their helpers

use layers::prelude::*;
use ndarray::Array2;

/// Loss and all gradients of a net in which three layers take `h`, by itself or through a split.
fn run(split: bool) -> (u64, Vec<f64>) {
    let x = Array2::from_shape_fn((19, 4), |(n, i)| ((n * 31 + i * 17) % 23) as f64 / 11.0 - 1.0);
    let labels = Array2::from_shape_fn((19, 1), |(n, _)| (n % 3) as f64);
    let mut layers = layers![
        MemoryData::new("data", 19).array("x", x).array("label", labels),
        InnerProduct::new("ip", 5).neuron(Neuron::Sigmoid).bottom("x").top("h"),
    ];
    let [a, b, c] = if split { ["a", "b", "c"] } else { ["h"; 3] };
    if split {
        layers.push(Split::new("split").bottom("h").tops(["a", "b", "c"]));
    }
    layers.extend(&layers![
        InnerProduct::new("left", 3).bottom(a).top("left"),
        InnerProduct::new("right", 5).neuron(Neuron::Tanh).bottom(b).top("right"),
        ElementWise::new("product", ElementWiseOperation::Multiply).bottoms(["right", c]).top("product"),
        InnerProduct::new("top", 3).bottom("product").top("top"),
        SoftmaxLoss::new("loss-left").bottoms(["left", "label"]),
        SoftmaxLoss::new("loss-top").weight(0.5).bottoms(["top", "label"]),
    ]);
    let mut net =
        Net::builder("net").seed(3).dtype(DType::F64).build(&backend_cpu::Cpu::new().unwrap(), layers).unwrap();
    let loss = net.forward().unwrap();
    net.backward().unwrap();
    let gradients = net.params().iter().flat_map(|param| param.diff().unwrap().read::<f64>().unwrap()).collect();
    (loss.to_bits(), gradients)
}

#[test]
fn automatic_and_explicit_splits_agree() {
    let (automatic, explicit) = (run(false), run(true));
    assert_eq!(automatic.0, explicit.0);
    assert_eq!(automatic.1.len(), explicit.1.len());
    for (automatic, explicit) in automatic.1.iter().zip(&explicit.1) {
        assert!((automatic - explicit).abs() <= 1e-14 * automatic.abs().max(1.0), "{automatic} and {explicit}");
    }
    assert!(automatic.1.iter().all(|gradient| *gradient != 0.0));
}
