//! What an exported net says; that other programs compute the same with it is shown by `.ci/run onnx`.

#![allow(clippy::unwrap_used)] // a test stops at the first error

use exchange::{Error, onnx};
use layers::{Net, prelude::*};

fn contains(model: &[u8], text: &str) -> bool {
    model.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn losses_statistics_and_what_only_they_take_are_left_out() {
    let layers = layers![
        MemoryData::new("digits", 2).zeros("data", [2, 3]).zeros("label", [2, 1]),
        InnerProduct::new("ip", 4).neuron(Neuron::ReLU).bottom("data").top("ip"),
        SoftmaxLoss::new("loss").bottoms(["ip", "label"]),
        Accuracy::new("accuracy").bottoms(["ip", "label"]),
    ];
    let net = Net::new("net", &backend_cpu::Cpu::new().unwrap(), layers).unwrap();
    let model = onnx::encode(&net).unwrap();
    for there in ["Crema", "Gemm", "Relu", "ip.weight", "ip.bias", "data", "ip/before"] {
        assert!(contains(&model, there), "{there}");
    }
    for absent in ["label", "loss", "accuracy"] {
        assert!(!contains(&model, absent), "{absent}");
    }
    // The weights are there once, whole.
    let weights: Vec<u8> =
        net.param("ip___weight").unwrap().data().read::<f32>().unwrap().iter().flat_map(|x| x.to_le_bytes()).collect();
    assert_eq!(model.windows(weights.len()).filter(|window| *window == weights).count(), 1);
}

#[test]
fn what_cannot_be_exported_is_named() {
    let layers =
        layers![MemoryData::new("data", 2).zeros("x", [2, 3, 4, 4]), Lrn::new("norm").axis(2).bottom("x").top("y"),];
    let net = Net::new("net", &backend_cpu::Cpu::new().unwrap(), layers).unwrap();
    let error = onnx::encode(&net).unwrap_err();
    assert!(matches!(error, Error::Layer { .. }));
    let expected = "layer `norm` (LRN) cannot be exported: ONNX normalizes across axis 1 only, not 2";
    assert_eq!(error.to_string(), expected);
}
