//! Nets built for training and for inference from the same layers: batch normalization and what it gathers, dropout, losses.

#![allow(clippy::unwrap_used, clippy::panic)] // clippy.toml allows them in test functions, not in their helpers

use backend_cpu::Cpu;
use layers::{SingleLayer, prelude::*};
use ndarray::Array2;

const SAMPLES: usize = 20;

fn number(sample: usize, feature: usize) -> f64 {
    ((sample * 3 + feature) as f64 * 1.7).sin() * (feature + 1) as f64 + feature as f64
}

fn data(batch: usize) -> MemoryData {
    let x = Array2::from_shape_fn((SAMPLES, 3), |(n, c)| number(n, c));
    MemoryData::new("data", batch).array("x", x).array("label", Array2::<f64>::zeros((SAMPLES, 1)))
}

fn norm() -> BatchNorm {
    BatchNorm::new("bn").moving_average_fraction(0.5).bottom("x").top("y")
}

fn loss() -> SoftmaxLoss {
    SoftmaxLoss::new("loss").bottoms(["z", "label"])
}

fn build(builder: layers::NetBuilder, layers: LayerList) -> Net {
    builder.dtype(DType::F64).build(&Cpu::with_threads(2).unwrap(), layers).unwrap()
}

fn values(net: &Net, key: &str) -> Vec<f64> {
    net.param(key).unwrap().data().read().unwrap()
}

/// Mean and variance, as an estimate without bias, of a feature over some samples.
fn moments(samples: std::ops::Range<usize>, feature: usize) -> (f64, f64) {
    let numbers: Vec<f64> = samples.map(|n| number(n % SAMPLES, feature)).collect();
    let mean = numbers.iter().sum::<f64>() / numbers.len() as f64;
    (mean, numbers.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (numbers.len() as f64 - 1.0))
}

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-12 * expected.abs().max(1.0), "{found} is not {expected}");
}

/// A training net and one for inference from the same layers.
fn pair(batch: usize) -> (Net, Net) {
    let common = layers![norm(), InnerProduct::new("ip", 2).bottom("y").top("z")];
    let training = build(Net::builder("training"), layers![data(batch), ..common, loss()]);
    (training, build(Net::builder("inference"), layers![data(5), ..common]))
}

#[test]
fn moments_are_gathered_and_shared() {
    // 17 samples fill a block of 16 lanes and a part of the next.
    let (mut training, mut inference) = pair(17);
    inference.forward().unwrap();
    let y: Vec<f64> = inference.blob("y").unwrap().data.read().unwrap();
    close(y[0], number(0, 0) / (1.0_f64 + 1e-5).sqrt());
    training.forward().unwrap();
    training.forward().unwrap();
    assert_eq!(values(&training, "bn___weight"), [1.5]);
    inference.forward().unwrap();
    let y: Vec<f64> = inference.blob("y").unwrap().data.read().unwrap();
    for c in 0..3 {
        let ((first, first_variance), (second, second_variance)) = (moments(0..17, c), moments(17..34, c));
        close(values(&training, "bn___mean")[c], 0.5 * first + second);
        close(values(&training, "bn___variance")[c], 0.5 * first_variance + second_variance);
        let (mean, variance) = ((0.5 * first + second) / 1.5, (0.5 * first_variance + second_variance) / 1.5);
        // The inference net is at its second batch.
        close(y[c], (number(5, c) - mean) / (variance + 1e-5).sqrt());
    }
}

#[test]
fn a_training_batch_has_mean_0_and_variance_1() {
    let (mut training, _) = pair(19);
    training.forward().unwrap();
    let y: Vec<f64> = training.blob("y").unwrap().data.read().unwrap();
    for c in 0..3 {
        let channel = || y.iter().skip(c).step_by(3);
        close(channel().sum::<f64>() / 19.0, 0.0);
        let variance = moments(0..19, c).1 * 18.0 / 19.0;
        close(channel().map(|y| y * y).sum::<f64>() / 19.0, variance / (variance + 1e-5));
    }
}

#[test]
fn nothing_is_gathered_where_nothing_shall_be() {
    let (mut training, _) = pair(5);
    training.forward_epoch().unwrap();
    assert_eq!(values(&training, "bn___weight"), [0.0], "an epoch of validation");
    training.freeze(["bn"]).unwrap();
    training.forward().unwrap();
    assert_eq!(values(&training, "bn___weight"), [0.0], "frozen");
    training.unfreeze(["bn"]).unwrap();
    training.forward().unwrap();
    training.backward().unwrap();
    assert_eq!(values(&training, "bn___weight"), [1.0]);
    assert!(training.param("bn___mean").unwrap().diff().is_none());

    let common = layers![norm().use_global_stats(true), InnerProduct::new("ip", 2).bottom("y").top("z")];
    let mut tuning = build(Net::builder("tuning"), layers![data(5), ..common, loss()]);
    tuning.param("bn___mean").unwrap().set(&[2.0, 4.0, 6.0]).unwrap();
    tuning.param("bn___variance").unwrap().set(&[2.0; 3]).unwrap();
    tuning.param("bn___weight").unwrap().set(&[2.0]).unwrap();
    tuning.forward().unwrap();
    assert_eq!(values(&tuning, "bn___weight"), [2.0]);
    let y: Vec<f64> = tuning.blob("y").unwrap().data.read().unwrap();
    close(y[1], (number(0, 1) - 2.0) / (1.0_f64 + 1e-5).sqrt());
}

#[test]
fn large_means_leave_the_variance_exact() {
    let backend = Cpu::with_threads(2).unwrap();
    let layer = BatchNorm::new("bn").bottom("x").top("y");
    let mut single = SingleLayer::new(&backend, DType::F32, layer, &[Shape::new(&[64, 2, 40, 40]).unwrap()]).unwrap();
    // Deviations of 1 around 4096: sums of squares in f32 would have lost them.
    let x: Vec<f32> = (0..64 * 2 * 1600).map(|i: i32| 4096.0 + if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
    single.bottoms()[0].data.write(&x).unwrap();
    single.forward().unwrap();
    let y: Vec<f64> = single.tops()[0].data.read().unwrap();
    let expected = 1.0 / (1.0_f64 + 1e-5).sqrt();
    assert!(y.iter().all(|y| (y.abs() - expected).abs() < 1e-6), "{} instead of {expected}", y[0]);
}

#[test]
fn a_loss_can_be_had_for_inference() {
    let common = layers![
        Dropout::new("drop", 0.5).bottom("x").top("y"),
        InnerProduct::new("ip", 2).bottom("y").top("z"),
        loss(),
    ];
    let mut net = build(Net::builder("validation").inference(), layers![data(5), ..common]);
    assert!(net.forward().unwrap() > 0.0);
    assert!(net.blob("y").unwrap().data.same_memory(&net.blob("x").unwrap().data), "dropout lets everything through");
    assert!(net.params().iter().all(|param| param.diff().is_none()));
    let text = net.backward().unwrap_err().to_string();
    assert!(
        text.contains("the backward pass of net `validation`") && text.contains("not built for inference"),
        "{text}"
    );
}

#[test]
fn a_memory_that_keeps_two_steps_gives_the_same() {
    let x = ndarray::Array3::from_shape_fn((18, 5, 3), |(n, t, c)| number(n + t, c));
    let source = MemoryData::new("data", 18).array("x", x).array("label", Array2::<f64>::zeros((18, 1)));
    let common =
        layers![Lstm::new("lstm", 4).bottom("x").top("y"), InnerProduct::new("ip", 2).bottom("y").top("z"), loss()];
    let mut training = build(Net::builder("training"), layers![source.clone(), ..common]);
    let mut inference = build(Net::builder("inference").inference(), layers![source, ..common]);
    for _ in 0..2 {
        let found = (training.forward().unwrap(), inference.forward().unwrap());
        assert_eq!(found.0.to_bits(), found.1.to_bits());
    }
}

#[test]
fn what_does_not_fit_is_told() {
    let fails = |layer: LayerRef, shape: &[usize], part: &str| {
        let built = SingleLayer::new(&Cpu::new().unwrap(), DType::F32, layer, &[Shape::new(shape).unwrap()]);
        let text = built.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(text.contains(part), "`{text}` does not contain `{part}`");
    };
    let norm = || BatchNorm::new("bn").bottom("x").top("y");
    fails(norm().epsilon(0.0).into(), &[4, 2], "layer `bn` (BatchNorm): epsilon is 0; expected a positive number");
    fails(norm().moving_average_fraction(1.0).into(), &[4, 2], "moving_average_fraction is 1; expected at least 0 and");
    fails(
        norm().into(),
        &[1, 2],
        "the number of elements in a channel is 1 for a bottom of shape 1x2; expected at least 2",
    );
    fails(norm().axis(0).into(), &[4, 2], "the channel axis is 0 for a bottom of shape 4x2; expected from 1 to 1");
    fails(Scale::new("s").axis(2).bottom("x").top("y").into(), &[4, 2], "layer `s` (Scale): the channel axis is 2");
    fails(Bias::new("b").axis(2).bottom("x").top("y").into(), &[4, 2], "layer `b` (Bias): the channel axis is 2");
    fails(PRelu::new("p").axis(3).bottom("x").top("y").into(), &[4, 2], "layer `p` (PReLU): the channel axis is 3");
    let elu = Activation::new("a", Neuron::Elu { alpha: -1.0 }).bottom("x").top("y");
    fails(elu.into(), &[4, 2], "layer `a` (Activation): the neuron's alpha is -1; expected a finite number, 0 or more");
    let global = Pooling { pad: (1, 1).into(), ..Pooling::global_max("g") }.bottom("x").top("y");
    fails(global.into(), &[1, 1, 4, 4], "layer `g` (Pooling): the global pooling's window is kernel");
    fails(
        Lstm::new("l", 0).bottom("x").top("y").into(),
        &[2, 3, 4],
        "layer `l` (LSTM): the memory is output_dim 0 for a",
    );
    fails(
        Lstm::new("l", 2).bottom("x").top("y").into(),
        &[2],
        "expected at least one output, and a non-empty blob (N, steps",
    );
    let none: LayerRef = Pooling::max("g", (0, 0)).bottom("x").top("y").into();
    fails(none, &[1, 1, 4, 4], "the kernel's height is 0; expected at least 1");
}
