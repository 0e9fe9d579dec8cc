//! Parameters alone from a snapshot: for prediction, for fine-tuning, for going on with another method.

use crate::{Error, NamedArray, Result, Values};
use core_tensor::Tensor;
use layers::Net;
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

/// Copies parameters, a snapshot's ([`Checkpoint::parameters`](crate::Checkpoint)) or another framework's, into those of a net that have the same layer and parameter name; history, iteration, data
/// position and statistics are left alone. What is missing on either side is returned, and logged. The element type may
/// differ; numbers are converted.
///
/// # Errors
/// [`Error::Value`] if a parameter has another shape than its namesake, or if none has a namesake. Nothing is changed then.
pub fn load_weights(net: &mut Net, parameters: &[NamedArray]) -> Result<LoadedWeights> {
    let saved: BTreeMap<&str, &NamedArray> = parameters.iter().map(|a| (a.name.as_str(), a)).collect();
    let mut weights = LoadedWeights::default();
    let mut pairs = Vec::new();
    for param in net.params() {
        let key = param.key();
        let Some(array) = saved.get(key.as_str()) else {
            weights.missing.push(key);
            continue;
        };
        let shape = param.data().shape();
        if array.shape != shape {
            return Err(Error::Value {
                what: format!("parameter `{key}` in the snapshot"),
                found: format!("of shape {}", array.shape),
                expected: format!("{shape}, as in net `{}`; rename the layer if it shall be trained anew", net.name()),
            });
        }
        pairs.push((param, array));
        weights.loaded.push(key);
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
    let unused = |name: &&str| !weights.loaded.iter().any(|key| key == name);
    weights.extra = saved.into_keys().filter(unused).map(str::to_owned).collect();
    for (what, keys) in
        [("took over", &weights.loaded), ("not in the snapshot", &weights.missing), ("not in the net", &weights.extra)]
    {
        if !keys.is_empty() {
            log::info!("load_weights: {what}: {}", keys.join(", "));
        }
    }
    Ok(weights)
}

/// Copies an array of a checkpoint into a tensor.
pub(crate) fn write(tensor: &Tensor, values: &Values) -> Result<()> {
    match values {
        Values::F32(values) => tensor.write(values)?,
        Values::F64(values) => tensor.write(values)?,
    }
    Ok(())
}
