//! Mistakes in a net's layers.

use crate::{check, memory, net, text};
use layers::{Registry, prelude::*};
use ndarray::Array4;
use std::path::Path;

#[test]
fn nets() {
    let conv = |kernel| Convolution::new("conv1", 6, kernel).bottom("data").top("conv1");
    let ip = |bottom: &str| InnerProduct::new("ip", 10).bottom(bottom).top("ip");
    let loss = || SoftmaxLoss::new("loss").bottoms(["ip", "label"]);
    let good = || net(layers![memory(2, 28, 3.0), ip("data"), loss()]);
    let mut label_too_large = net(layers![memory(2, 28, 10.0), ip("data"), loss()]).unwrap();
    let mut label_of_a_fraction = net(layers![memory(2, 28, 0.5), ip("data"), loss()]).unwrap();
    let read = |json: &str| Registry::standard().read(&serde_json::from_str(json).unwrap());
    let mut set = good().unwrap();
    check(
        Path::new("none"),
        &[
            (
                "typo in a bottom",
                text(net(layers![memory(2, 28, 3.0), ip("dta"), loss()])),
                "illegal network topology in net `catalogue`: layer `ip` (InnerProduct) takes blob `dta`, which no layer \
             makes; did you mean `data`?",
            ),
            (
                "two layers make one blob",
                text(net(layers![
                    memory(2, 28, 3.0),
                    ip("data"),
                    InnerProduct::new("ip2", 10).bottom("data").top("ip"),
                    loss()
                ])),
                "illegal network topology in net `catalogue`: blob `ip` is made by two layers, `ip` and `ip2`; give one \
             of the tops another name",
            ),
            (
                "two layers of one name",
                text(net(layers![
                    memory(2, 28, 3.0),
                    ip("data"),
                    InnerProduct::new("ip", 10).bottom("data").top("other"),
                    loss()
                ])),
                "illegal network topology in net `catalogue`: two layers are called `ip` (InnerProduct and \
             InnerProduct); give each its own name, it labels the layer's parameters in snapshots",
            ),
            (
                "a ring of layers",
                text(net(layers![
                    memory(2, 28, 3.0),
                    InnerProduct::new("a", 10).bottom("y").top("x"),
                    InnerProduct::new("b", 10).bottom("x").top("y"),
                    ip("y"),
                    loss()
                ])),
                "illegal network topology in net `catalogue`: the layers `b` -> `a` -> `b` form a cycle; each waits for \
             the one before it",
            ),
            (
                "a layer that leads nowhere",
                text(net(layers![memory(2, 28, 3.0), conv((5, 5)), ip("data"), loss()])),
                "illegal network topology in net `catalogue`: blob `conv1` of layer `conv1` (Convolution) needs a \
             gradient but reaches no loss layer; connect it to a loss, or leave `conv1` out of this net and build a \
             second net from the same layer objects to look at `conv1`",
            ),
            (
                "no top",
                text(net(layers![memory(2, 28, 3.0), InnerProduct::new("ip", 10).bottom("data")])),
                "layer `ip` (InnerProduct): the number of tops is 0; expected as many as bottoms, which are 1, and at \
             least one",
            ),
            (
                "kernel larger than the image",
                text(net(layers![memory(2, 28, 3.0), conv((29, 5))])),
                "layer `conv1` (Convolution): the kernel's width is 29; expected at most 28, the input's width 28 with a \
             pad of 0 on both sides",
            ),
            (
                "stride of zero",
                text(net(layers![memory(2, 28, 3.0), conv((5, 5)).stride((0, 1))])),
                "layer `conv1` (Convolution): the stride's width is 0; expected at least 1",
            ),
            (
                "groups that do not divide",
                text(net(layers![memory(2, 28, 3.0), conv((5, 5)).n_group(4)])),
                "layer `conv1` (Convolution): the number of input channels is 1; expected a positive multiple of the 4 \
             groups",
            ),
            (
                "convolution after an inner product",
                text(net(layers![
                    memory(2, 28, 3.0),
                    ip("data"),
                    Convolution::new("conv1", 6, (5, 5)).bottom("ip").top("conv1")
                ])),
                "layer `conv1` (Convolution): the bottom blob's shape is 2x10; expected a non-empty image blob (N, \
             channels, height, width)",
            ),
            (
                "labels of another number",
                text(net(layers![
                    MemoryData::new("data", 2).zeros("data", [2, 4]).zeros("label", [3, 1]),
                    ip("data"),
                    loss()
                ])),
                "layer `data` (MemoryData): the number of samples for top `label` is 3; expected 2 as for top `data`",
            ),
            (
                "label too large",
                text(label_too_large.forward()),
                "layer `loss` (SoftmaxLoss): the label of sample 0 of the batch is 10; expected a class index, a whole \
             number from 0 to 9, since there are 10 classes",
            ),
            (
                "label that is no index",
                text(label_of_a_fraction.forward()),
                "layer `loss` (SoftmaxLoss): the label of sample 0 of the batch is 0.5; expected a class index, a whole \
             number from 0 to 9, since there are 10 classes",
            ),
            (
                "backward without forward",
                text(good().unwrap().backward()),
                "the backward pass of net `catalogue` is asked for before a forward pass; expected `forward` first",
            ),
            (
                "typo in a parameter",
                text(good().unwrap().param("ip___wieght").map(drop)),
                "net `catalogue` has no parameter `ip___wieght`; did you mean `ip___weight`?",
            ),
            (
                "typo in a blob",
                text(good().unwrap().blob("lable").map(drop)),
                "net `catalogue` has no blob `lable`; did you mean `label`?",
            ),
            (
                "array of another shape",
                text(
                    set.state_mut::<MemoryDataState>("memory")
                        .unwrap()
                        .set("data", Array4::<f32>::zeros((2, 1, 28, 27))),
                ),
                "the new array for top `data` is 2x1x28x27; expected samples of the shape that the net was built with, \
             2x1x28x28 for a batch",
            ),
            (
                "typo in a kind of layer",
                text(read(r#"{"type": "Convolutoin", "name": "conv1"}"#)),
                "the `type` of layer `conv1` is `Convolutoin`; expected a known kind of layer; did you mean \
             `Convolution`?",
            ),
            (
                "typo in a property",
                text(read(r#"{"type": "InnerProduct", "name": "ip", "output_dmi": 10, "output_dim": 10}"#)),
                "the description of layer `ip` (InnerProduct) is one with the property `output_dmi`; expected only \
             properties that a InnerProduct has; did you mean `output_dim`?",
            ),
            ("no threads", text(backend_cpu::Cpu::with_threads(0)), "the number of threads is 0; expected at least 1"),
        ],
    );
}
