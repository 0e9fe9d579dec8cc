//! From a run to a checkpoint and back.
//!
//! Everything is compared with the net and the method before anything is changed, so that a snapshot that does not fit leaves
//! both as they were. What a program may change between two runs (policies, `regu_coef`, the place of its data) is logged
//! where it differs; what would make the snapshot meaningless is an error.

use crate::{
    Checkpoint, Error, FORMAT_VERSION, Meta, NamedArray, Result, Solver, Statistics, Values, coffee::Scheduled, weights,
};
use core_tensor::{DType, Tensor};
use layers::Net;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeMap, path::Path};

const OTHERWISE: &str =
    "to take over its parameters alone, use `load_weights`; to start from scratch, choose another place";

/// What a snapshot says about solver and coffee breaks.
#[derive(Serialize, Deserialize)]
struct SolverState {
    regu_coef: f64,
    #[serde(default = "one")]
    iter_size: u64,
    #[serde(default)]
    clip_gradients: Option<f64>,
    method: Value,
    coffee_breaks: Vec<BreakState>,
}

/// The `iter_size` of snapshots that do not say.
fn one() -> u64 {
    1
}

/// What one coffee break has saved.
#[derive(Serialize, Deserialize)]
pub(crate) struct BreakState {
    name: String,
    state: Value,
}

/// All that a run is, after this iteration.
///
/// # Errors
/// [`Error::Diverged`] if a number is NaN or infinite: such a snapshot would only hide the last good one.
pub(crate) fn checkpoint(solver: &Solver, net: &Net, iteration: u64, loss: f64) -> Result<Checkpoint> {
    let arrays = |tensors: Vec<(String, Tensor)>| -> Result<Vec<NamedArray>> {
        let array = |(name, tensor): (String, Tensor)| {
            let values = match tensor.dtype() {
                DType::F32 => Values::F32(tensor.read()?),
                DType::F64 => Values::F64(tensor.read()?),
            };
            if !values.is_finite() {
                return Err(Error::Diverged { iteration, loss, blob: format!("parameter or history `{name}`") });
            }
            Ok(NamedArray { name, shape: tensor.shape(), values })
        };
        tensors.into_iter().map(array).collect()
    };
    let coffee_breaks = solver.breaks.iter().filter_map(|scheduled| {
        let state = scheduled.coffee_break.save()?;
        Some(BreakState { name: scheduled.coffee_break.name().to_owned(), state })
    });
    let state = SolverState {
        regu_coef: solver.regu_coef,
        iter_size: solver.iter_size,
        clip_gradients: solver.clip_gradients,
        method: solver.method.state(),
        coffee_breaks: coffee_breaks.collect(),
    };
    Ok(Checkpoint {
        iteration,
        parameters: arrays(parameters(net))?,
        history: arrays(solver.method.history())?,
        meta: Meta {
            format_version: FORMAT_VERSION,
            crema_version: env!("CARGO_PKG_VERSION").into(),
            method: solver.method.name().to_owned(),
            solver: serde_json::to_value(state).unwrap_or_default(), // numbers, strings and JSON: cannot fail
            network: net.description(),
            layers: net.save_layers(),
            statistics: solver.lounge.statistics().clone(),
        },
    })
}

/// What is left of a checkpoint when net and method have taken theirs.
pub(crate) struct Rest {
    pub(crate) statistics: Statistics,
    pub(crate) coffee_breaks: Vec<BreakState>,
}

/// Makes net and method what they were at the checkpoint.
///
/// # Errors
/// [`Error::Snapshot`] with what does not fit and what to do.
pub(crate) fn restore(path: &Path, checkpoint: Checkpoint, solver: &mut Solver, net: &mut Net) -> Result<Rest> {
    let unfit = |message: String| Error::Snapshot { path: path.to_owned(), message };
    let Checkpoint { meta, .. } = &checkpoint;
    if meta.format_version != FORMAT_VERSION {
        return Err(unfit(format!(
            "it has format version {}, and this release reads version {FORMAT_VERSION}; read it with Crema {}",
            meta.format_version, meta.crema_version
        )));
    }
    if meta.method != solver.method.name() {
        return Err(unfit(format!(
            "it was written by method {}, and this solver's is {}; {OTHERWISE}",
            meta.method,
            solver.method.name()
        )));
    }
    let arrays = arrays(&checkpoint, solver, net).map_err(unfit)?;
    let state: SolverState = serde_json::from_value(meta.solver.clone())
        .map_err(|e| unfit(format!("its solver state cannot be understood: {e}; {OTHERWISE}")))?;

    log_changes(&meta.network, &net.description(), "net");
    log_changes(&state.method, &solver.method.state(), solver.method.name());
    log_changes(&state.regu_coef.into(), &solver.regu_coef.into(), "regu_coef");
    log_changes(&state.iter_size.into(), &solver.iter_size.into(), "iter_size");
    log_changes(&state.clip_gradients.into(), &solver.clip_gradients.into(), "clip_gradients");
    net.restore_layers(&meta.layers)
        .map_err(|e| unfit(format!("the state of the net's layers does not fit: {e}; {OTHERWISE}")))?;
    solver.method.restore(&state.method)?;
    for (tensor, values) in arrays {
        weights::write(&tensor, values)?;
    }
    Ok(Rest { statistics: checkpoint.meta.statistics, coffee_breaks: state.coffee_breaks })
}

/// Makes the parameters and the method's history what they were at a checkpoint of this run.
///
/// # Errors
/// [`Error::Snapshot`] if it is another run's, and does not fit.
pub(crate) fn go_back(path: &Path, checkpoint: &Checkpoint, solver: &Solver, net: &Net) -> Result<()> {
    let unfit = |message: String| Error::Snapshot { path: path.to_owned(), message };
    for (tensor, values) in arrays(checkpoint, solver, net).map_err(unfit)? {
        weights::write(&tensor, values)?;
    }
    Ok(())
}

/// All tensors of net and method, each with what the checkpoint has for it.
fn arrays<'a>(checkpoint: &'a Checkpoint, solver: &Solver, net: &Net) -> Result<Vec<(Tensor, &'a Values)>, String> {
    let mut arrays = pair("parameter", parameters(net), &checkpoint.parameters)?;
    arrays.extend(pair("history", solver.method.history(), &checkpoint.history)?);
    Ok(arrays)
}

/// Gives each coffee break its state back; several of the same name, in their order.
///
/// # Errors
/// [`Error::CoffeeBreak`] from the break that does not know its state.
pub(crate) fn restore_breaks(mut saved: Vec<BreakState>, breaks: &mut [Scheduled]) -> Result<()> {
    for scheduled in breaks {
        let coffee_break = &mut scheduled.coffee_break;
        if let Some(index) = saved.iter().position(|state| state.name == coffee_break.name()) {
            coffee_break
                .restore(&saved.remove(index).state)
                .map_err(|source| Error::CoffeeBreak { name: coffee_break.name().to_owned(), source })?;
        }
    }
    Ok(())
}

fn parameters(net: &Net) -> Vec<(String, Tensor)> {
    net.params().iter().map(|param| (param.key(), param.data().clone())).collect()
}

/// Finds for each tensor its saved array; both sides must have the same names, shapes and element types.
fn pair<'a>(
    what: &str,
    tensors: Vec<(String, Tensor)>,
    saved: &'a [NamedArray],
) -> Result<Vec<(Tensor, &'a Values)>, String> {
    let mut arrays: BTreeMap<&str, &NamedArray> = saved.iter().map(|array| (array.name.as_str(), array)).collect();
    let mut pairs = Vec::new();
    for (name, tensor) in tensors {
        let Some(array) = arrays.remove(name.as_str()) else {
            return Err(format!("it has no {what} `{name}`, which the net needs; {OTHERWISE}"));
        };
        let (shape, dtype) = (tensor.shape(), tensor.dtype());
        let found = (array.shape, array.values.dtype());
        if found != (shape, dtype) || array.values.len() != shape.len() {
            let (len, (found_shape, found_dtype)) = (array.values.len(), found);
            return Err(format!(
                "{what} `{name}` has shape {found_shape} and {len} {found_dtype} numbers, and the net needs shape {shape} \
                 and {} {dtype} numbers; {OTHERWISE}",
                shape.len()
            ));
        }
        pairs.push((tensor, &array.values));
    }
    match arrays.into_keys().next() {
        Some(name) => Err(format!("it has a {what} `{name}`, which the net has not; {OTHERWISE}")),
        None => Ok(pairs),
    }
}

/// Logs where the program now differs from the one that wrote the snapshot.
fn log_changes(before: &Value, now: &Value, path: &str) {
    match (before, now) {
        (Value::Object(a), Value::Object(b)) => {
            for key in a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))) {
                let null = &Value::Null;
                log_changes(a.get(key).unwrap_or(null), b.get(key).unwrap_or(null), &format!("{path}.{key}"));
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (i, (a, b)) in a.iter().zip(b).enumerate() {
                log_changes(a, b, &format!("{path}[{i}]"));
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            log::warn!("{path} had {} entries when the snapshot was saved and has {} now", a.len(), b.len());
        }
        _ if before == now => {}
        _ => log::warn!("{path} was {before} when the snapshot was saved and is {now} now"),
    }
}
