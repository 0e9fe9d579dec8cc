//! Weights as NumPy's `.npz`: a zip of one `.npy` for each array.

use crate::{Error, Result, names};
use core_tensor::Shape;
use ndarray::{ArrayD, ArrayView, IxDyn};
use ndarray_npy::{NpzReader, NpzWriter, ReadNpyError, ReadNpzError, WritableElement};
use solver::{NamedArray, Values};
use std::io::Cursor;

/// The weights as an `.npz` file, one array `layer.param` each: `numpy.load("weights.npz")["conv1.filter"]`.
///
/// ```
/// use core_tensor::Shape;
/// use solver::{NamedArray, Values};
/// let weights = [NamedArray {
///     name: "ip1___weight".into(),
///     shape: Shape::new(&[1, 2])?,
///     values: Values::F64(vec![1.0, 2.0]),
/// }];
/// let bytes = exchange::npz::encode(&weights)?;
/// assert_eq!(exchange::npz::decode(&bytes)?, weights);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Two arrays of one name.
pub fn encode(weights: &[NamedArray]) -> Result<Vec<u8>> {
    let mut file = NpzWriter::new(Cursor::new(Vec::new()));
    for array in weights {
        match &array.values {
            Values::F32(values) => add(&mut file, array, values)?,
            Values::F64(values) => add(&mut file, array, values)?,
        }
    }
    Ok(file.finish().map_err(|e| Error::format("npz", e))?.into_inner())
}

/// The weights in an `.npz` file, in the order of their names. Arrays in Fortran's order are read as well.
///
/// # Errors
/// No zip of `.npy` files, or a damaged one; an array that has neither 32-bit nor 64-bit floating point numbers, or a shape
/// that no parameter has.
pub fn decode(bytes: &[u8]) -> Result<Vec<NamedArray>> {
    let mut file = NpzReader::new(Cursor::new(bytes)).map_err(|e| Error::format("npz", e))?;
    let mut names = file.names().map_err(|e| Error::format("npz", e))?;
    names.sort();
    names.iter().map(|name| read(&mut file, name)).collect()
}

fn add<T: WritableElement>(file: &mut NpzWriter<Cursor<Vec<u8>>>, array: &NamedArray, values: &[T]) -> Result<()> {
    let name = names::outside(&array.name);
    let view = ArrayView::from_shape(IxDyn(array.shape.sizes()), values)
        .map_err(|e| Error::array(&name, e.to_string(), format!("numbers for shape {}", array.shape)))?;
    file.add_array(&name, &view).map_err(|e| Error::array(&name, e.to_string(), "an array that can be written"))
}

fn read(file: &mut NpzReader<Cursor<&[u8]>>, name: &str) -> Result<NamedArray> {
    let (shape, values) = match file.by_name(name) {
        Ok(array) => parts(name, array, Values::F32)?,
        Err(ReadNpzError::Npy(ReadNpyError::WrongDescriptor(_))) => match file.by_name(name) {
            Ok(array) => parts(name, array, Values::F64)?,
            Err(ReadNpzError::Npy(ReadNpyError::WrongDescriptor(found))) => {
                return Err(Error::array(name, format!("of type {found}"), "float32 or float64; convert it first"));
            }
            Err(other) => return Err(Error::array(name, format!("damaged: {other}"), "an array of NumPy")),
        },
        Err(other) => return Err(Error::array(name, format!("damaged: {other}"), "an array of NumPy")),
    };
    let name = names::inside(name.strip_suffix(".npy").unwrap_or(name));
    Ok(NamedArray { name, shape, values })
}

/// Shape and numbers, row-major.
fn parts<T: Copy>(name: &str, array: ArrayD<T>, values: fn(Vec<T>) -> Values) -> Result<(Shape, Values)> {
    let shape =
        Shape::new(array.shape()).map_err(|e| Error::array(name, format!("{:?}", array.shape()), e.to_string()))?;
    Ok((shape, values(array.iter().copied().collect())))
}
