//! The gradient sweep: every example of every kind of layer, every element, in f64; and nets with splits, sharing and
//! several losses.

#![allow(clippy::unwrap_used, clippy::panic)] // clippy.toml allows them in test functions, not in their helpers

use core_tensor::ops::kernels;
use layers::{
    Arity, Blob, Count, Error, Example, GradientCheck, Layer, LayerState, Pass, Registry, Setup, Wiring, prelude::*,
};
use ndarray::Array;

fn backend() -> backend_cpu::Cpu {
    backend_cpu::Cpu::new().unwrap()
}

/// Kinds whose backward pass is by definition not the derivative of what forward reports; each has a test of its own.
const OTHER_GRADIENTS: &[&str] = &["WassersteinLoss"];

#[test]
fn every_layer_has_the_right_gradient() {
    let (backend, mut checked) = (backend(), 0);
    for (i, example) in Registry::standard().examples().into_iter().enumerate() {
        let mut rng = core_tensor::RngStream::new(i as u64, "sweep");
        let bottoms: Vec<_> = example.bottoms.iter().map(|bottom| bottom.draw(&mut rng).unwrap()).collect();
        let mut single = example.set_up(&backend, DType::F64).unwrap();
        let report = GradientCheck::new().single(&mut single, &bottoms);
        if OTHER_GRADIENTS.contains(&example.layer.layer().kind()) {
            assert!(matches!(report, Err(Error::Gradient { .. })), "{:?}: {report:?}", example.layer);
            continue;
        }
        let report = report.unwrap_or_else(|error| panic!("{error}: {:?}", example.layer));
        let expected = example.layer.layer().can_backward();
        assert_eq!(report.checked > 0, expected, "{:?}", example.layer);
        checked += report.checked;
    }
    assert!(checked > 5000, "only {checked} elements were checked");
}

#[test]
fn every_layer_agrees_between_f32_and_f64() {
    let backend = backend();
    for (i, example) in Registry::standard().examples().iter().enumerate() {
        let (single, double) = (results(&backend, DType::F32, i, example), results(&backend, DType::F64, i, example));
        for (single, double) in single.into_iter().zip(double) {
            let scale = double.abs().max(1.0);
            assert!((single - double).abs() <= 1e-4 * scale, "{single} and {double}: {:?}", example.layer);
        }
    }
}

#[test]
fn every_layer_computes_the_same_bits_with_any_number_of_threads() {
    let backends = [1, 2, 5].map(|threads| backend_cpu::Cpu::with_threads(threads).unwrap());
    for (i, example) in Registry::standard().examples().iter().enumerate() {
        let bits = backends
            .each_ref()
            .map(|backend| results(backend, DType::F32, i, example).into_iter().map(f64::to_bits).collect::<Vec<_>>());
        assert!(bits[0] == bits[1] && bits[0] == bits[2], "{:?}", example.layer);
    }
}

/// Loss, tops and gradients of an example after two iterations on random bottoms.
fn results(backend: &backend_cpu::Cpu, dtype: DType, seed: usize, example: &Example) -> Vec<f64> {
    let mut rng = core_tensor::RngStream::new(seed as u64, "results");
    let mut single = example.set_up(backend, dtype).unwrap();
    for (blob, bottom) in single.bottoms().iter().zip(&example.bottoms) {
        blob.data.write(&bottom.draw(&mut rng).unwrap().into_raw_vec_and_offset().0).unwrap();
    }
    let mut numbers = Vec::new();
    for _ in 0..2 {
        numbers.extend(single.forward().unwrap());
        for diff in single.tops().iter().filter_map(|top| top.diff.as_ref()) {
            let ones: Vec<f64> = (0..diff.shape().len()).map(|i| f64::from(i as u32 % 3) - 1.0).collect();
            diff.write(&ones).unwrap();
        }
        single.backward().unwrap();
        let tops = single.tops().iter().map(|top| &top.data);
        let diffs = single.bottoms().iter().filter_map(|bottom| bottom.diff.as_ref());
        let params = single.params().iter().map(|param| param.diff().unwrap_or(param.data()));
        for tensor in tops.chain(diffs).chain(params) {
            numbers.extend(tensor.read::<f64>().unwrap());
        }
    }
    numbers
}

fn data(batch_size: usize) -> MemoryData {
    let value = |i: usize| f64::from(i as u32 * 7919 % 101) / 50.0 - 1.0;
    let images = Array::from_shape_fn((5, 2, 6, 6), |(n, c, h, w)| value(n * 72 + c * 36 + h * 6 + w));
    let labels = Array::from_shape_fn((5, 1), |(n, _)| f64::from(n as u32 % 3));
    MemoryData::new("data", batch_size).array("x", images).array("label", labels)
}

fn check(layers: LayerList) -> Result<layers::GradientReport, Error> {
    let mut net = Net::builder("checked").seed(3).dtype(DType::F64).build(&backend(), layers).unwrap();
    GradientCheck::new().net(&mut net)
}

fn loss(name: &str, bottom: &str) -> SoftmaxLoss {
    SoftmaxLoss::new(name).bottoms([bottom, "label"])
}

#[test]
fn a_small_lenet_has_the_right_gradient() {
    let report = check(layers![
        data(5),
        Convolution::new("conv", 3, (3, 3)).neuron(Neuron::Sigmoid).bottom("x").top("conv"),
        Pooling::max("pool", (2, 2)).stride((2, 2)).bottom("conv").top("pool"),
        InnerProduct::new("ip1", 6).neuron(Neuron::Tanh).bottom("pool").top("ip1"),
        InnerProduct::new("ip2", 3).bottom("ip1").top("ip2"),
        loss("loss", "ip2"),
    ]);
    let report = report.unwrap();
    let parameters = 3 * 2 * 9 + 3 + 6 * 12 + 6 + 3 * 6 + 3;
    assert_eq!(report.checked, parameters + 5 * (3 * 16 + 3 * 4 + 6 + 3));
    assert!(report.largest_relative < 1e-7, "{report:?}");
}

#[test]
fn what_only_moves_blobs_passes_gradients_on() {
    let report = check(layers![
        data(5),
        InnerProduct::new("ip", 12).neuron(Neuron::Tanh).bottom("x").top("h"),
        Split::new("split").bottom("h").tops(["a", "b"]),
        Reshape::new("reshape", [3, 2, 2]).bottom("a").top("image"),
        Crop::new("crop", (1, 2)).bottom("image").top("column"),
        Flatten::new("flatten").bottom("column").top("flat"),
        Slice::new("slice").points([3, 4]).bottom("b").tops(["b0", "b1", "b2"]),
        Identity::new("identity").bottom("b1").top("b1 again"),
        Concat::new("concat").bottoms(["b2", "flat", "b0", "b1 again", "a"]).top("all"),
        InnerProduct::new("ip2", 3).bottom("all").top("y"),
        loss("loss", "y"),
        loss("loss-b0", "b0").weight(0.3),
    ]);
    report.unwrap();
}

#[test]
fn along_the_batch_all_samples_count() {
    let report = check(layers![
        data(5),
        InnerProduct::new("ip", 3).neuron(Neuron::Tanh).bottom("x").top("h"),
        Concat::new("twice").axis(0).bottoms(["h", "h"]).top("hh"),
        Concat::new("labels").axis(0).bottoms(["label", "label"]).top("ll"),
        Slice::new("cut").axis(0).points([3]).bottom("hh").tops(["three", "seven"]),
        Slice::new("cut labels").axis(0).points([3]).bottom("ll").tops(["three labels", "seven labels"]),
        SoftmaxLoss::new("loss3").bottoms(["three", "three labels"]),
        SoftmaxLoss::new("loss7").bottoms(["seven", "seven labels"]),
    ]);
    report.unwrap();
}

#[test]
fn tied_weights_are_transposed_and_learn_nothing() {
    let layers = layers![
        data(5),
        InnerProduct::new("encode", 4).param_key("w").neuron(Neuron::Tanh).bottom("x").top("code"),
        TiedInnerProduct::new("decode", "w").neuron(Neuron::Sigmoid).bottom("code").top("image"),
        InnerProduct::new("ip", 3).bottom("image").top("y"),
        loss("loss", "y"),
    ];
    let mut net = Net::builder("net").dtype(DType::F64).build(&backend(), layers).unwrap();
    // The owner's gradient leaves out what comes through the tied layer, so it is no derivative of the loss.
    net.freeze(["encode"]).unwrap();
    let report = GradientCheck::new().net(&mut net).unwrap();
    assert_eq!(report.checked, 72 + 3 * 72 + 3 + 5 * (72 + 3));
}

#[test]
fn gradients_of_several_takers_add_up() {
    let shared = |name: &str, bottom: &str, top: &str| {
        InnerProduct::new(name, 3).neuron(Neuron::Sigmoid).param_key("shared").bottom(bottom).top(top)
    };
    let report = check(layers![
        data(5),
        InnerProduct::new("ip", 4).neuron(Neuron::Tanh).bottom("x").top("h"),
        shared("a", "h", "a"),
        shared("b", "h", "b"),
        InnerProduct::new("twice", 3).bottoms(["h", "h"]).tops(["c", "d"]),
        loss("loss-a", "a").weight(0.5),
        loss("loss-b", "b"),
        loss("loss-a-again", "a").weight(2.0),
        loss("loss-c", "c"),
        loss("loss-d", "d").weight(0.1),
    ]);
    report.unwrap();
}

#[test]
fn frozen_and_upstream_of_frozen() {
    let layers = layers![
        data(5),
        InnerProduct::new("below", 4).neuron(Neuron::Tanh).bottom("x").top("h"),
        InnerProduct::new("above", 3).bottom("h").top("y"),
        loss("loss", "y"),
    ];
    let mut net = Net::builder("net").dtype(DType::F64).build(&backend(), layers).unwrap();
    net.freeze(["above"]).unwrap();
    let report = GradientCheck::new().net(&mut net).unwrap();
    assert_eq!(report.checked, 4 * 72 + 4 + 5 * (4 + 3));
}

/// A user's own layer, whose backward pass forgets the factor.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
struct Triple {
    #[serde(flatten)]
    wiring: Wiring,
}

impl Layer for Triple {
    fn kind(&self) -> &'static str {
        "Triple"
    }

    fn wiring(&self) -> &Wiring {
        &self.wiring
    }

    fn arity(&self) -> Arity {
        Arity { bottoms: Count::Exactly(1), tops: Count::Exactly(1) }
    }

    fn setup(&self, setup: &mut Setup<'_>) -> Result<Box<dyn LayerState>, Error> {
        let bottom = setup.bottom(0).clone();
        let top = setup.add_top(bottom.data.shape())?;
        Ok(Box::new(TripleState { bottom, top }))
    }
}

struct TripleState {
    bottom: Blob,
    top: Blob,
}

impl LayerState for TripleState {
    fn forward(&mut self, pass: &mut Pass<'_>) -> Result<(), Error> {
        kernels::fill(pass.backend, &self.top.data, 0.0)?;
        Ok(kernels::axpy(pass.backend, 3.0, &self.bottom.data, &self.top.data)?)
    }

    fn backward(&mut self, pass: &Pass<'_>) -> Result<(), Error> {
        let (Some(dy), Some(dx)) = (&self.top.diff, &self.bottom.diff) else { return Ok(()) };
        Ok(kernels::copy(pass.backend, dy, dx)?)
    }

    fn as_any_mut(&mut self) -> &mut dyn std::any::Any {
        self
    }
}

fn triple(bottom: &str, top: &str) -> Triple {
    Triple { wiring: Wiring { name: "triple".into(), bottoms: vec![bottom.into()], tops: vec![top.into()] } }
}

#[test]
fn wrong_gradients_are_found() {
    let x = ndarray::array![[0.5, 1.0, 2.0]].into_dyn();
    let error = GradientCheck::new().layer(&backend(), triple("x", "y"), std::slice::from_ref(&x)).unwrap_err();
    assert!(matches!(error, Error::Gradient { .. }));
    let text = error.to_string();
    assert!(text.contains("the gradient of bottom 0 of layer `triple` at [0, 0] is"), "{text}");
    let report =
        check(layers![data(5), InnerProduct::new("ip", 3).bottom("x").top("y"), triple("y", "z"), loss("loss", "z"),]);
    let text = report.unwrap_err().to_string();
    assert!(text.contains("the gradient of parameter `ip___weight` at [0, 0] is"), "{text}");
    // A ReLU whose floor lies at the value itself: the difference sees half the slope, with any step.
    let kink = Activation::new("act", Neuron::Relu { epsilon: 1.0 }).bottom("x").top("y");
    let text = GradientCheck::new().layer(&backend(), kink, &[x]).unwrap_err().to_string();
    assert!(text.contains("at [0, 1] is 0, but a central difference gives"), "{text}");
}

#[test]
fn nets_that_cannot_be_checked_say_why() {
    let layers = || layers![data(5), InnerProduct::new("ip", 3).bottom("x").top("y"), loss("loss", "y")];
    let mut single = Net::new("single", &backend(), layers()).unwrap();
    let text = GradientCheck::new().net(&mut single).unwrap_err().to_string();
    assert!(text.contains("f64, in which differences can be taken"), "{text}");
    let moving = layers![data(2), InnerProduct::new("ip", 3).bottom("x").top("y"), loss("loss", "y"),];
    let text = check(moving).unwrap_err().to_string();
    assert!(text.contains("use a data layer that repeats"), "{text}");
}
