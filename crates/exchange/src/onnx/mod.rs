//! ONNX: a trained net as a file that onnxruntime and others run.
//!
//! The graph takes the blobs of the data layers and gives every blob that no layer takes; the number of samples is free.
//! Losses, and layers that only count, are left out. Blobs, and the nodes that make them, keep their names, so that an output of
//! onnxruntime can be laid beside [`layers::Net::blob`].

mod convert;
mod graph;
mod proto;

use crate::Result;
use graph::Graph;
use layers::{Layer, Net};
use prost::Message;

/// The version of ONNX's operators that is written: 17, of 2022, which all runtimes of the last years know.
pub const OPSET: i64 = 17;
/// The version of the file format that belongs to it.
const IR_VERSION: i64 = 8;

/// The net with its parameters as an ONNX model in 32-bit numbers. Build it without a loss: for instance `layers![MemoryData, ..common,
/// Softmax]`, with the parameters that were trained.
///
/// ```
/// use layers::prelude::*;
/// let net = Net::new("tiny", &backend_cpu::Cpu::new()?, layers![
///     MemoryData::new("input", 1).zeros("data", [1, 3]),
///     InnerProduct::new("ip", 2).bottom("data").top("ip"),
///     Softmax::new("prob").bottom("ip").top("prob"),
/// ])?;
/// let model = exchange::onnx::encode(&net)?;
/// assert!(model.len() > 100);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Error::Layer`](crate::Error::Layer) for a layer that ONNX has no operators for, or a parameter that cannot be read.
pub fn encode(net: &Net) -> Result<Vec<u8>> {
    let mut graph = Graph::new(net);
    let exported = |layer: &&dyn Layer| !layer.is_loss() && !layer.wiring().tops.is_empty();
    // The summary's rows are in order of computation, as ONNX wants its nodes.
    let rows = net.summary().rows;
    let in_order = rows.iter().map(|row| Ok(net.layer(&row.layer)?.layer())).collect::<Result<Vec<_>>>()?;
    let layers: Vec<&dyn Layer> = in_order.into_iter().filter(exported).collect();
    let taken = |blob: &String| layers.iter().any(|layer| layer.wiring().bottoms.contains(blob));
    for layer in &layers {
        if layer.wiring().bottoms.is_empty() {
            for blob in layer.wiring().tops.iter().filter(|blob| taken(blob)) {
                graph.input(blob)?;
            }
            continue;
        }
        convert::layer(&mut graph, *layer)?;
        for blob in layer.wiring().tops.iter().filter(|blob| !taken(blob)) {
            graph.output(blob)?;
        }
    }
    let model = proto::ModelProto {
        ir_version: IR_VERSION,
        producer_name: "Crema".into(),
        producer_version: env!("CARGO_PKG_VERSION").into(),
        graph: Some(graph.finish()),
        opset_import: vec![proto::OperatorSetIdProto { domain: String::new(), version: OPSET }],
    };
    Ok(model.encode_to_vec())
}
