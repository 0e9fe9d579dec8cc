//! Weights as safetensors, the format of Hugging Face: a JSON header, then the numbers.

use crate::{Error, Result, names};
use core_tensor::Shape;
use safetensors::{Dtype, SafeTensors, serialize, tensor::TensorView};
use solver::{NamedArray, Values};

/// The weights as a safetensors file, one tensor `layer.param` each.
///
/// ```
/// use core_tensor::Shape;
/// use solver::{NamedArray, Values};
/// let weights = [NamedArray {
///     name: "ip1___bias".into(),
///     shape: Shape::new(&[3])?,
///     values: Values::F32(vec![1.0, 2.0, 3.0]),
/// }];
/// let bytes = exchange::safetensors::encode(&weights)?;
/// assert_eq!(exchange::safetensors::decode(&bytes)?, weights);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Two arrays of one name.
pub fn encode(weights: &[NamedArray]) -> Result<Vec<u8>> {
    let bytes: Vec<Vec<u8>> = weights.iter().map(|array| little_endian(&array.values)).collect();
    let mut tensors = Vec::with_capacity(weights.len());
    for (array, bytes) in weights.iter().zip(&bytes) {
        let (name, sizes) = (names::outside(&array.name), array.shape.sizes().to_vec());
        if tensors.iter().any(|(other, _)| *other == name) {
            return Err(Error::array(&name, "there twice", "one array of each name"));
        }
        let dtype = if matches!(array.values, Values::F32(_)) { Dtype::F32 } else { Dtype::F64 };
        let view = TensorView::new(dtype, sizes, bytes).map_err(|e| Error::format("safetensors", e))?;
        tensors.push((name, view));
    }
    serialize(tensors, None).map_err(|e| Error::format("safetensors", e))
}

/// The weights in a safetensors file, in the order of their names.
///
/// # Errors
/// No safetensors, or a damaged file; a tensor that has neither 32-bit nor 64-bit floating point numbers, or a shape that no
/// parameter has.
pub fn decode(bytes: &[u8]) -> Result<Vec<NamedArray>> {
    let file = SafeTensors::deserialize(bytes).map_err(|e| Error::format("safetensors", e))?;
    let mut weights = file.iter().map(|(name, view)| array(name, &view)).collect::<Result<Vec<_>>>()?;
    weights.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(weights)
}

fn array(name: &str, view: &TensorView<'_>) -> Result<NamedArray> {
    let numbers = view.data();
    let values = match view.dtype() {
        Dtype::F32 => Values::F32(numbers.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()),
        Dtype::F64 => Values::F64(numbers.as_chunks().0.iter().map(|&bytes| f64::from_le_bytes(bytes)).collect()),
        other => return Err(Error::array(name, format!("of type {other:?}"), "F32 or F64; convert it first")),
    };
    let shape =
        Shape::new(view.shape()).map_err(|e| Error::array(name, format!("{:?}", view.shape()), e.to_string()))?;
    Ok(NamedArray { name: names::inside(name), shape, values })
}

fn little_endian(values: &Values) -> Vec<u8> {
    match values {
        Values::F32(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Values::F64(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
    }
}
