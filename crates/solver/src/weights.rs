//! Parameters alone from a snapshot: for prediction, for fine-tuning, for going on with another method.

use crate::{Error, NamedArray, Result, Values};
use core_tensor::Tensor;
use layers::{Net, Param};
use std::collections::BTreeMap;

/// Which parameters [`load_weights`] has taken over, by key (`layer___param`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LoadedWeights {
    /// In the snapshot and in the net: taken over.
    pub loaded: Vec<String>,
    /// In the net only: they keep the values that they had.
    pub missing: Vec<String>,
    /// In the snapshot only: not used.
    pub extra: Vec<String>,
}

/// Copies parameters, a snapshot's ([`Checkpoint::parameters`](crate::Checkpoint)) or another framework's, into those of a net
/// that have the same layer and parameter name; history, iteration, data position and statistics are left alone. A parameter may
/// also be called by its number, as Caffe calls it: `conv1___0` is the first one of the layer `conv1`, whatever its name. Axes of
/// size one that the net's parameter has not are dropped, so that a bias of shape (1, n, 1, 1) is one of shape (n). What is missing
/// on either side is returned, and logged. The element type may differ; numbers are converted.
///
/// # Errors
/// [`Error::Value`] if a parameter has another shape than its namesake, if a layer's parameter has a number that the net's layer
/// does not have, or if none has a namesake. Nothing is changed then.
pub fn load_weights(net: &mut Net, parameters: &[NamedArray]) -> Result<LoadedWeights> {
    let mut saved: BTreeMap<&str, &NamedArray> = parameters.iter().map(|a| (a.name.as_str(), a)).collect();
    let mut weights = LoadedWeights::default();
    let mut pairs = Vec::new();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for param in net.params() {
        let key = param.key();
        let count = counts.entry(param.layer()).or_default();
        let by_number = numbered(param.layer(), *count);
        *count += 1;
        let Some(array) = saved.remove(key.as_str()).or_else(|| saved.remove(by_number.as_str())) else {
            weights.missing.push(key);
            continue;
        };
        check_shape(array, param, net.name())?;
        pairs.push((param, array));
        weights.loaded.push(key);
    }
    for (&layer, &count) in &counts {
        if let Some(array) = saved.get(numbered(layer, count).as_str()) {
            return Err(Error::Value {
                what: format!("the snapshot's layer `{layer}`"),
                found: format!("one with a parameter {count}, of shape {}", array.shape),
                expected: format!(
                    "one with {count}, counted from 0, as in net `{}`; the layer there may lack a bias",
                    net.name()
                ),
            });
        }
    }
    if pairs.is_empty() {
        let names: Vec<_> = saved.into_keys().collect();
        return Err(Error::Value {
            what: "the snapshot".into(),
            found: format!("one with the parameters {}", names.join(", ")),
            expected: format!("parameters of net `{}`: {}", net.name(), weights.missing.join(", ")),
        });
    }
    for (param, array) in pairs {
        write(param.data(), &array.values)?;
    }
    weights.extra = saved.into_keys().map(str::to_owned).collect();
    for (what, keys) in
        [("took over", &weights.loaded), ("not in the snapshot", &weights.missing), ("not in the net", &weights.extra)]
    {
        if !keys.is_empty() {
            log::info!("load_weights: {what}: {}", keys.join(", "));
        }
    }
    Ok(weights)
}

/// What a file of Caffe's calls a layer's parameter.
fn numbered(layer: &str, number: usize) -> String {
    format!("{layer}___{number}")
}

fn check_shape(array: &NamedArray, param: &Param, net: &str) -> Result<()> {
    let (found, expected) = (array.shape, param.data().shape());
    if fits(found.sizes(), expected.sizes()) {
        return Ok(());
    }
    let what = match array.name == param.key() {
        true => format!("parameter `{}` in the snapshot", array.name),
        false => format!("parameter `{}` in the snapshot, which is `{}` here,", array.name, param.key()),
    };
    let advice = match found.sizes().iter().rev().eq(expected.sizes()) {
        true => "it is transposed, as Caffe's InnerProduct with `transpose: true` has it; transpose it in the file",
        false => "rename the layer if it shall be trained anew",
    };
    Err(Error::Value {
        what,
        found: format!("of shape {found}"),
        expected: format!("{expected}, as in net `{net}`; {advice}"),
    })
}

/// Whether `found` is `expected` but for additional axes of size one.
fn fits(found: &[usize], expected: &[usize]) -> bool {
    let mut expected = expected.iter().peekable();
    found.iter().all(|size| expected.next_if_eq(&size).is_some() || *size == 1) && expected.next().is_none()
}

/// Copies an array of a checkpoint into a tensor.
pub(crate) fn write(tensor: &Tensor, values: &Values) -> Result<()> {
    match values {
        Values::F32(values) => tensor.write(values)?,
        Values::F64(values) => tensor.write(values)?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_axes_of_size_one_may_be_too_many() {
        for (found, expected) in [
            (&[3, 4][..], &[3, 4][..]),
            (&[1, 3, 1, 1], &[3]),
            (&[1, 1, 3, 4], &[3, 4]),
            (&[1, 1, 1, 1], &[1]),
            (&[2, 1, 5, 5], &[2, 1, 5, 5]),
        ] {
            assert!(fits(found, expected), "{found:?} {expected:?}");
        }
        for (found, expected) in [
            (&[4, 3][..], &[3, 4][..]),
            (&[1, 10], &[10, 1]),
            (&[12], &[3, 4]),
            (&[3, 4], &[12]),
            (&[3, 4, 2], &[3, 4]),
            (&[3], &[3, 1]),
        ] {
            assert!(!fits(found, expected), "{found:?} {expected:?}");
        }
    }
}
