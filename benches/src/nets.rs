//! The nets that are timed, each one a list of layers from blob `data` to blob `logits`, and what feeds them.
//!
//! All weights start as Xavier draws them, also where Caffe's file has a Gaussian: the time does not depend on it.

use clap::ValueEnum;
use layers::prelude::*;
use ndarray::{Array2, Array4};
use std::fmt;

/// Classes of every reference net.
const CLASSES: usize = 10;

/// A reference net by its name on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Reference {
    /// LeNet as Caffe modified it, 1x28x28
    Lenet,
    /// 784-1200-1200-10 with rectified linear units
    Mlp,
    /// Caffe's CIFAR-10 'full', 3x32x32
    Cifar10Full,
    /// Three 3x3 convolutions with 64 channels, 32x32
    #[value(name = "conv3x3-64")]
    Conv64,
    /// Three 3x3 convolutions with 128 channels, 16x16
    #[value(name = "conv3x3-128")]
    Conv128,
    /// Three 3x3 convolutions with 256 channels, 8x8
    #[value(name = "conv3x3-256")]
    Conv256,
}

impl Reference {
    /// All of them.
    pub const ALL: &[Reference] = &[
        Reference::Lenet,
        Reference::Mlp,
        Reference::Cifar10Full,
        Reference::Conv64,
        Reference::Conv128,
        Reference::Conv256,
    ];

    /// The layers.
    pub fn layers(self) -> LayerList {
        match self {
            Reference::Lenet => lenet(),
            Reference::Mlp => mlp(),
            Reference::Cifar10Full => cifar10_full(),
            Reference::Conv64 => conv3x3(64),
            Reference::Conv128 => conv3x3(128),
            Reference::Conv256 => conv3x3(256),
        }
    }

    /// One sample's channels, height and width.
    pub fn sample(self) -> [usize; 3] {
        match self {
            Reference::Lenet | Reference::Mlp => [1, 28, 28],
            Reference::Cifar10Full => [3, 32, 32],
            Reference::Conv64 => [64, side(64), side(64)],
            Reference::Conv128 => [128, side(128), side(128)],
            Reference::Conv256 => [256, side(256), side(256)],
        }
    }

    /// The batch size that is usual for it.
    pub fn batch(self) -> usize {
        match self {
            Reference::Lenet => 64,
            Reference::Mlp | Reference::Cifar10Full => 100,
            Reference::Conv64 | Reference::Conv128 | Reference::Conv256 => 32,
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.to_possible_value().as_ref().map_or("", |value| value.get_name()))
    }
}

/// LeNet (LeCun et al. 1998) with rectified linear units; Caffe: `examples/mnist/lenet_train_test.prototxt`.
pub fn lenet() -> LayerList {
    layers![
        Convolution::new("conv1", 20, (5, 5)).bottom("data").top("conv1"),
        Pooling::max("pool1", (2, 2)).stride((2, 2)).bottom("conv1").top("pool1"),
        Convolution::new("conv2", 50, (5, 5)).bottom("pool1").top("conv2"),
        Pooling::max("pool2", (2, 2)).stride((2, 2)).bottom("conv2").top("pool2"),
        InnerProduct::new("ip1", 500).neuron(Neuron::ReLU).bottom("pool2").top("ip1"),
        InnerProduct::new("ip2", CLASSES).bottom("ip1").top("logits"),
    ]
}

/// The multilayer perceptron of Mocha's `examples/mnist/mnist_dropout_fc.jl`.
pub fn mlp() -> LayerList {
    let drop = |name: &str, ratio, bottom: &str| Dropout::new(name, ratio).bottom(bottom).top(name);
    layers![
        drop("drop0", 0.2, "data"),
        InnerProduct::new("ip1", 1200).neuron(Neuron::ReLU).bottom("drop0").top("ip1"),
        drop("drop1", 0.5, "ip1"),
        InnerProduct::new("ip2", 1200).neuron(Neuron::ReLU).bottom("drop1").top("ip2"),
        drop("drop2", 0.5, "ip2"),
        InnerProduct::new("ip3", CLASSES).bottom("drop2").top("logits"),
    ]
}

/// Caffe's CIFAR-10 'full': `examples/cifar10/cifar10_full_train_test.prototxt`.
pub fn cifar10_full() -> LayerList {
    let conv = |name: &str, filters| Convolution::new(name, filters, (5, 5)).pad((2, 2)).top(name);
    let norm = |name: &str, bottom: &str| {
        let within = Lrn::new(name).mode(LrnMode::WithinChannel).kernel(3).scale(5e-5).power(0.75);
        within.bottom(bottom).top(name)
    };
    layers![
        conv("conv1", 32).bottom("data"),
        Pooling::max("pool1", (3, 3)).stride((2, 2)).neuron(Neuron::ReLU).bottom("conv1").top("pool1"),
        norm("norm1", "pool1"),
        conv("conv2", 32).neuron(Neuron::ReLU).bottom("norm1"),
        Pooling::mean("pool2", (3, 3)).stride((2, 2)).bottom("conv2").top("pool2"),
        norm("norm2", "pool2"),
        conv("conv3", 64).neuron(Neuron::ReLU).bottom("norm2"),
        Pooling::mean("pool3", (3, 3)).stride((2, 2)).bottom("conv3").top("pool3"),
        InnerProduct::new("ip1", CLASSES).bottom("pool3").top("logits"),
    ]
}

/// Three 3x3 convolutions that keep channels and image size, as in a ResNet, on images of 64 channels and 32x32, 128 and
/// 16x16, or 256 and 8x8: a convolution costs the same in all three.
pub fn conv3x3(channels: usize) -> LayerList {
    let conv = |name: &str| Convolution::new(name, channels, (3, 3)).pad((1, 1)).neuron(Neuron::ReLU).top(name);
    layers![
        conv("conv1").bottom("data"),
        conv("conv2").bottom("conv1"),
        conv("conv3").bottom("conv2"),
        Pooling::mean("pool", (side(channels), side(channels))).bottom("conv3").top("pool"),
        InnerProduct::new("ip", CLASSES).bottom("pool").top("logits"),
    ]
}

fn side(channels: usize) -> usize {
    2048 / channels.max(1)
}

/// The net with one batch of noise that repeats, and a loss.
pub fn training(reference: Reference, batch: usize) -> LayerList {
    let loss = SoftmaxLoss::new("loss").bottoms(["logits", "label"]);
    layers![noise(reference, batch), ..reference.layers(), loss]
}

/// The net with one batch of noise that repeats, and probabilities.
pub fn inference(reference: Reference, batch: usize) -> LayerList {
    layers![noise(reference, batch), ..reference.layers(), Softmax::new("prob").bottom("logits").top("prob")]
}

/// One batch of images between 0 and 1 and of labels, without a pattern along any axis.
pub fn noise(reference: Reference, batch: usize) -> MemoryData {
    let [channels, height, width] = reference.sample();
    let mut state = 1_u32;
    let images = Array4::from_shape_simple_fn((batch, channels, height, width), || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223); // Numerical Recipes' generator
        (state >> 8) as f32 / (1 << 24) as f32
    });
    let labels = Array2::from_shape_fn((batch, 1), |(n, _)| (n % CLASSES) as f32);
    MemoryData::new("data", batch).array("data", images).array("label", labels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use backend_cpu::Cpu;

    #[test]
    fn blobs_have_the_shapes_of_caffes_files() {
        let cpu = Cpu::with_threads(1).unwrap();
        let outputs = |reference: Reference| -> Vec<String> {
            let net = Net::new("net", &cpu, inference(reference, 1)).unwrap();
            net.summary().rows.into_iter().map(|row| row.outputs).collect()
        };
        let lenet = outputs(Reference::Lenet);
        assert_eq!(lenet[1..5], ["conv1 1x20x24x24", "pool1 1x20x12x12", "conv2 1x50x8x8", "pool2 1x50x4x4"]);
        let cifar = outputs(Reference::Cifar10Full).join(", ");
        for blob in ["conv1 1x32x32x32", "pool1 1x32x16x16", "pool2 1x32x8x8", "conv3 1x64x8x8", "pool3 1x64x4x4"] {
            assert!(cifar.contains(blob), "{blob} is not among {cifar}");
        }
        for conv in [Reference::Conv64, Reference::Conv128, Reference::Conv256] {
            let [channels, side, _] = conv.sample();
            assert_eq!(outputs(conv)[3], format!("conv3 1x{channels}x{side}x{side}"));
        }
    }

    #[test]
    fn nets_learn() {
        let cpu = Cpu::new().unwrap();
        for &reference in Reference::ALL {
            let mut net = Net::new("net", &cpu, training(reference, 3)).unwrap();
            let loss = net.forward().unwrap();
            net.backward().unwrap();
            assert!(loss > 0.5 && net.params().iter().all(|param| param.diff().is_some()), "{reference}: {loss}");
        }
    }
}
