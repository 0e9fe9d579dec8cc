//! The net: sharing, freezing, epochs, statistics, access by name, summary, JSON.

#![allow(clippy::unwrap_used, clippy::panic)] // clippy.toml allows them in test functions, not in their helpers

use core_tensor::Backend;
use layers::{Epoch, Registry, prelude::*};
use ndarray::{Array2, Array4, array};
use std::sync::Arc;

fn backend() -> backend_cpu::Cpu {
    backend_cpu::Cpu::with_threads(2).unwrap()
}

fn samples(n: usize) -> Array2<f64> {
    Array2::from_shape_fn((n, 4), |(n, i)| ((n * 4 + i) as f64 * 0.7).sin())
}

fn labels(n: usize) -> Array2<f64> {
    Array2::from_shape_fn((n, 1), |(n, _)| (n % 3) as f64)
}

fn data(n: usize, batch: usize) -> MemoryData {
    MemoryData::new("data", batch).array("x", samples(n)).array("label", labels(n))
}

fn ip(name: &str, bottom: &str, top: &str) -> InnerProduct {
    InnerProduct::new(name, 3).bottom(bottom).top(top)
}

fn loss(name: &str, bottom: &str) -> SoftmaxLoss {
    SoftmaxLoss::new(name).bottoms([bottom, "label"])
}

fn gradient(net: &Net, key: &str) -> Vec<f64> {
    net.param(key).unwrap().diff().unwrap().read().unwrap()
}

fn contains(error: impl std::fmt::Display, part: &str) {
    let text = error.to_string();
    assert!(text.contains(part), "`{text}` does not contain `{part}`");
}

#[test]
fn nets_of_the_same_objects_share_parameters() {
    let common = layers![ip("ip", "x", "y")];
    let training = Net::new("training", &backend(), layers![data(4, 2), ..common, loss("loss", "y")]).unwrap();
    let accuracy = Accuracy::new("accuracy").bottoms(["y", "label"]);
    let test = Net::new("test", &backend(), layers![data(4, 4), ..common, accuracy]).unwrap();
    let (ours, theirs) = (training.param("ip___weight").unwrap(), test.param("ip___weight").unwrap());
    assert!(ours.data().same_memory(theirs.data()));
    ours.set(&[0.5; 12]).unwrap();
    assert_eq!(theirs.data().read::<f64>().unwrap(), [0.5; 12]);
    assert!(ours.diff().is_some() && theirs.diff().is_none());
    // Equal names are an accident, and so are equal descriptions.
    let other = Net::new("other", &backend(), layers![data(4, 4), ip("ip", "x", "y")]).unwrap();
    assert!(!other.param("ip___weight").unwrap().data().same_memory(ours.data()));
    let wrong = layers![MemoryData::new("data", 1).zeros("x", [1, 5]), ..common];
    contains(Net::new("wrong", &backend(), wrong).unwrap_err(), "the shared parameter `weight` is 3x4");
}

#[test]
fn a_param_key_shares_and_sums_gradients() {
    let tied = |name: &str, top: &str, key: bool| {
        let layer = ip(name, "x", top);
        if key { layer.param_key("tied") } else { layer }
    };
    let build = |key: bool| {
        let layers = layers![data(4, 4), tied("a", "y", key), tied("b", "z", key), loss("l", "y"), loss("m", "z")];
        let mut net = Net::builder("net").dtype(DType::F64).build(&backend(), layers).unwrap();
        for param in net.params() {
            let values: Vec<f64> = (0..param.data().shape().len()).map(|i| (i as f64).cos()).collect();
            param.set(&values).unwrap();
        }
        net.forward().unwrap();
        net.backward().unwrap();
        net
    };
    let (shared, apart) = (build(true), build(false));
    assert_eq!((shared.params().len(), apart.params().len()), (2, 4));
    let (a, b) = (gradient(&apart, "a___weight"), gradient(&apart, "b___weight"));
    for (sum, (a, b)) in gradient(&shared, "a___weight").into_iter().zip(a.into_iter().zip(b)) {
        assert!((sum - a - b).abs() < 1e-14);
    }
    contains(shared.param("b___weight").unwrap_err(), "net `net` has no parameter `b___weight`; did you mean");
}

#[test]
fn a_param_key_is_shared_with_later_nets() {
    let (first, second) = (LayerRef::new(ip("a", "x", "y").param_key("tied")), ip("b", "x", "z").param_key("tied"));
    let second = LayerRef::new(second);
    let both = Net::new("both", &backend(), layers![data(4, 4), first, second.clone()]).unwrap();
    let one = Net::new("one", &backend(), layers![data(4, 4), second]).unwrap();
    assert!(both.params()[0].data().same_memory(one.params()[0].data()));
}

#[test]
fn seeds_and_names_decide_first_values() {
    let build = |seed: u64, name: &str| {
        let net = Net::builder("net").seed(seed).build(&backend(), layers![data(4, 4), ip(name, "x", "y")]).unwrap();
        net.params()[0].data().read::<f64>().unwrap()
    };
    assert_eq!(build(1, "a"), build(1, "a"));
    assert_ne!(build(1, "a"), build(2, "a"));
    assert_ne!(build(1, "a"), build(1, "b"));
    let bound = (3.0_f64 / 4.0).sqrt();
    assert!(build(1, "a").iter().all(|value| value.abs() <= bound + 1e-6));
}

#[test]
fn frozen_layers_get_no_gradient() {
    let layers = layers![data(4, 4), ip("below", "x", "h"), ip("above", "h", "y"), loss("loss", "y")];
    let mut net = Net::new("net", &backend(), layers).unwrap();
    let pass = |net: &mut Net| {
        for param in net.params() {
            let diff = param.diff().unwrap();
            diff.write(&vec![7.0; diff.shape().len()]).unwrap();
        }
        net.forward().unwrap();
        net.backward().unwrap();
    };
    net.freeze(["below"]).unwrap();
    pass(&mut net);
    assert_eq!(gradient(&net, "below___weight"), [7.0; 12]);
    assert_ne!(gradient(&net, "above___weight"), [7.0; 9]);
    assert!(net.param("below___bias").unwrap().is_frozen());
    net.unfreeze(["below"]).unwrap();
    net.freeze(["above"]).unwrap();
    pass(&mut net);
    assert_ne!(gradient(&net, "below___weight"), [7.0; 12]);
    assert_eq!(gradient(&net, "above___weight"), [7.0; 9]);
    net.freeze_all();
    pass(&mut net);
    assert_eq!(gradient(&net, "below___weight"), [7.0; 12]);
    net.unfreeze_all();
    assert!(net.params().iter().all(|param| !param.is_frozen()));
    contains(net.freeze(["above", "abov"]).unwrap_err(), "has no layer `abov`; did you mean `above`?");
    assert!(net.params().iter().all(|param| !param.is_frozen()), "half a list was frozen");
}

#[test]
fn backward_passes_can_add_up() {
    let mut net = Net::new("net", &backend(), layers![data(4, 2), ip("ip", "x", "y"), loss("loss", "y")]).unwrap();
    let mut halves = Vec::new();
    for _ in 0..2 {
        net.forward().unwrap();
        net.backward().unwrap();
        halves.push(gradient(&net, "ip___weight"));
    }
    net.forward().unwrap();
    net.backward().unwrap();
    net.forward().unwrap();
    net.backward_add().unwrap();
    for (i, sum) in gradient(&net, "ip___weight").into_iter().enumerate() {
        assert!((sum - halves[0][i] - halves[1][i]).abs() < 1e-6);
    }
}

#[test]
fn backward_needs_a_loss_and_a_forward_pass() {
    let mut net = Net::new("net", &backend(), layers![data(4, 2), ip("ip", "x", "y")]).unwrap();
    net.forward().unwrap();
    contains(net.backward().unwrap_err(), "asked for without a loss layer");
    assert!(net.params()[0].diff().is_none() && net.blob("y").unwrap().diff.is_none());
    let mut net = Net::new("net", &backend(), layers![data(4, 2), ip("ip", "x", "y"), loss("loss", "y")]).unwrap();
    contains(net.backward().unwrap_err(), "`forward` first");
    assert!(net.blob("x").unwrap().diff.is_none(), "nobody wants the data's gradient");
}

#[test]
fn epochs_are_exact() {
    // 10 samples, and 4 or 3 or 17 in a batch: each counts once, wherever the data stood before.
    let mut accuracies = Vec::new();
    let common = layers![ip("ip", "x", "y")];
    let _keep = Net::new("keep", &backend(), layers![data(10, 10), ..common]).unwrap();
    for (batch, batches) in [(10, 1), (4, 3), (3, 4), (1, 10), (17, 1)] {
        let statistics = layers![Accuracy::new("accuracy").bottoms(["y", "label"]), loss("loss", "y")];
        let mut net = Net::new("net", &backend(), layers![data(10, batch), ..common, ..statistics]).unwrap();
        net.forward().unwrap();
        for round in 0..2 {
            net.reset_statistics();
            assert_eq!(net.forward_epoch().unwrap(), Epoch { batches, samples: 10 });
            let text = &net.statistics()[0].text;
            assert!(text.starts_with("  Accuracy (avg over 10) = "), "round {round}: {text}");
            accuracies.push(net.statistics()[0].value);
        }
        net.backward().unwrap();
    }
    accuracies.dedup();
    assert_eq!(accuracies.len(), 1);
    let source = Net::new("net", &backend(), layers![data(10, 3)]).unwrap().forward_epoch().unwrap();
    assert_eq!(source.batches, 4);
}

#[test]
fn a_partial_batch_counts_as_a_small_batch() {
    let run = |n: usize, batch: usize| {
        let layers = layers![data(n, batch), ip("ip", "x", "y"), loss("loss", "y")];
        let mut net = Net::builder("net").dtype(DType::F64).build(&backend(), layers).unwrap();
        net.forward_epoch().unwrap();
        net.backward().unwrap();
        (net.loss(), gradient(&net, "ip___weight"))
    };
    let (whole, partial) = (run(5, 5), run(5, 8));
    assert!((whole.0 - partial.0).abs() < 1e-12);
    assert!(whole.1.iter().zip(&partial.1).all(|(a, b)| (a - b).abs() < 1e-12));
}

#[test]
fn the_label_may_be_among_the_first_few() {
    let nan = f64::NAN;
    let scores = array![[3.0, 2.0, 1.0], [1.0, 1.0, 1.0], [1.0, nan, 0.0], [nan, 2.0, 1.0]];
    let labels = array![[1.0], [2.0], [1.0], [2.0]];
    let source = MemoryData::new("d", 4).array("s", scores).array("label", labels);
    let top = |k| Accuracy::new(format!("top{k}")).top_k(k).bottoms(["s", "label"]);
    let mut net = Net::new("net", &backend(), layers![source, top(1), top(2), top(3)]).unwrap();
    net.forward().unwrap();
    let found: Vec<_> = net.statistics().into_iter().map(|s| (s.key, s.value, s.text)).collect();
    // Of equals the first is ahead; a NaN is ahead of nothing and never right.
    let expected = [("top1", "Accuracy", 0.0), ("top2", "Top-2 accuracy", 0.5), ("top3", "Top-3 accuracy", 0.75)];
    for ((key, value, text), (name, title, share)) in found.into_iter().zip(expected) {
        let line = format!("  {title} (avg over 4) = {:.4}%", 100.0 * share);
        assert_eq!((key, value, text), (format!("{name}-accuracy"), share, line));
    }
}

#[test]
fn statistics_read_like_the_tutorial() {
    let scores = array![[0.0, 1.0], [1.0, 0.0], [0.5, 0.5], [0.0, 1.0]];
    let source = MemoryData::new("d", 4).array("s", scores).array("label", array![[1.0], [0.0], [1.0], [1.0]]);
    let accuracy = Accuracy::new("test-accuracy").report_error(true).bottoms(["s", "label"]);
    let mut net = Net::new("net", &backend(), layers![source, accuracy]).unwrap();
    assert!(net.statistics().is_empty());
    net.forward().unwrap();
    net.forward().unwrap();
    let statistics = net.statistics();
    let text: Vec<_> = statistics.iter().map(|s| (s.key.as_str(), s.value, s.text.as_str())).collect();
    let expected = [
        ("test-accuracy-accuracy", 0.75, "  Accuracy (avg over 8) = 75.0000%"),
        ("test-accuracy-error", 0.25, "  Error (avg over 8) = 25.0000%"),
    ];
    assert_eq!(text, expected);
}

#[test]
fn bad_labels_are_named() {
    for (bad, text) in [(3.0, "is 3; expected"), (-1.0, "is -1;"), (0.5, "is 0.5;"), (f64::NAN, "is NaN;")] {
        let source = |layer: LayerRef| {
            let mut labels = labels(4);
            labels[[2, 0]] = bad;
            let data = MemoryData::new("data", 4).array("x", samples(4)).array("label", labels);
            Net::new("net", &backend(), layers![data, ip("ip", "x", "y"), layer]).unwrap().forward().unwrap_err()
        };
        let error = source(loss("loss", "y").into());
        contains(&error, "layer `loss` (SoftmaxLoss): the label of sample 2 of the batch");
        contains(&error, text);
        contains(&error, "a whole number from 0 to 2, since there are 3 classes");
        contains(source(Accuracy::new("acc").bottoms(["y", "label"]).into()), "layer `acc` (Accuracy): the label of");
        contains(source(Index2Onehot::new("hot", 3).bottom("label").top("z").into()), "(Index2Onehot): the label of");
    }
}

#[test]
fn losses_are_summed_and_told_apart() {
    let layers = layers![data(4, 4), ip("ip", "x", "y"), loss("a", "y"), loss("b", "y").weight(0.5)];
    let mut net = Net::new("net", &backend(), layers).unwrap();
    let sum = net.forward().unwrap();
    let losses = net.losses();
    assert_eq!((losses[0].0.as_str(), losses[1].0.as_str()), ("a", "b"));
    assert!((losses[0].1 - 2.0 * losses[1].1).abs() < 1e-6);
    assert!((sum - losses[0].1 - losses[1].1).abs() < 1e-12 && sum == net.loss());
}

#[test]
fn the_first_bad_blob_is_found() {
    let build = || Net::new("net", &backend(), layers![data(4, 4), ip("a", "x", "h"), ip("b", "h", "y")]).unwrap();
    let mut net = build();
    net.forward().unwrap();
    assert_eq!(net.first_bad_blob().unwrap(), None);
    net.param("b___bias").unwrap().set(&[0.0, f64::NAN, 0.0]).unwrap();
    net.forward().unwrap();
    assert_eq!(net.first_bad_blob().unwrap().unwrap(), "parameter `b___bias`");
    net.param("a___weight").unwrap().set(&[1e38; 12]).unwrap();
    let state = net.state_mut::<MemoryDataState>("data").unwrap();
    state.set("x", Array2::from_elem((4, 4), 1e30)).unwrap();
    net.forward().unwrap();
    assert_eq!(net.first_bad_blob().unwrap().unwrap(), "`h` (output of layer `a`, InnerProduct)");
    let state = net.state_mut::<MemoryDataState>("data").unwrap();
    state.set("x", Array2::from_elem((4, 4), f64::INFINITY)).unwrap();
    net.forward().unwrap();
    assert_eq!(net.first_bad_blob().unwrap().unwrap(), "`x` (output of layer `data`, MemoryData)");
}

#[test]
fn things_are_found_by_name() {
    let mut net = Net::new("net", &backend(), layers![data(4, 2), ip("ip", "x", "y")]).unwrap();
    assert_eq!(net.blob("y").unwrap().data.shape().sizes(), [2, 3]);
    assert_eq!(net.blob_names().collect::<Vec<_>>(), ["x", "label", "y"]);
    assert_eq!(net.layer("ip").unwrap().layer().kind(), "InnerProduct");
    contains(net.blob("lable").unwrap_err(), "net `net` has no blob `lable`; did you mean `label`?");
    contains(net.layer("conv").unwrap_err(), "no layer `conv`; there are `data`, `ip`");
    let wrong = net.state_mut::<MemoryDataState>("ip").map(|_| ()).unwrap_err();
    contains(wrong, "the state of layer `ip` is that of kind InnerProduct");
}

#[test]
fn a_net_moves_between_threads_and_backends_in_arcs() {
    fn send<T: Send>(value: T) -> T {
        value
    }
    let backend: Arc<dyn Backend> = Arc::new(backend());
    let mut net = send(Net::new("net", &backend, layers![data(4, 2), ip("ip", "x", "y")]).unwrap());
    std::thread::spawn(move || net.forward().unwrap()).join().unwrap();
}

#[test]
fn a_net_can_be_built_again_from_its_description() {
    let layers = layers![loss("loss", "y"), data(4, 2), ip("ip", "x", "y").neuron(Neuron::LeakyRelu)];
    let net = Net::builder("net").dtype(DType::F64).build(&backend(), layers).unwrap();
    let json = net.description();
    assert_eq!((&json["name"], &json["dtype"]), (&"net".into(), &"f64".into()));
    assert_eq!(json["layers"][0]["type"], "SoftmaxLoss");
    let layers = Registry::standard().read_list(&json["layers"]).unwrap();
    let again = Net::builder("net").dtype(DType::F64).build(&backend(), layers).unwrap();
    assert_eq!(again.description(), json);
    assert_eq!(again.param("ip___weight").unwrap().data().shape().sizes(), [3, 4]);
}

#[test]
fn lenet_has_the_known_size() {
    let net = Net::new("MNIST-train", &backend(), lenet()).unwrap();
    let summary = net.summary();
    assert_eq!(summary.parameters, 431_080);
    let mflop = 2.0 * 64.0 * (24 * 24 * 20 * 25 + 8 * 8 * 50 * 500 + 800 * 500 + 500 * 10) as f64 / 1e6;
    assert!((summary.flops / 1e6 - mflop).abs() < 1.0, "{}", summary.flops);
    let text = summary.to_string();
    let conv = text.lines().find(|line| line.starts_with("conv2")).unwrap();
    let words: Vec<&str> = conv.split_whitespace().collect();
    assert_eq!(words[..6], ["conv2", "Convolution", "conv2", "64x50x8x8", "25,050", "204.80"]);
    assert!(text.contains("data 64x1x28x28, label 64x1") && text.lines().any(|l| l.starts_with("total")), "{text}");
    let widths: Vec<usize> = text.lines().filter(|line| line.starts_with('-')).map(str::len).collect();
    assert!(widths.len() == 2 && widths[0] == widths[1], "{text}");
}

/// Convolution and pooling are computed as one, unless somebody wants to look at the blob between them; both ways agree.
#[test]
fn a_fused_blob_is_kept_on_request() {
    let layers = lenet();
    let images =
        Array4::from_shape_fn((64, 1, 28, 28), |(n, _, y, x)| ((n * 31 + y * 17 + x * 7) % 256) as f32 / 256.0);
    let mut fused = Net::new("fused", &backend(), layers.clone()).unwrap();
    let mut kept = Net::builder("kept").keep_blobs(["conv1"]).build(&backend(), layers.clone()).unwrap();
    let mut all = Net::builder("all").keep_all_blobs().build(&backend(), layers.clone()).unwrap();
    let [a, b, c] = [&mut fused, &mut kept, &mut all].map(|net| {
        let labels = Array2::from_shape_fn((64, 1), |(n, _)| (n % 10) as f32);
        let data = net.state_mut::<MemoryDataState>("data").unwrap();
        data.set("data", images.clone()).unwrap();
        data.set("label", labels).unwrap();
        let loss = net.forward().unwrap();
        net.backward().unwrap();
        (loss, net.param("conv1___filter").unwrap().diff().unwrap().read::<f32>().unwrap())
    });
    for other in [&b, &c] {
        assert!((a.0 - other.0).abs() < 1e-5 * a.0, "{} {}", a.0, other.0);
        let largest = a.1.iter().fold(0.0f32, |m, v| m.max(v.abs()));
        assert!(a.1.iter().zip(&other.1).all(|(a, b)| (a - b).abs() < 1e-4 * largest));
    }
    let text = fused.summary().to_string();
    assert!(text.lines().any(|line| line.starts_with("pool1") && line.ends_with("within conv1")), "{text}");
    contains(
        fused.blob("conv1").unwrap_err(),
        "blob `conv1` of net `fused` is not stored, since `conv1` and `pool1` are computed as one; expected a net built \
         with `Net::builder(..).keep_blobs([\"conv1\"])`",
    );
    assert_eq!(kept.blob("conv1").unwrap().data.shape().sizes(), [64, 20, 24, 24]);
    assert!(kept.blob("conv2").is_err() && all.blob("conv2").is_ok());
    assert_eq!(fused.layer("pool1").unwrap().layer().kind(), "Pooling");
    let typo = Net::builder("net").keep_blobs(["conf1"]).build(&backend(), layers);
    contains(typo.unwrap_err(), "net `net` has no blob `conf1`; did you mean `conv1`?");
}

fn lenet() -> LayerList {
    layers![
        MemoryData::new("data", 64).zeros("data", [64, 1, 28, 28]).zeros("label", [64, 1]),
        Convolution::new("conv1", 20, (5, 5)).bottom("data").top("conv1"),
        Pooling::max("pool1", (2, 2)).stride((2, 2)).bottom("conv1").top("pool1"),
        Convolution::new("conv2", 50, (5, 5)).bottom("pool1").top("conv2"),
        Pooling::max("pool2", (2, 2)).stride((2, 2)).bottom("conv2").top("pool2"),
        InnerProduct::new("ip1", 500).neuron(Neuron::ReLU).bottom("pool2").top("ip1"),
        InnerProduct::new("ip2", 10).bottom("ip1").top("ip2"),
        SoftmaxLoss::new("loss").bottoms(["ip2", "label"]),
    ]
}

#[test]
fn passes_can_be_watched_layer_by_layer() {
    let layers = layers![data(4, 2), ip("ip1", "x", "y"), ip("ip2", "y", "z"), loss("loss", "z")];
    let mut net = Net::new("net", &backend(), layers).unwrap();
    let (mut forward, mut backward) = (Vec::new(), Vec::new());
    net.forward_by_layer(|layer| forward.push(layer.to_owned())).unwrap();
    net.backward_by_layer(|layer| backward.push(layer.to_owned())).unwrap();
    assert_eq!(forward, ["data", "ip1", "ip2", "loss"]);
    assert_eq!(backward, ["loss", "ip2", "ip1"]);
    // What is watched is what would have been computed.
    let watched = gradient(&net, "ip1___weight");
    let mut same = Net::new("same", &backend(), net.layers().clone()).unwrap();
    same.forward().unwrap();
    same.backward().unwrap();
    assert_eq!(watched, gradient(&same, "ip1___weight"));
    net.freeze(["ip1"]).unwrap();
    backward.clear();
    net.backward_by_layer(|layer| backward.push(layer.to_owned())).unwrap();
    assert_eq!(backward, ["loss", "ip2"]);
}
