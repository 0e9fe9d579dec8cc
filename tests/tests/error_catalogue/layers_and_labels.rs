//! Mistakes in a layer's properties, in the shapes that reach it, and in labels.

use crate::{catalogue::check, memory, net, text};
use layers::prelude::*;
use std::path::Path;

#[test]
fn layers_and_labels() {
    let data = || memory(2, 28, 3.0);
    let conv = |kernel| Convolution::new("conv1", 6, kernel).bottom("data").top("conv1");
    let ip = || InnerProduct::new("ip", 10).bottom("data").top("ip");
    let loss = || SoftmaxLoss::new("loss").bottoms(["ip", "label"]);
    let with_label = |label: f32| text(net(layers![memory(2, 28, label), ip(), loss()]).unwrap().forward());
    let with_labels = |shape: [usize; 2]| {
        let data = MemoryData::new("data", 2).zeros("data", [2, 4]).zeros("label", shape);
        text(net(layers![data, ip(), loss()]))
    };
    let empty = MemoryData::new("data", 0).zeros("data", [2, 4]).zeros("label", [2, 1]);
    check(
        "Layers and labels",
        Path::new("none"),
        &[
            ("A kernel larger than the image", text(net(layers![data(), conv((29, 5))]))),
            ("A stride of zero", text(net(layers![data(), conv((5, 5)).stride((0, 1))]))),
            ("Groups that do not divide the channels", text(net(layers![data(), conv((5, 5)).n_group(4)]))),
            (
                "A convolution after an inner product",
                text(net(layers![data(), ip(), Convolution::new("conv1", 6, (5, 5)).bottom("ip").top("conv1")])),
            ),
            (
                "Dropout that drops everything",
                text(net(layers![data(), Dropout::new("drop", 1.0).bottom("data").top("x")])),
            ),
            ("Class weights of the wrong length", text(net(layers![data(), ip(), loss().weights([1.0, 2.0])]))),
            ("An empty batch", text(net(layers![empty, ip(), loss()]))),
            ("Fewer labels than images in memory", with_labels([1, 1])),
            ("Labels as vectors instead of numbers", with_labels([2, 10])),
            ("A label that is too large", with_label(10.0)),
            ("A negative label", with_label(-1.0)),
            ("A label that is no whole number", with_label(0.5)),
            ("No threads", text(backend_cpu::Cpu::with_threads(0))),
        ],
    );
}
