//! Weights of Caffe's, as h5py has written them in Caffe's layout, give the outputs that NumPy computes from the definitions
//! (`fixtures/make.py`).

#![allow(clippy::unwrap_used)] // a test stops at the first error

use backend_cpu::Cpu;
use io_hdf5::{File, read_weights};
use layers::prelude::*;
use solver::{NamedArray, load_weights};
use std::path::{Path, PathBuf};

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/caffe.h5")
}

fn check(name: &str) -> Vec<f32> {
    File::open(fixture()).unwrap().dataset(&format!("check/{name}")).unwrap().read().unwrap()
}

fn image_layers() -> LayerList {
    layers![
        Convolution::new("block/conv1", 4, (3, 2)).n_group(2).bottom("image").top("conv1"),
        BatchNorm::new("bn1").bottom("conv1").top("bn1"),
        Scale::new("scale1").bias_term(true).bottom("bn1").top("scale1"),
        PRelu::new("prelu1").channel_shared(true).bottom("scale1").top("prelu1"),
        InnerProduct::new("ip1", 3).bottom("prelu1").top("outputs"),
    ]
}

/// A net for inference that begins with a blob of this name and shape.
fn net(input: &str, sizes: &[usize], layers: LayerList) -> Net {
    let data = MemoryData::new("memory", sizes[0]).zeros(input, sizes.to_vec());
    Net::builder("net").inference().build(&Cpu::with_threads(1).unwrap(), layers![data, ..layers]).unwrap()
}

fn computes(mut net: Net, input: &str, output: &str) {
    let shape = net.blob(input).unwrap().data.shape();
    let numbers = ndarray::ArrayD::from_shape_vec(shape.sizes(), check(input)).unwrap();
    net.state_mut::<MemoryDataState>("memory").unwrap().set(input, numbers).unwrap();
    net.forward().unwrap();
    let (found, expected) = (net.blob(output).unwrap().data.read::<f32>().unwrap(), check(output));
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        assert!((found - expected).abs() < 1e-5, "{found} {expected}");
    }
}

#[test]
fn numbered_blobs_become_parameters() {
    let weights = read_weights(fixture()).unwrap();
    assert_eq!(weights.len(), 13);

    let mut image = net("image", &[2, 2, 4, 4], image_layers());
    let loaded = load_weights(&mut image, &weights).unwrap();
    assert_eq!(loaded.loaded.len(), 10);
    assert_eq!(loaded.loaded[..2], ["block/conv1___filter", "block/conv1___bias"]);
    assert_eq!(loaded.missing, [""; 0]);
    assert_eq!(loaded.extra, ["lstm1___0", "lstm1___1", "lstm1___2"]);
    computes(image, "image", "outputs");

    let lstm = Lstm::new("lstm1", 2).bottom("sequence").top("states");
    let mut sequence = net("sequence", &[2, 5, 3], layers![lstm]);
    assert_eq!(load_weights(&mut sequence, &weights).unwrap().loaded.len(), 3);
    computes(sequence, "sequence", "states");
}

#[test]
fn what_does_not_fit_is_told() {
    let weights = read_weights(fixture()).unwrap();
    let error = |layer: LayerRef, weights: &[NamedArray]| {
        let mut net = net("image", &[2, 2, 4, 4], layers![layer]);
        load_weights(&mut net, weights).unwrap_err().to_string()
    };
    assert_eq!(
        error(Convolution::new("block/conv1", 4, (2, 3)).n_group(2).bottom("image").top("y").into(), &weights),
        "parameter `block/conv1___0` in the snapshot, which is `block/conv1___filter` here, is of shape 4x1x2x3; expected \
         4x1x3x2, as in net `net`; rename the layer if it shall be trained anew"
    );
    let no_bias = Convolution::new("block/conv1", 4, (3, 2)).n_group(2).bias_term(false).bottom("image").top("y");
    assert_eq!(
        error(no_bias.into(), &weights),
        "the snapshot's layer `block/conv1` is one with a parameter 1, of shape 4; expected one with 1, counted from 0, as \
         in net `net`; the layer there may lack a bias"
    );
    let transposed = [NamedArray { name: "ip___0".into(), shape: Shape::new(&[32, 3]).unwrap(), ..weights[0].clone() }];
    let message = error(InnerProduct::new("ip", 3).bottom("image").top("y").into(), &transposed);
    assert!(message.contains("is of shape 32x3; expected 3x32, as in net `net`; it is transposed, as"), "{message}");
}
