//! Blobs that share memory: random nets compute the same bits as if each blob had its own, and what is gone is said to be.

#![allow(clippy::unwrap_used, clippy::panic)] // clippy.toml allows them in test functions, not in their helpers

use layers::prelude::*;
use ndarray::{Array2, Array4};
use proptest::prelude::*;

const CHANNELS: usize = 3;
const SIDE: usize = 6;
const CLASSES: usize = 3;

fn backend() -> backend_cpu::Cpu {
    backend_cpu::Cpu::with_threads(2).unwrap()
}

/// Two batches of images, so that the second pass finds what the first has left.
fn data(batch: usize) -> MemoryData {
    let image = |(n, c, y, x)| ((n * 31 + c * 17 + y * 7 + x * 3) as f32 * 0.37).sin();
    let images = Array4::from_shape_fn((2 * batch, CHANNELS, SIDE, SIDE), image);
    let labels = Array2::from_shape_fn((2 * batch, 1), |(n, _)| (n % CLASSES) as f32);
    MemoryData::new("data", batch).array("data", images).array("label", labels)
}

/// A layer that keeps the image's size: a kind, and which of the blobs before it takes.
type Choice = (usize, usize, usize);

/// A net of the chosen layers, and the names of the blobs that no layer takes. All blobs have the same shape but those that
/// a convolution widens.
///
/// Max pooling is not among them: with a convolution before it it is computed as one, which may round otherwise, but not
/// where all blobs are kept.
fn random(batch: usize, choices: &[Choice]) -> (LayerList, Vec<String>) {
    let mut list = layers![data(batch)];
    let mut blobs: Vec<(String, usize)> = vec![("data".into(), CHANNELS)];
    let mut outputs = Vec::new();
    for (index, &(kind, first, second)) in choices.iter().enumerate() {
        let (bottom, channels) = blobs[first % blobs.len()].clone();
        let (name, top) = (format!("layer{index}"), format!("blob{index}"));
        let mut taken = vec![bottom.clone()];
        let mut made = channels;
        let layer: LayerRef = match kind {
            0 | 1 => {
                made = if kind == 0 { channels } else { 2 + second % 9 };
                Convolution::new(name, made, (3, 3)).pad((1, 1)).neuron(Neuron::ReLU).bottom(bottom).top(&top).into()
            }
            2 => Pooling::mean(name, (3, 3)).pad((1, 1)).bottom(bottom).top(&top).into(),
            3 | 4 => Activation::new(name, Neuron::ReLU).bottom(bottom).top(&top).into(),
            5 => Activation::new(name, Neuron::Tanh).bottom(bottom).top(&top).into(),
            6 => Power::new(name).power(2.0).scale(0.5).shift(0.1).bottom(bottom).top(&top).into(),
            7 => Softmax::new(name).bottom(bottom).top(&top).into(),
            8 => Dropout::new(name, 0.3).bottom(bottom).top(&top).into(),
            9 => Lrn::new(name).bottom(bottom).top(&top).into(),
            10 => Activation::new(name, Neuron::Gelu).bottom(bottom).top(&top).into(),
            11 => BatchNorm::new(name).bottom(bottom).top(&top).into(),
            12 => Scale::new(name).neuron(Neuron::ReLU).bottom(bottom).top(&top).into(),
            13 => PRelu::new(name).bottom(bottom).top(&top).into(),
            14 => Identity::new(name).bottom(bottom).top(&top).into(),
            15 => {
                let twin = format!("twin{index}");
                outputs.push(twin.clone());
                blobs.push((twin.clone(), channels));
                Split::new(name).bottom(bottom).tops([twin, top.clone()]).into()
            }
            16 => {
                let flat = format!("flat{index}");
                list.push(Flatten::new(&flat).bottom(bottom).top(&flat));
                Reshape::new(name, [channels, SIDE, SIDE]).bottom(flat).top(&top).into()
            }
            17 => {
                let (other, more) = blobs[second % blobs.len()].clone();
                made = channels + more;
                taken.push(other.clone());
                Concat::new(name).bottoms([bottom, other]).top(&top).into()
            }
            19 => {
                let read = format!("read{index}");
                list.push(Lstm::new(&read, SIDE * SIDE).bottom(bottom).top(&read));
                Reshape::new(name, [channels, SIDE, SIDE]).bottom(read).top(&top).into()
            }
            20 => {
                let word = format!("word{index}");
                taken = vec!["label".into()];
                list.push(Embed::new(&word, CLASSES, channels * SIDE * SIDE).bottom("label").top(&word));
                Reshape::new(name, [channels, SIDE, SIDE]).bottom(word).top(&top).into()
            }
            21 => {
                let window = format!("window{index}");
                let crop = Crop::new(&window, (SIDE - 2, SIDE - 1)).random_crop(true).random_mirror(true);
                list.push(crop.bottom(bottom).top(&window));
                Deconvolution::new(name, channels, (3, 2)).bottom(window).top(&top).into()
            }
            18 => Deconvolution::new(name, channels, (3, 3)).pad((1, 1)).bottom(bottom).top(&top).into(),
            _ => {
                let fits: Vec<&String> = blobs.iter().filter(|blob| blob.1 == channels).map(|blob| &blob.0).collect();
                taken.push(fits[second % fits.len()].clone());
                ElementWise::new(name, ElementWiseOperation::Add).bottoms(taken.clone()).top(&top).into()
            }
        };
        list.push(layer);
        outputs.retain(|output| !taken.contains(output));
        outputs.push(top.clone());
        blobs.push((top, made));
    }
    (list, outputs)
}

const LOSSES: usize = 9;

/// Each output goes to a loss: the first one to the kind `first`, the others to the kinds after it in turn.
fn with_losses(mut list: LayerList, outputs: &[String], first: usize) -> LayerList {
    for (output, kind) in outputs.iter().zip(first..) {
        let logits = format!("{output}-logits");
        list.push(InnerProduct::new(format!("{output}-ip"), CLASSES).bottom(output).top(&logits));
        list = with_loss(list, output, &logits, kind % LOSSES);
    }
    list
}

/// One loss. `target` is a distribution over the classes, which serves as any other target as well.
fn with_loss(mut list: LayerList, output: &str, logits: &str, kind: usize) -> LayerList {
    let (name, target, prob) = (format!("{output}-loss"), format!("{output}-target"), format!("{output}-prob"));
    if kind == 0 {
        return layers![..list, SoftmaxLoss::new(name).bottoms([logits, "label"])];
    }
    let distribution = |(n, class)| if n % CLASSES == class { 0.5 } else { 0.25 };
    let targets = Array2::<f32>::from_shape_fn((7, CLASSES), distribution);
    let batch = list.0.iter().find_map(|layer| layer.layer().as_any().downcast_ref::<MemoryData>()).unwrap().batch_size;
    list.push(MemoryData::new(&target, batch).array(&target, targets));
    let (by_logits, by_prob) = ([logits, target.as_str()], [prob.as_str(), target.as_str()]);
    let softmax = Softmax::new(&prob).bottom(logits).top(&prob);
    let sigmoid = Activation::new(&prob, Neuron::Sigmoid).bottom(logits).top(&prob);
    match kind {
        1 => layers![..list, softmax, MultinomialLogisticLoss::new(name).bottoms([prob.as_str(), "label"])],
        2 => layers![..list, SoftlabelSoftmaxLoss::new(name).bottoms(by_logits)],
        3 => layers![..list, SquareLoss::new(name).bottoms(by_logits)],
        4 => layers![..list, sigmoid, BinaryCrossEntropyLoss::new(name).bottoms(by_prob)],
        5 => layers![..list, SigmoidCrossEntropyLoss::new(name).bottoms(by_logits)],
        6 => layers![..list, HingeLoss::new(name).bottoms(by_logits)],
        7 => layers![..list, sigmoid, GaussianKLLoss::new(name).bottoms([logits, prob.as_str()])],
        _ => {
            let distance = |i: usize, j: usize| i.abs_diff(j) as f64;
            let on_a_line = (0..CLASSES).map(|i| (0..CLASSES).map(|j| distance(i, j)).collect()).collect();
            layers![..list, softmax, WassersteinLoss::new(name, on_a_line, 3.0).bottoms(by_prob)]
        }
    }
}

fn bits(tensor: &core_tensor::Tensor) -> Vec<u32> {
    tensor.read::<f32>().unwrap().into_iter().map(f32::to_bits).collect()
}

/// Two passes through the net as it is and with memory for each blob. Everything that can be read agrees, and it can all be read
/// in the latter. Returns how many bytes the former saves.
fn check(list: &LayerList, outputs: &[String], training: bool) -> usize {
    let mut shared = Net::new("shared", &backend(), list.clone()).unwrap();
    let mut apart = Net::builder("apart").keep_all_blobs().build(&backend(), list.clone()).unwrap();
    for _ in 0..2 {
        assert_eq!(shared.forward().unwrap().to_bits(), apart.forward().unwrap().to_bits());
        if training {
            shared.backward().unwrap();
            apart.backward().unwrap();
        }
        for (name, own) in apart.blob_names().map(|name| (name, apart.blob(name).unwrap())) {
            let Ok(blob) = shared.blob(name) else { continue };
            assert_eq!(bits(&blob.data), bits(&own.data), "blob `{name}`");
            if let Some(diff) = &blob.diff {
                assert_eq!(bits(diff), bits(own.diff.as_ref().unwrap()), "gradient of `{name}`");
            }
        }
        assert!(training || outputs.iter().all(|output| shared.blob(output).is_ok()));
        for (param, own) in shared.params().iter().zip(apart.params()).filter(|_| training) {
            assert_eq!(param.diff().map(bits), own.diff().map(bits), "{}", param.key());
        }
    }
    let (shared, apart) = (shared.summary(), apart.summary());
    assert_eq!(apart.bytes, apart.bytes_without_reuse);
    assert!(shared.bytes <= apart.bytes && shared.bytes_without_reuse <= apart.bytes);
    apart.bytes - shared.bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_nets_compute_the_same_bits(
        batch in 1usize..20,
        choices in prop::collection::vec((0usize..24, 0usize..100, 0usize..100), 1..14),
        chained in any::<bool>(),
        first_loss in 0usize..LOSSES,
    ) {
        let latest = |(index, choice): (usize, Choice)| if chained { (choice.0, index, choice.2) } else { choice };
        let choices: Vec<Choice> = choices.into_iter().enumerate().map(latest).collect();
        let (list, outputs) = random(batch, &choices);
        check(&list, &outputs, false);
        check(&with_losses(list, &outputs, first_loss), &[], true);
    }
}

fn conv(index: usize, bottom: &str) -> Convolution {
    let top = format!("y{index}");
    Convolution::new(format!("conv{index}"), CHANNELS, (3, 3)).pad((1, 1)).bottom(bottom).top(top)
}

/// Five layers in a row, whose blobs are all as large.
fn chain(batch: usize) -> LayerList {
    layers![data(batch), conv(1, "data"), conv(2, "y1"), conv(3, "y2"), conv(4, "y3"), conv(5, "y4")]
}

const BLOB: usize = 16 * CHANNELS * SIDE * SIDE * size_of::<f32>();
const LOGITS: usize = 16 * CLASSES * size_of::<f32>();

#[test]
fn a_chain_takes_turns_in_two_blocks() {
    let outputs = ["y5".to_owned()];
    // Of five blobs' data two remain in one net; of their gradients two in the other, and that of the logits moves in too.
    assert_eq!(check(&chain(16), &outputs, false), 3 * BLOB);
    assert_eq!(check(&with_losses(chain(16), &outputs, 0), &[], true), 3 * BLOB + LOGITS);
    let neurons = layers![..chain(16), Activation::new("relu", Neuron::ReLU).bottom("y5").top("z")];
    assert_eq!(check(&neurons, &["z".into()], false), 4 * BLOB, "a neuron works in place");
}

#[test]
fn what_is_gone_says_so_and_can_be_kept() {
    let net = Net::new("net", &backend(), chain(16)).unwrap();
    assert_eq!(
        net.blob("y1").unwrap_err().to_string(),
        "blob `y1` of net `net` is gone after a pass, since its memory is that of `y3` then; expected a net built with \
         `Net::builder(..).keep_blobs([\"y1\"])`"
    );
    assert_eq!(net.blob_shape("y1").unwrap().sizes(), [16, CHANNELS, SIDE, SIDE]);
    let readable = |net: &Net| -> Vec<String> {
        net.blob_names().filter(|name| net.blob(name).is_ok()).map(str::to_owned).collect()
    };
    assert_eq!(readable(&net), ["data", "label", "y4", "y5"]);
    let kept = Net::builder("net").keep_blobs(["y2"]).build(&backend(), chain(16)).unwrap();
    assert_eq!(readable(&kept), ["data", "label", "y2", "y4", "y5"]);
    // For inference the top of a dropout is its bottom.
    let drop = layers![..chain(16), Dropout::new("drop", 0.5).bottom("y1").top("dropped")];
    let dropped = layers![..drop, conv(6, "dropped"), conv(7, "y6"), conv(8, "y7")];
    let kept = Net::builder("net").keep_blobs(["dropped"]).build(&backend(), dropped).unwrap();
    assert!(kept.blob("dropped").is_ok() && kept.blob("y1").is_ok());
    let text = Net::new("net", &backend(), chain(1000)).unwrap().summary().to_string();
    assert!(text.ends_with("memory of blobs, parameters and gradients: 1.3 MiB, 2.5 MiB without reuse"), "{text}");
}

#[test]
fn gradients_that_outlive_the_backward_pass_are_shown() {
    let list = with_losses(chain(16), &["y5".into()], 0);
    let shown = |net: &Net| -> Vec<String> {
        net.blob_names().filter(|name| net.blob(name).unwrap().diff.is_some()).map(str::to_owned).collect()
    };
    let net = Net::new("net", &backend(), list.clone()).unwrap();
    assert_eq!(shown(&net)[..2], ["y1", "y2"], "backward they come last");
    let kept = Net::builder("net").keep_blobs(["y4"]).build(&backend(), list).unwrap();
    assert!(shown(&kept).contains(&"y4".into()));
}
