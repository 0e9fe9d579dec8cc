//! Networks: layers as boxes, blobs with their shapes as arrows.
//!
//! [`dot`] gives text for GraphViz, [`svg`] the picture itself, which needs no program. Both come from the same text, so that
//! they cannot differ: the SVG is [`layout`]'s rendering of the DOT. Mocha (`src/utils/graphviz.jl`) and Caffe
//! (`python/caffe/draw.py`) write DOT alone, and who has no GraphViz sees nothing.

use crate::Error;
use layers::{Layer, LayerRef, Net, SummaryRow};
use layout::{
    backends::svg::SVGWriter,
    gv::{DotParser, GraphBuilder},
};
use std::{collections::HashMap, fmt::Write as _};

/// The net as a GraphViz graph, to be drawn with `dot -Tsvg`.
///
/// Boxes are layers in the order they were given, with parameters and the cost of a forward pass; green ones bring data, red
/// ones are losses, yellow ones statistics. Arrows are blobs with their shapes; a blob that nobody takes ends in a dot.
///
/// ```
/// use layers::prelude::*;
/// let backend = backend_cpu::Cpu::new()?;
/// let net = Net::new("tiny", &backend, layers![
///     MemoryData::new("image", 2).zeros("data", [1, 8, 8, 1]),
///     InnerProduct::new("ip", 10).bottom("data").top("ip"),
/// ])?;
/// let dot = picture::network::dot(&net);
/// assert!(dot.contains(r#""image" -> "ip" [label="data\n"#));
/// assert!(picture::network::svg(&net)?.contains("<svg"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn dot(net: &Net) -> String {
    let rows = net.summary().rows;
    let rows: HashMap<&str, &SummaryRow> = rows.iter().map(|row| (row.layer.as_str(), row)).collect();
    let mut text = format!("digraph {} {{\n", quoted(net.name()));
    text.push_str("  node [shape=box, style=filled, fontname=\"sans-serif\"];\n");
    text.push_str("  edge [fontname=\"sans-serif\", fontsize=11];\n");
    for layer in layers(net) {
        let name = &layer.wiring().name;
        let label = label(layer, rows.get(name.as_str()).copied());
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {} [label={}, fillcolor=\"{}\"];", quoted(name), quoted(&label), colour(layer));
    }
    for layer in layers(net) {
        for blob in &layer.wiring().tops {
            arrows(net, layer, blob, &mut text);
        }
    }
    text.push_str("}\n");
    text
}

/// The net as an SVG picture; what it shows is described at [`dot`].
///
/// # Errors
/// The layout fails, which no net is known to make it do.
pub fn svg(net: &Net) -> Result<String, Error> {
    let dot = dot(net);
    let graph =
        DotParser::new(&dot).process().map_err(|reason| Error::Layout { net: net.name().to_owned(), reason })?;
    let mut builder = GraphBuilder::new();
    builder.visit_graph(&graph);
    let mut picture = SVGWriter::new();
    let (debugging, without_optimizing, without_layout) = (false, false, false);
    builder.get().do_it(debugging, without_optimizing, without_layout, &mut picture);
    Ok(picture.finalize())
}

fn layers(net: &Net) -> impl Iterator<Item = &dyn Layer> {
    net.layers().0.iter().map(LayerRef::layer)
}

/// `conv1`, below it its kind, below that what it costs.
fn label(layer: &dyn Layer, row: Option<&SummaryRow>) -> String {
    let mut lines = vec![layer.wiring().name.clone(), layer.kind().to_owned()];
    let parameters = row.filter(|row| row.parameters > 0).map(|row| format!("{} parameters", row.parameters));
    let cost = row.filter(|row| row.flops > 0.0).map(|row| format!("{:.3} MFLOP", row.flops / 1e6));
    lines.extend(parameters);
    lines.extend(cost);
    lines.join("\n")
}

fn colour(layer: &dyn Layer) -> &'static str {
    let wiring = layer.wiring();
    if layer.is_loss() {
        "#f8cecc"
    } else if wiring.bottoms.is_empty() {
        "#d5e8d4"
    } else if wiring.tops.is_empty() {
        "#fff2cc"
    } else {
        "#dae8fc"
    }
}

/// One arrow to each layer that takes the blob.
fn arrows(net: &Net, maker: &dyn Layer, blob: &str, text: &mut String) {
    let shape = net.blob_shape(blob).map_or(String::new(), |shape| format!("\n{shape}"));
    let label = quoted(&format!("{blob}{shape}"));
    let maker = quoted(&maker.wiring().name);
    let mut arrow = |to: &str| {
        let _ = writeln!(text, "  {maker} -> {to} [label={label}];");
    };
    let mut takers = layers(net).filter(|layer| layer.wiring().bottoms.iter().any(|bottom| bottom == blob)).peekable();
    if takers.peek().is_none() {
        let end = quoted(&format!("blob {blob}"));
        arrow(&end);
        let _ = writeln!(text, "  {end} [shape=circle, label=\"\", width=0.1, fillcolor=\"#000000\"];");
        return;
    }
    takers.for_each(|taker| arrow(&quoted(&taker.wiring().name)));
}

/// A DOT string: quotes and backslashes are escaped, a new line is `\n`.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
