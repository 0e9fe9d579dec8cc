//! LeNet, as Caffe modified it: the layers that training, validation and prediction share.

use layers::prelude::*;

/// The number of classes, the digits 0 to 9.
pub(crate) const CLASSES: usize = 10;

/// From blob `data` (N, 1, 28, 28) to blob `ip2` (N, 10). Nets built from clones of this list share their parameters.
pub(crate) fn lenet() -> LayerList {
    layers![
        Convolution::new("conv1", 20, (5, 5)).bottom("data").top("conv1"),
        Pooling::max("pool1", (2, 2)).stride((2, 2)).bottom("conv1").top("pool1"),
        Convolution::new("conv2", 50, (5, 5)).bottom("pool1").top("conv2"),
        Pooling::max("pool2", (2, 2)).stride((2, 2)).bottom("conv2").top("pool2"),
        InnerProduct::new("ip1", 500).neuron(Neuron::ReLU).bottom("pool2").top("ip1"),
        InnerProduct::new("ip2", CLASSES).bottom("ip1").top("ip2"),
    ]
}
