//! Writes every example of every kind of layer, and LeNet, as ONNX, each with inputs and our outputs, for `.ci/check_onnx.py` to
//! run in onnxruntime.
//!
//! ```text
//! cargo run -p exchange --example onnx-cases -- FOLDER
//! ```

use backend_cpu::Cpu;
use core_tensor::RngStream;
use exchange::{npz, onnx};
use layers::{Example, ExampleBottom, Net, Registry, prelude::*};
use ndarray::ArrayD;
use solver::{NamedArray, Values};
use std::{error::Error, fs, path::Path};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let folder = std::env::args().nth(1).ok_or("usage: onnx-cases FOLDER")?;
    let folder = Path::new(&folder);
    fs::create_dir_all(folder)?;
    let mut refused = Vec::new();
    for (i, example) in Registry::standard().examples().into_iter().enumerate() {
        let kind = example.layer.layer().kind();
        let no_inputs_or_outputs = example.bottoms.is_empty() || example.layer.layer().wiring().tops.is_empty();
        if no_inputs_or_outputs || example.owner.is_some() {
            continue;
        }
        match single(&example).and_then(|net| write(folder, &format!("{kind}-{i}"), net)) {
            Ok(()) => {}
            Err(error) if matches!(error.downcast_ref(), Some(exchange::Error::Layer { .. })) => refused.push(kind),
            Err(other) => return Err(format!("{kind}-{i}: {other}").into()),
        }
    }
    write(folder, "LeNet", lenet()?)?;
    refused.dedup();
    fs::write(folder.join("refused.txt"), refused.join("\n"))?;
    Ok(())
}

/// The model, and an `.npz` with the inputs of one batch and what comes out.
fn write(folder: &Path, name: &str, mut net: Net) -> Result<()> {
    let model = onnx::encode(&net)?;
    net.forward()?;
    let mut arrays = Vec::new();
    for blob in net.blob_names() {
        let data = &net.blob(blob)?.data;
        arrays.push(NamedArray { name: blob.to_owned(), shape: data.shape(), values: Values::F32(data.read()?) });
    }
    fs::write(folder.join(name).with_extension("onnx"), model)?;
    fs::write(folder.join(name).with_extension("npz"), npz::encode(&arrays)?)?;
    Ok(())
}

/// The layer alone, with random bottoms and parameters.
fn single(example: &Example) -> Result<Net> {
    let mut rng = RngStream::new(1, "onnx cases");
    let mut layers = layers![];
    for (i, bottom) in example.bottoms.iter().enumerate() {
        let values: ArrayD<f32> = bottom.draw(&mut rng)?.mapv(|x| x as f32);
        layers.push(MemoryData::new(format!("data{i}"), values.shape()[0]).array(format!("bottom{i}"), values));
    }
    layers.push(example.layer.clone());
    let net = Net::builder("single").keep_all_blobs().build(&Cpu::new()?, layers)?;
    let is_norm = example.layer.layer().kind() == "BatchNorm";
    for param in net.params() {
        let values = random(param.data().shape().sizes(), &mut rng)?;
        // A variance is positive, and so is the weight that it is divided by.
        let fit = |x: &f32| if is_norm { x.abs() + 0.1 } else { 0.3 * x };
        param.set(&values.iter().map(fit).collect::<Vec<f32>>())?;
    }
    Ok(net)
}

fn random(sizes: &[usize], rng: &mut RngStream) -> Result<ArrayD<f32>> {
    Ok(ExampleBottom::Numbers(sizes.to_vec()).draw(rng)?.mapv(|x| x as f32))
}

fn lenet() -> Result<Net> {
    let mut rng = RngStream::new(2, "onnx digits");
    let digits = random(&[3, 1, 28, 28], &mut rng)?;
    let layers = layers![
        MemoryData::new("digits", 3).array("data", digits),
        Convolution::new("conv1", 20, (5, 5)).bottom("data").top("conv1"),
        Pooling::max("pool1", (2, 2)).stride((2, 2)).bottom("conv1").top("pool1"),
        Convolution::new("conv2", 50, (5, 5)).bottom("pool1").top("conv2"),
        Pooling::max("pool2", (2, 2)).stride((2, 2)).bottom("conv2").top("pool2"),
        InnerProduct::new("ip1", 500).neuron(Neuron::ReLU).bottom("pool2").top("ip1"),
        InnerProduct::new("ip2", 10).bottom("ip1").top("ip2"),
        Softmax::new("prob").bottom("ip2").top("prob"),
    ];
    Ok(Net::builder("LeNet").keep_all_blobs().build(&Cpu::new()?, layers)?)
}
