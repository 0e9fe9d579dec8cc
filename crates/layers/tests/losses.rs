//! Losses: what counts in a batch that is not full, statistics, and numbers outside of a loss's domain.

#![allow(clippy::unwrap_used, clippy::panic)] // clippy.toml allows them in test functions, not in their helpers

use backend_cpu::Cpu;
use layers::prelude::*;
use ndarray::Array2;

/// Five samples of two pairs each, in batches of three.
fn net(loss: impl Into<LayerRef>, a: fn(usize) -> f64, b: fn(usize) -> f64) -> Net {
    let numbers = |f: fn(usize) -> f64| Array2::from_shape_fn((5, 2), |(n, i)| f(2 * n + i));
    let data = MemoryData::new("data", 3).array("a", numbers(a)).array("b", numbers(b));
    let layers = layers![data, loss.into()];
    Net::builder("net").dtype(DType::F64).build(&Cpu::with_threads(2).unwrap(), layers).unwrap()
}

fn probability(i: usize) -> f64 {
    0.07 + 0.09 * i as f64
}

fn number(i: usize) -> f64 {
    0.7 * i as f64 - 3.0
}

fn sign(i: usize) -> f64 {
    if i.is_multiple_of(3) { -1.0 } else { 1.0 }
}

fn half(i: usize) -> f64 {
    0.5 * (i % 3) as f64
}

type Element = fn(usize) -> f64;

/// Goes through an epoch and compares loss and statistic with sums of `value(a, b)`.
fn check_epoch(quantity: &str, layer: impl Into<LayerRef>, [a, b]: [Element; 2], value: fn(f64, f64) -> f64) {
    let mut net = net(layer, a, b);
    let sum = |pairs: std::ops::Range<usize>| pairs.map(|i| value(a(i), b(i))).sum::<f64>();
    let close = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-12, "{quantity}: {found} {expected}");
    net.forward_epoch().unwrap();
    // The last batch has two samples, four pairs.
    close(net.loss(), sum(6..10) / 2.0);
    let statistic = net.statistics().remove(0);
    assert_eq!(statistic.key, format!("l-{quantity}"));
    close(statistic.value, sum(0..10) / 5.0);
    assert!(statistic.text.to_lowercase().starts_with(&format!("  {quantity} (avg over 5) = ")), "{}", statistic.text);
    net.reset_statistics();
    assert!(net.statistics().is_empty());
}

#[test]
fn an_epoch_counts_each_sample_once() {
    let bottoms = ["a", "b"];
    let entropy = |a: f64, b: f64| -b * a.ln() - (1.0 - b) * (1.0 - a).ln();
    let square = SquareLoss::new("l").bottoms(bottoms);
    check_epoch("square-loss", square, [number, half], |a, b| (a - b).powi(2) / 2.0);
    check_epoch("hinge-loss", HingeLoss::new("l").bottoms(bottoms), [number, sign], |a, b| (1.0 - a * b).max(0.0));
    let binary = BinaryCrossEntropyLoss::new("l").bottoms(bottoms);
    check_epoch("binary-cross-entropy-loss", binary, [probability, half], entropy);
    let sigmoid = SigmoidCrossEntropyLoss::new("l").bottoms(bottoms);
    check_epoch("sigmoid-cross-entropy-loss", sigmoid, [number, half], |a, b| {
        let p = 1.0 / (1.0 + (-a).exp());
        -b * p.ln() - (1.0 - b) * (1.0 - p).ln()
    });
    let gauss = GaussianKLLoss::new("l").bottoms(bottoms);
    check_epoch("encoder-loss", gauss, [number, probability], |a, b| (a * a + b * b - (b * b).ln() - 1.0) / 2.0);
}

#[test]
fn what_is_outside_of_the_domain_is_named() {
    let fails = |layer: LayerRef, a: fn(usize) -> f64, b: fn(usize) -> f64, part: &str| {
        let text = net(layer, a, b).forward().unwrap_err().to_string();
        assert!(text.contains(part), "`{text}` does not contain `{part}`");
    };
    let entropy = || BinaryCrossEntropyLoss::new("l").bottoms(["a", "b"]).into();
    let text =
        "layer `l` (BinaryCrossEntropyLoss): a prediction for sample 2 of the batch is 1.02; expected a probability";
    fails(entropy(), |i| 0.27 + 0.15 * i as f64, half, text);
    fails(entropy(), |i| i as f64 - 1.0, half, "a prediction for sample 0 of the batch is -1");
    let gauss = || GaussianKLLoss::new("l").bottoms(["a", "b"]).into();
    let text =
        "layer `l` (GaussianKLLoss): a standard deviation of sample 1 of the batch is 0; expected a number above 0";
    fails(gauss(), number, |i| 3.0 - i as f64, text);
}

#[test]
fn certain_predictions_have_a_finite_loss() {
    let certain: fn(usize) -> f64 = |i| (i % 2) as f64;
    let right = net(BinaryCrossEntropyLoss::new("l").bottoms(["a", "b"]), certain, certain).forward().unwrap();
    assert_eq!(right, 0.0);
    let wrong = net(BinaryCrossEntropyLoss::new("l").bottoms(["a", "b"]), certain, |i| ((i + 1) % 2) as f64);
    let wrong = { wrong }.forward().unwrap();
    assert!((wrong - 2.0 * 20.0 * 10f64.ln()).abs() < 1e-9, "{wrong}");
    let mut nan = net(BinaryCrossEntropyLoss::new("l").bottoms(["a", "b"]), |_| f64::NAN, half);
    assert!(nan.forward().unwrap().is_nan());
}
