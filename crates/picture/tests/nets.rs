//! Pictures of nets: what they must show, and that no name breaks them.

#![allow(clippy::unwrap_used)]

use layers::{Net, Registry, prelude::*};
use picture::network;
use std::{fs, path::Path};

fn lenet() -> Net {
    let backend = backend_cpu::Cpu::new().unwrap();
    let layers = layers![
        MemoryData::new("digits", 64).zeros("data", [64, 1, 28, 28]).zeros("label", [64, 1]),
        Convolution::new("conv1", 20, (5, 5)).bottom("data").top("conv1"),
        Pooling::max("pool1", (2, 2)).stride((2, 2)).bottom("conv1").top("pool1"),
        Convolution::new("conv2", 50, (5, 5)).bottom("pool1").top("conv2"),
        Pooling::max("pool2", (2, 2)).stride((2, 2)).bottom("conv2").top("pool2"),
        InnerProduct::new("ip1", 500).neuron(Neuron::ReLU).bottom("pool2").top("ip1"),
        InnerProduct::new("ip2", 10).bottom("ip1").top("ip2"),
        SoftmaxLoss::new("loss").bottoms(["ip2", "label"]),
        Accuracy::new("accuracy").bottoms(["ip2", "label"]),
    ];
    Net::new("LeNet", &backend, layers).unwrap()
}

#[test]
fn every_layer_blob_and_shape_of_lenet_is_there() {
    let net = lenet();
    let (dot, svg) = (network::dot(&net), network::svg(&net).unwrap());
    // To be looked at.
    fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join("lenet.svg"), &svg).unwrap();
    for layer in &net.layers().0 {
        let name = &layer.layer().wiring().name;
        assert!(dot.contains(&format!("  \"{name}\" [label=\"{name}\\n{}", layer.layer().kind())), "{name}: {dot}");
        assert!(svg.contains(&format!(">{name}</tspan>")), "{name}: {svg}");
    }
    // conv1 has no memory, since it is computed with pool1; its arrow has a shape all the same.
    for arrow in [
        r#""digits" -> "conv1" [label="data\n64x1x28x28"]"#,
        r#""conv1" -> "pool1" [label="conv1\n64x20x24x24"]"#,
        r#""ip2" -> "loss" [label="ip2\n64x10"]"#,
        r#""ip2" -> "accuracy" [label="ip2\n64x10"]"#,
        r#""digits" -> "loss" [label="label\n64x1"]"#,
    ] {
        assert!(dot.contains(arrow), "{arrow} is missing in {dot}");
    }
    assert!(dot.contains(r#""conv1\nConvolution\n520 parameters\n"#), "{dot}");
}

#[test]
fn a_blob_that_nobody_takes_ends_in_a_dot() {
    let backend = backend_cpu::Cpu::new().unwrap();
    let data = MemoryData::new("data", 2).zeros("x", [2, 3]);
    let dot = network::dot(&Net::new("data alone", &backend, layers![data]).unwrap());
    assert!(dot.contains(r#""data" -> "blob x" [label="x\n2x3"];"#), "{dot}");
}

#[test]
fn names_of_any_kind_are_drawn() {
    let backend = backend_cpu::Cpu::new().unwrap();
    for name in [
        "a \"b\"",
        "back\\slash",
        "\\",
        "<b>&amp;",
        "two words",
        "naïve-ü",
        "digraph",
        "{x|y}",
        "a->b",
        "1",
        "//x",
        "🐈",
    ] {
        let blob = format!("{name} blob");
        let layers = layers![
            MemoryData::new("data", 2).zeros(&blob, [2, 3]),
            Softmax::new(name).bottom(blob.as_str()).top("prob"),
        ];
        let svg = network::svg(&Net::new(name, &backend, layers).unwrap()).unwrap();
        let shown = name.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
        assert!(svg.contains(&format!(">{shown}</tspan>")), "{name} is not in {svg}");
    }
}

#[test]
fn every_kind_of_layer_is_drawn() {
    let backend = backend_cpu::Cpu::new().unwrap();
    // Layers that need another's parameters are drawn like all others, but are no net by themselves.
    for example in Registry::standard().examples().into_iter().filter(|example| example.owner.is_none()) {
        let kind = example.layer.layer().kind();
        let mut layers = layers![example.layer];
        // Bottoms may differ in their number of samples, so each has a data layer of its own.
        for (i, bottom) in example.bottoms.iter().enumerate() {
            let shape = bottom.shape().unwrap();
            layers.push(MemoryData::new(format!("data{i}"), shape.batch()).zeros(format!("bottom{i}"), shape.sizes()));
        }
        let svg = network::svg(&Net::new(kind, &backend, layers).unwrap()).unwrap();
        assert!(svg.contains(&format!(">{kind}</tspan>")), "{kind} is not in {svg}");
    }
}
