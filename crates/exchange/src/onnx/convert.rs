//! Each kind of layer in ONNX's operators. A layer that is missing here cannot be exported, and the error says so.

use super::graph::{Graph, Value};
use crate::{Error, Result};
use core_tensor::ops::PoolMethod;
use layers::{Layer, Wiring, prelude::*};

/// What one kind of layer becomes; `None` if the layer is of another kind.
type Converter = fn(&mut Graph<'_>, &dyn Layer) -> Option<Result<()>>;

/// All kinds that can be exported.
const CONVERTERS: &[Converter] = &[
    |graph, layer| of(layer).map(|layer| convolution(graph, layer)),
    |graph, layer| of(layer).map(|layer| deconvolution(graph, layer)),
    |graph, layer| of(layer).map(|layer| inner_product(graph, layer)),
    |graph, layer| of(layer).map(|layer| pooling(graph, layer)),
    |graph, layer| of(layer).map(|layer| activation(graph, layer)),
    |graph, layer| of(layer).map(|layer| softmax(graph, layer)),
    |graph, layer| of(layer).map(|layer| lrn(graph, layer)),
    |graph, layer| of(layer).map(|layer| batch_norm(graph, layer)),
    |graph, layer| of(layer).map(|layer| scale(graph, layer)),
    |graph, layer| of(layer).map(|layer| bias(graph, layer)),
    |graph, layer| of(layer).map(|layer| prelu(graph, layer)),
    |graph, layer| of(layer).map(|layer| power(graph, layer)),
    |graph, layer| of(layer).map(|layer| element_wise(graph, layer)),
    |graph, layer| of::<Dropout>(layer).map(|layer| pass(graph, &layer.wiring.bottoms, &layer.wiring.tops)),
    |graph, layer| of::<RandomMask>(layer).map(|layer| pass(graph, &layer.wiring.bottoms, &layer.wiring.tops)),
    |graph, layer| of::<Identity>(layer).map(|layer| pass(graph, &layer.wiring.bottoms, &layer.wiring.tops)),
    |graph, layer| of::<Split>(layer).map(|layer| split(graph, layer)),
    |graph, layer| of::<Flatten>(layer).map(|layer| reshape(graph, &layer.wiring.bottoms, &layer.wiring.tops)),
    |graph, layer| of::<Reshape>(layer).map(|layer| reshape(graph, &layer.wiring.bottoms, &layer.wiring.tops)),
    |graph, layer| of(layer).map(|layer| concat(graph, layer)),
    |graph, layer| of(layer).map(|layer| slice(graph, layer)),
];

/// Adds a layer's nodes.
pub(super) fn layer(graph: &mut Graph<'_>, layer: &dyn Layer) -> Result<()> {
    let converted = CONVERTERS.iter().find_map(|convert| convert(graph, layer));
    converted
        .unwrap_or_else(|| refuse(layer, "ONNX export does not know this kind; end the net before it, or leave it out"))
}

fn of<L: Layer>(layer: &dyn Layer) -> Option<&L> {
    layer.as_any().downcast_ref()
}

fn refuse<T>(layer: &dyn Layer, reason: impl Into<String>) -> Result<T> {
    let (name, kind) = (layer.wiring().name.clone(), layer.kind().to_owned());
    Err(Error::Layer { layer: name, kind, reason: reason.into() })
}

fn convolution(graph: &mut Graph<'_>, layer: &Convolution) -> Result<()> {
    let Convolution { kernel, stride, pad, dilation, n_group, bias_term, neuron, .. } = *layer;
    let windows = || windows(kernel, stride, pad, dilation, n_group);
    affine(graph, &layer.wiring, "Conv", "filter", bias_term, neuron, windows)
}

fn deconvolution(graph: &mut Graph<'_>, layer: &Deconvolution) -> Result<()> {
    let Deconvolution { kernel, stride, pad, dilation, n_group, bias_term, neuron, .. } = *layer;
    let windows = || windows(kernel, stride, pad, dilation, n_group);
    affine(graph, &layer.wiring, "ConvTranspose", "filter", bias_term, neuron, windows)
}

fn inner_product(graph: &mut Graph<'_>, layer: &InnerProduct) -> Result<()> {
    let transposed = || vec![("transB", Value::Int(1))];
    affine(graph, &layer.wiring, "Gemm", "weight", layer.bias_term, layer.neuron, transposed)
}

/// A matrix or filter, a bias if there is one, and the neuron; for each bottom.
fn affine(
    graph: &mut Graph<'_>,
    wiring: &Wiring,
    op: &str,
    weight: &str,
    bias_term: bool,
    activation: Neuron,
    attributes: impl Fn() -> Vec<(&'static str, Value)>,
) -> Result<()> {
    for (bottom, top) in pairs(&wiring.bottoms, &wiring.tops) {
        let mut inputs = vec![bottom.to_owned(), graph.param(&format!("{}___{weight}", wiring.name))?];
        if bias_term {
            inputs.push(graph.param(&format!("{}___bias", wiring.name))?);
        }
        if op == "Gemm" {
            inputs[0] = format!("{top}/flat");
            graph.node("Flatten", &[bottom], &inputs[0], vec![("axis", Value::Int(1))]);
        }
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        let before = before_neuron(activation, top);
        graph.node(op, &inputs, &before, attributes());
        neuron(graph, activation, &before, top);
    }
    Ok(())
}

/// How filters move over an image.
fn windows(kernel: Size2, stride: Size2, pad: Size2, dilation: Size2, n_group: usize) -> Vec<(&'static str, Value)> {
    vec![
        ("kernel_shape", Value::Ints(vec![kernel.height, kernel.width])),
        ("strides", Value::Ints(vec![stride.height, stride.width])),
        ("pads", Value::Ints(vec![pad.height, pad.width, pad.height, pad.width])),
        ("dilations", Value::Ints(vec![dilation.height, dilation.width])),
        ("group", Value::Int(n_group as i64)),
    ]
}

/// Our windows may hang over the edge on the far side (sizes round up, as Caffe's do), and a mean divides by the whole window.
/// ONNX rounds down, so the far side's pad is made as large as the last window needs.
fn pooling(graph: &mut Graph<'_>, layer: &Pooling) -> Result<()> {
    for (bottom, top) in layer.wiring.bottoms.iter().zip(&layer.wiring.tops) {
        let (input, output) = (graph.net.blob_shape(bottom)?, graph.net.blob_shape(top)?);
        let far = |axis: usize, kernel: usize, stride: usize, pad: usize| {
            ((output.axis(axis) - 1) * stride + kernel).saturating_sub(input.axis(axis) + pad)
        };
        let whole = Size2 { width: input.axis(3), height: input.axis(2) };
        let kernel = if layer.global { whole } else { layer.kernel };
        let (stride, pad) = (layer.stride, layer.pad);
        let far = (far(2, kernel.height, stride.height, pad.height), far(3, kernel.width, stride.width, pad.width));
        let mut attributes = vec![
            ("kernel_shape", Value::Ints(vec![kernel.height, kernel.width])),
            ("strides", Value::Ints(vec![stride.height, stride.width])),
            ("pads", Value::Ints(vec![pad.height, pad.width, far.0, far.1])),
        ];
        let before = before_neuron(layer.neuron, top);
        match layer.pooling {
            PoolMethod::Max => graph.node("MaxPool", &[bottom], &before, attributes),
            PoolMethod::Mean => {
                attributes.push(("count_include_pad", Value::Int(1)));
                graph.node("AveragePool", &[bottom], &before, attributes);
            }
        }
        neuron(graph, layer.neuron, &before, top);
    }
    Ok(())
}

fn activation(graph: &mut Graph<'_>, layer: &Activation) -> Result<()> {
    for (bottom, top) in layer.wiring.bottoms.iter().zip(&layer.wiring.tops) {
        if layer.neuron == Neuron::Identity {
            graph.node("Identity", &[bottom], top, vec![]);
        }
        neuron(graph, layer.neuron, bottom, top);
    }
    Ok(())
}

fn softmax(graph: &mut Graph<'_>, layer: &Softmax) -> Result<()> {
    for (bottom, top) in layer.wiring.bottoms.iter().zip(&layer.wiring.tops) {
        graph.node("Softmax", &[bottom], top, vec![("axis", Value::Int(layer.axis as i64))]);
    }
    Ok(())
}

fn lrn(graph: &mut Graph<'_>, layer: &Lrn) -> Result<()> {
    let [(bottom, top)] = pairs(&layer.wiring.bottoms, &layer.wiring.tops)[..] else {
        return refuse(layer, "it has several bottoms");
    };
    if layer.kernel.is_multiple_of(2) {
        return refuse(layer, format!("onnxruntime takes windows of odd size only, not {}", layer.kernel));
    }
    if layer.mode == LrnMode::AcrossChannel && layer.axis == 1 {
        let attributes = vec![
            ("size", Value::Int(layer.kernel as i64)),
            ("alpha", Value::Float(layer.scale)),
            ("beta", Value::Float(layer.power)),
            ("bias", Value::Float(layer.shift)),
        ];
        graph.node("LRN", &[bottom], top, attributes);
        return Ok(());
    }
    if layer.mode == LrnMode::AcrossChannel {
        return refuse(layer, format!("ONNX normalizes across axis 1 only, not {}", layer.axis));
    }
    // x (shift + scale mean(x^2))^-power, said in single steps.
    let step = |what: &str| format!("{top}/{what}");
    let (side, pad) = (layer.kernel, layer.kernel / 2);
    graph.node("Mul", &[bottom, bottom], &step("square"), vec![]);
    let attributes = vec![
        ("kernel_shape", Value::Ints(vec![side, side])),
        ("pads", Value::Ints(vec![pad; 4])),
        ("count_include_pad", Value::Int(1)),
    ];
    graph.node("AveragePool", &[&step("square")], &step("mean"), attributes);
    let (scale, shift) = (graph.number(&step("scale"), layer.scale), graph.number(&step("shift"), layer.shift));
    let power = graph.number(&step("power"), -layer.power);
    graph.node("Mul", &[&step("mean"), &scale], &step("scaled"), vec![]);
    graph.node("Add", &[&step("scaled"), &shift], &step("shifted"), vec![]);
    graph.node("Pow", &[&step("shifted"), &power], &step("factor"), vec![]);
    graph.node("Mul", &[bottom, &step("factor")], top, vec![]);
    Ok(())
}

/// The layer has sums of the moments and the sum of their weights; ONNX wants the moments themselves.
fn batch_norm(graph: &mut Graph<'_>, layer: &BatchNorm) -> Result<()> {
    if layer.axis != 1 {
        return refuse(layer, format!("ONNX normalizes along axis 1 only, not {}", layer.axis));
    }
    let name = &layer.wiring.name;
    let read = |what: &str| -> Result<Vec<f32>> { Ok(graph.net.param(&format!("{name}___{what}"))?.data().read()?) };
    let (means, variances, weight) = (read("mean")?, read("variance")?, read("weight")?[0]);
    let moments = |sums: &[f32], without: f32| -> Vec<f32> {
        sums.iter().map(|sum| if weight == 0.0 { without } else { sum / weight }).collect()
    };
    let n = means.len();
    let factor = graph.floats(&format!("{name}/factor"), &[n], &vec![1.0; n]);
    let summand = graph.floats(&format!("{name}/summand"), &[n], &vec![0.0; n]);
    let mean = graph.floats(&format!("{name}.mean"), &[n], &moments(&means, 0.0));
    let variance = graph.floats(&format!("{name}.variance"), &[n], &moments(&variances, 1.0));
    for (bottom, top) in pairs(&layer.wiring.bottoms, &layer.wiring.tops) {
        let inputs = [bottom, &factor, &summand, &mean, &variance];
        graph.node("BatchNormalization", &inputs, top, vec![("epsilon", Value::Float(layer.epsilon))]);
    }
    Ok(())
}

fn scale(graph: &mut Graph<'_>, layer: &Scale) -> Result<()> {
    for (bottom, top) in pairs(&layer.wiring.bottoms, &layer.wiring.tops) {
        let before = before_neuron(layer.neuron, top);
        let factor = along(graph, &layer.wiring.name, "scale", layer.axis, bottom)?;
        if layer.bias_term {
            let bias = along(graph, &layer.wiring.name, "bias", layer.axis, bottom)?;
            let scaled = format!("{top}/scaled");
            graph.node("Mul", &[bottom, &factor], &scaled, vec![]);
            graph.node("Add", &[&scaled, &bias], &before, vec![]);
        } else {
            graph.node("Mul", &[bottom, &factor], &before, vec![]);
        }
        neuron(graph, layer.neuron, &before, top);
    }
    Ok(())
}

fn bias(graph: &mut Graph<'_>, layer: &Bias) -> Result<()> {
    for (bottom, top) in pairs(&layer.wiring.bottoms, &layer.wiring.tops) {
        let bias = along(graph, &layer.wiring.name, "bias", layer.axis, bottom)?;
        graph.node("Add", &[bottom, &bias], top, vec![]);
    }
    Ok(())
}

fn prelu(graph: &mut Graph<'_>, layer: &PRelu) -> Result<()> {
    for (bottom, top) in pairs(&layer.wiring.bottoms, &layer.wiring.tops) {
        let slope = along(graph, &layer.wiring.name, "slope", layer.axis, bottom)?;
        graph.node("PRelu", &[bottom, &slope], top, vec![]);
    }
    Ok(())
}

/// A parameter with a number for each channel, shaped so that it is broadcast over the axes after `axis`.
fn along(graph: &mut Graph<'_>, layer: &str, param: &str, axis: usize, bottom: &str) -> Result<String> {
    let key = format!("{layer}___{param}");
    let values: Vec<f32> = graph.net.param(&key)?.data().read()?;
    let axes_after = graph.net.blob_shape(bottom)?.rank() - axis - 1;
    let sizes = [vec![values.len()], vec![1; axes_after]].concat();
    Ok(graph.floats(&crate::names::outside(&key), &sizes, &values))
}

fn power(graph: &mut Graph<'_>, layer: &Power) -> Result<()> {
    for (bottom, top) in layer.wiring.bottoms.iter().zip(&layer.wiring.tops) {
        let step = |what: &str| format!("{top}/{what}");
        let (scale, shift) = (graph.number(&step("scale"), layer.scale), graph.number(&step("shift"), layer.shift));
        let power = graph.number(&step("power"), layer.power);
        graph.node("Mul", &[bottom, &scale], &step("scaled"), vec![]);
        graph.node("Add", &[&step("scaled"), &shift], &step("shifted"), vec![]);
        graph.node("Pow", &[&step("shifted"), &power], top, vec![]);
    }
    Ok(())
}

fn element_wise(graph: &mut Graph<'_>, layer: &ElementWise) -> Result<()> {
    let op = match layer.operation {
        ElementWiseOperation::Add => "Add",
        ElementWiseOperation::Subtract => "Sub",
        ElementWiseOperation::Multiply => "Mul",
        ElementWiseOperation::Divide => "Div",
    };
    let ([a, b], [top]) = (&layer.wiring.bottoms[..], &layer.wiring.tops[..]) else {
        return refuse(layer, "it has not two bottoms and one top");
    };
    graph.node(op, &[a, b], top, vec![]);
    Ok(())
}

/// Layers that let everything through when they do not train, or always.
fn pass(graph: &mut Graph<'_>, bottoms: &[String], tops: &[String]) -> Result<()> {
    for (bottom, top) in pairs(bottoms, tops) {
        graph.node("Identity", &[bottom], top, vec![]);
    }
    Ok(())
}

fn split(graph: &mut Graph<'_>, layer: &Split) -> Result<()> {
    for (bottom, top) in layer.wiring.bottoms.iter().cycle().zip(&layer.wiring.tops) {
        graph.node("Identity", &[bottom], top, vec![]);
    }
    Ok(())
}

/// Another shape for each sample; 0 keeps the number of samples.
fn reshape(graph: &mut Graph<'_>, bottoms: &[String], tops: &[String]) -> Result<()> {
    for (bottom, top) in pairs(bottoms, tops) {
        let shape = graph.net.blob_shape(top)?;
        let sizes: Vec<i64> = std::iter::once(0).chain(shape.sizes().iter().skip(1).map(|&size| size as i64)).collect();
        let sizes = graph.indices(&format!("{top}/shape"), &sizes);
        graph.node("Reshape", &[bottom, &sizes], top, vec![]);
    }
    Ok(())
}

fn concat(graph: &mut Graph<'_>, layer: &Concat) -> Result<()> {
    if layer.axis == 0 {
        return refuse(layer, "it joins batches, whose size is free in the model");
    }
    let bottoms: Vec<&str> = layer.wiring.bottoms.iter().map(String::as_str).collect();
    graph.node_with("Concat", &bottoms, &layer.wiring.tops, vec![("axis", Value::Int(layer.axis as i64))]);
    Ok(())
}

fn slice(graph: &mut Graph<'_>, layer: &Slice) -> Result<()> {
    let [bottom] = &layer.wiring.bottoms[..] else { return refuse(layer, "it has several bottoms") };
    if layer.axis == 0 {
        return refuse(layer, "it cuts the batch, whose size is free in the model");
    }
    let mut sizes = Vec::new();
    for top in &layer.wiring.tops {
        sizes.push(graph.net.blob_shape(top)?.axis(layer.axis) as i64);
    }
    let sizes = graph.indices(&format!("{}/sizes", layer.wiring.name), &sizes);
    graph.node_with("Split", &[bottom, &sizes], &layer.wiring.tops, vec![("axis", Value::Int(layer.axis as i64))]);
    Ok(())
}

fn pairs<'a>(bottoms: &'a [String], tops: &'a [String]) -> Vec<(&'a str, &'a str)> {
    bottoms.iter().map(String::as_str).zip(tops.iter().map(String::as_str)).collect()
}

/// The blob that a neuron works on; without one it is the top itself.
fn before_neuron(neuron: Neuron, top: &str) -> String {
    if neuron == Neuron::Identity { top.to_owned() } else { format!("{top}/before") }
}

/// Adds the neuron between `before` and `top`, if there is one.
fn neuron(graph: &mut Graph<'_>, neuron: Neuron, before: &str, top: &str) {
    match neuron {
        Neuron::Identity => {}
        Neuron::Relu { epsilon: 0.0 } => graph.node("Relu", &[before], top, vec![]),
        Neuron::Relu { epsilon } => {
            let floor = graph.number(&format!("{top}/floor"), epsilon);
            graph.node("Max", &[before, &floor], top, vec![]);
        }
        Neuron::LeakyRelu => graph.node("LeakyRelu", &[before], top, vec![("alpha", Value::Float(0.01))]),
        Neuron::Sigmoid => graph.node("Sigmoid", &[before], top, vec![]),
        Neuron::Tanh => graph.node("Tanh", &[before], top, vec![]),
        Neuron::Exponential => graph.node("Exp", &[before], top, vec![]),
        Neuron::Elu { alpha } => graph.node("Elu", &[before], top, vec![("alpha", Value::Float(alpha))]),
        Neuron::Silu => {
            let gate = format!("{top}/gate");
            graph.node("Sigmoid", &[before], &gate, vec![]);
            graph.node("Mul", &[before, &gate], top, vec![]);
        }
        // x (1 + erf(x / sqrt 2)) / 2; an operator of its own came with version 20.
        Neuron::Gelu => {
            let step = |what: &str| format!("{top}/{what}");
            let (root, one, half) = (
                graph.number(&step("root"), 0.5f64.sqrt()),
                graph.number(&step("one"), 1.0),
                graph.number(&step("half"), 0.5),
            );
            graph.node("Mul", &[before, &root], &step("scaled"), vec![]);
            graph.node("Erf", &[&step("scaled")], &step("erf"), vec![]);
            graph.node("Add", &[&step("erf"), &one], &step("share"), vec![]);
            graph.node("Mul", &[before, &step("share")], &step("twice"), vec![]);
            graph.node("Mul", &[&step("twice"), &half], top, vec![]);
        }
    }
}
