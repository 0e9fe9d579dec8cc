//! A graph that grows node by node.

use super::proto::{
    AttributeProto, DimensionProto, FLOAT, GraphProto, INT64, NodeProto, TensorProto, TensorShapeProto,
    TensorTypeProto, TypeProto, ValueInfoProto, attribute,
};
use crate::{Result, names};
use core_tensor::Shape;
use layers::Net;

/// The name of the batch axis, whose size is free.
const BATCH: &str = "N";

/// The graph, and the net that it is made from.
pub(super) struct Graph<'a> {
    pub(super) net: &'a Net,
    graph: GraphProto,
}

/// An attribute of a node.
pub(super) enum Value {
    Float(f64),
    Int(i64),
    Ints(Vec<usize>),
}

impl<'a> Graph<'a> {
    pub(super) fn new(net: &'a Net) -> Self {
        Graph { net, graph: GraphProto { name: net.name().to_owned(), ..Default::default() } }
    }

    pub(super) fn finish(self) -> GraphProto {
        self.graph
    }

    /// Declares a blob that the model is given.
    pub(super) fn input(&mut self, blob: &str) -> Result<()> {
        let info = self.info(blob)?;
        self.graph.input.push(info);
        Ok(())
    }

    /// Declares a blob that the model gives.
    pub(super) fn output(&mut self, blob: &str) -> Result<()> {
        let info = self.info(blob)?;
        self.graph.output.push(info);
        Ok(())
    }

    /// Adds a node that makes `output`. Its name is that of the blob, which is unique.
    pub(super) fn node(&mut self, op: &str, inputs: &[&str], output: &str, attributes: Vec<(&str, Value)>) {
        self.node_with(op, inputs, &[output.to_owned()], attributes);
    }

    /// Adds a node with several outputs.
    pub(super) fn node_with(&mut self, op: &str, inputs: &[&str], outputs: &[String], attributes: Vec<(&str, Value)>) {
        self.graph.node.push(NodeProto {
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            output: outputs.to_vec(),
            name: outputs.first().cloned().unwrap_or_default(),
            op_type: op.to_owned(),
            attribute: attributes.into_iter().map(|(name, value)| value.named(name)).collect(),
        });
    }

    /// A parameter of a layer as an initializer, by its key: `conv1___filter` becomes `conv1.filter`. A shared one is stored once.
    pub(super) fn param(&mut self, key: &str) -> Result<String> {
        let param = self.net.param(key)?;
        let sizes = param.data().shape().sizes().to_vec();
        let values = param.data().read::<f32>()?;
        Ok(self.floats(&names::outside(key), &sizes, &values))
    }

    /// A constant of one number.
    pub(super) fn number(&mut self, name: &str, value: f64) -> String {
        self.floats(name, &[], &[value as f32])
    }

    /// A constant list of whole numbers, for operators that take shapes.
    pub(super) fn indices(&mut self, name: &str, values: &[i64]) -> String {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.initializer(name, INT64, &[values.len()], bytes)
    }

    /// A constant tensor.
    pub(super) fn floats(&mut self, name: &str, sizes: &[usize], values: &[f32]) -> String {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.initializer(name, FLOAT, sizes, bytes)
    }

    fn initializer(&mut self, name: &str, data_type: i32, sizes: &[usize], raw_data: Vec<u8>) -> String {
        if !self.graph.initializer.iter().any(|other| other.name == name) {
            let dims = sizes.iter().map(|&size| size as i64).collect();
            self.graph.initializer.push(TensorProto { dims, data_type, name: name.to_owned(), raw_data });
        }
        name.to_owned()
    }

    fn info(&self, blob: &str) -> Result<ValueInfoProto> {
        let shape: Shape = self.net.blob_shape(blob)?;
        let fixed = |&size: &usize| DimensionProto { dim_value: Some(size as i64), dim_param: None };
        let batch = DimensionProto { dim_value: None, dim_param: Some(BATCH.into()) };
        let dim = [batch].into_iter().chain(shape.sizes().iter().skip(1).map(fixed)).collect();
        let tensor_type = TensorTypeProto { elem_type: FLOAT, shape: Some(TensorShapeProto { dim }) };
        Ok(ValueInfoProto { name: blob.to_owned(), r#type: Some(TypeProto { tensor_type: Some(tensor_type) }) })
    }
}

impl Value {
    fn named(self, name: &str) -> AttributeProto {
        let name = name.to_owned();
        match self {
            Value::Float(value) => {
                AttributeProto { name, f: value as f32, r#type: attribute::FLOAT, ..Default::default() }
            }
            Value::Int(value) => AttributeProto { name, i: value, r#type: attribute::INT, ..Default::default() },
            Value::Ints(values) => {
                let ints = values.into_iter().map(|value| value as i64).collect();
                AttributeProto { name, ints, r#type: attribute::INTS, ..Default::default() }
            }
        }
    }
}
