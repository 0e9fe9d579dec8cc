//! Mistakes in how layers are joined to a net, and in what a net is asked for.

use crate::{catalogue::check, memory, net, text};
use layers::{Registry, prelude::*};
use ndarray::Array4;
use std::path::Path;

#[test]
fn nets() {
    let data = || memory(2, 28, 3.0);
    let conv = Convolution::new("conv1", 6, (5, 5)).bottom("data").top("conv1");
    let ip = |bottom: &str| InnerProduct::new("ip", 10).bottom(bottom).top("ip");
    let loss = || SoftmaxLoss::new("loss").bottoms(["ip", "label"]);
    let good = || net(layers![data(), ip("data"), loss()]).unwrap();
    let wider = Array4::<f32>::zeros((2, 1, 28, 27));
    let read = |json: &str| Registry::standard().read(&serde_json::from_str(json).unwrap());
    check(
        "Nets",
        Path::new("none"),
        &[
            ("A typo in a bottom", text(net(layers![data(), ip("dta"), loss()]))),
            (
                "Two layers make one blob",
                text(net(layers![data(), ip("data"), InnerProduct::new("ip2", 10).bottom("data").top("ip"), loss()])),
            ),
            (
                "Two layers of one name",
                text(net(layers![data(), ip("data"), InnerProduct::new("ip", 10).bottom("data").top("other"), loss()])),
            ),
            (
                "A ring of layers",
                text(net(layers![
                    data(),
                    InnerProduct::new("a", 10).bottom("y").top("x"),
                    InnerProduct::new("b", 10).bottom("x").top("y"),
                    ip("y"),
                    loss()
                ])),
            ),
            ("A layer that leads nowhere", text(net(layers![data(), conv, ip("data"), loss()]))),
            ("No top", text(net(layers![data(), InnerProduct::new("ip", 10).bottom("data")]))),
            ("Too few bottoms", text(net(layers![data(), ip("data"), SoftmaxLoss::new("loss").bottom("ip")]))),
            ("Backward without forward", text(good().backward())),
            ("A typo in the name of a parameter", text(good().param("ip___wieght").map(drop))),
            ("A typo in the name of a blob", text(good().blob("lable").map(drop))),
            (
                "An array of another shape",
                text(good().state_mut::<MemoryDataState>("memory").unwrap().set("data", wider)),
            ),
            ("An unknown kind of layer in a description", text(read(r#"{"type": "Convolutoin", "name": "conv1"}"#))),
            (
                "An unknown property in a description",
                text(read(r#"{"type": "InnerProduct", "name": "ip", "output_dmi": 10, "output_dim": 10}"#)),
            ),
            ("A property that is left out of a description", text(read(r#"{"type": "InnerProduct", "name": "ip"}"#))),
        ],
    );
}
