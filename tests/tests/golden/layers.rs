//! Runs a layer forward and backward with the case's parameters, bottoms and top gradients.

use crate::case::{Case, Tolerance};
use backend_cpu::{Cpu, Level};
use core_tensor::{Backend, DType, Tensor};
use layers::{InnerProduct, LayerRef, Param, Registry, Shape, SingleLayer, Wired};
use serde_json::{Value, json};
use std::sync::Arc;

/// Runs a case on the CPU, with each instruction set and in both element types.
#[allow(dead_code)] // where another backend is tested
pub(crate) fn run(case: &Case) -> Result<(), String> {
    run_on_all(case, &backends().map_err(|e| e.to_string())?)
}

/// Runs a case on each of these backends and in both element types.
pub(crate) fn run_on_all(case: &Case, backends: &[Arc<dyn Backend>]) -> Result<(), String> {
    for backend in backends {
        for (algorithm, tolerance) in ways(case) {
            let place = || format!("{algorithm} {tolerance:?} on {}", backend.describe());
            run_on(case, backend, algorithm, tolerance).map_err(|e| format!("{e} ({})", place()))?;
        }
    }
    Ok(())
}

/// The CPU with each instruction set that it has, and with one thread.
pub(crate) fn backends() -> core_tensor::Result<Vec<Arc<dyn Backend>>> {
    let mut backends: Vec<Arc<dyn Backend>> = vec![Arc::new(Cpu::with_threads(1)?)];
    for level in [Level::Portable, Level::Avx2, Level::Avx512] {
        if level <= Level::detect() {
            backends.push(Arc::new(Cpu::with_level(2, level)?));
        }
    }
    Ok(backends)
}

/// The algorithms to run a case with, and how closely each must agree.
fn ways(case: &Case) -> Vec<(&'static str, Tolerance)> {
    if case.type_name == "Convolution" {
        // Without `Direct`, a convolution in f32 may use Winograd's algorithm.
        return vec![("Auto", Tolerance::F32OfLargest), ("Auto", Tolerance::F64), ("Direct", Tolerance::F32)];
    }
    vec![("", Tolerance::F32), ("", Tolerance::F64)]
}

fn run_on(case: &Case, backend: &Arc<dyn Backend>, algorithm: &str, tolerance: Tolerance) -> Result<(), String> {
    let text = |e: layers::Error| e.to_string();
    let dtype = if tolerance == Tolerance::F64 { DType::F64 } else { DType::F32 };
    let description = describe(case, algorithm).map_err(text)?;
    let shapes = case.shapes("bottom");
    // A tied layer's first parameter is another layer's.
    let owner = owner(case, backend, dtype).map_err(text)?;
    let mut layer = match &owner {
        None => SingleLayer::new(backend, dtype, description, &shapes),
        Some(owner) => SingleLayer::beside(owner, backend, dtype, description, &shapes),
    }
    .map_err(text)?;
    let params: Vec<&Param> = owner.iter().map(|owner| &owner.params()[0]).chain(layer.params()).collect();
    if params.len() != case.shapes("param").len() {
        return Err(format!("{} parameters, expected {}", params.len(), case.shapes("param").len()));
    }
    for (i, blob) in layer.bottoms().iter().enumerate() {
        write(&blob.data, case, &format!("bottom/{i}"))?;
    }
    for (i, param) in params.into_iter().enumerate() {
        write(param.data(), case, &format!("param/{i}"))?;
    }
    let loss = layer.forward().map_err(text)?;
    let statistic = layer.state().statistics().first().map(|statistic| statistic.value);
    if let Some(number) = loss.or(statistic) {
        case.compare("top/0", &[number], tolerance)?;
    }
    let mut compared = usize::from(loss.or(statistic).is_some());
    for (i, top) in layer.tops().iter().enumerate() {
        compared += compare(&top.data, case, &format!("top/{i}"), tolerance)?;
        if let (Some(diff), Some(_)) = (&top.diff, case.shape(&format!("top_diff/{i}"))) {
            write(diff, case, &format!("top_diff/{i}"))?;
        }
    }
    let gradients = |group: &str| (0..9).filter(|i| case.shape(&format!("{group}_diff/{i}")).is_some()).count();
    if gradients("bottom") + gradients("param") > 0 {
        layer.backward().map_err(text)?;
    }
    for (i, blob) in layer.bottoms().iter().enumerate() {
        if let Some(diff) = &blob.diff {
            compared += compare(diff, case, &format!("bottom_diff/{i}"), tolerance)?;
        }
    }
    for (i, param) in layer.params().iter().enumerate() {
        let i = i + usize::from(owner.is_some());
        if let Some(diff) = param.diff() {
            compared += compare(diff, case, &format!("param_diff/{i}"), tolerance)?;
        }
    }
    let expected = case.shapes("top").len() + gradients("bottom") + gradients("param");
    if compared == expected { Ok(()) } else { Err(format!("only {compared} of {expected} results were compared")) }
}

/// The case's layer, wired up.
fn describe(case: &Case, algorithm: &str) -> layers::Result<LayerRef> {
    let mut layer = case.description.clone();
    if case.type_name == "Neuron" {
        layer = json!({ "type": "Activation", "neuron": { "type": layer["neuron"] } });
    }
    if case.type_name == "TiedInnerProduct" {
        layer.as_object_mut().map(|properties| properties.remove("tied_weight"));
        layer["tied_param_key"] = json!("owner");
    }
    let names = |what: &str, count: usize| -> Value { (0..count).map(|i| format!("{what}{i}")).collect() };
    let is_sink = layer["type"] == "Accuracy" || case.type_name.ends_with("Loss");
    if !algorithm.is_empty() {
        layer["algorithm"] = json!(algorithm);
    }
    layer["name"] = json!(case.name);
    layer["bottoms"] = names("bottom", case.shapes("bottom").len());
    layer["tops"] = names("top", if is_sink { 0 } else { case.shapes("top").len() });
    Registry::standard().read(&layer)
}

/// The layer that owns a tied layer's weight.
fn owner(case: &Case, backend: &Arc<dyn Backend>, dtype: DType) -> layers::Result<Option<SingleLayer>> {
    if case.type_name != "TiedInnerProduct" {
        return Ok(None);
    }
    let weight = case.shapes("param")[0];
    let layer = InnerProduct::new("owner", weight.axis(0)).bottom("bottom").top("top");
    SingleLayer::new(backend, dtype, layer, &[Shape::new(&[1, weight.axis(1)])?]).map(Some)
}

fn write(tensor: &Tensor, case: &Case, dataset: &str) -> Result<(), String> {
    let (found, expected) = (case.shape(dataset), tensor.shape());
    if found != Some(expected) {
        return Err(format!("the layer's {dataset} has shape {expected}, the case's {found:?}"));
    }
    tensor.write(&case.numbers(dataset)?).map_err(|e| e.to_string())
}

/// Compares a tensor with a dataset, if there is one; says how many were compared.
fn compare(tensor: &Tensor, case: &Case, dataset: &str, tolerance: Tolerance) -> Result<usize, String> {
    let Some(expected) = case.shape(dataset) else { return Ok(0) };
    if tensor.shape() != expected {
        return Err(format!("{dataset} has shape {}, expected {expected}", tensor.shape()));
    }
    let found: Vec<f64> = tensor.read().map_err(|e| e.to_string())?;
    case.compare(dataset, &found, tolerance)?;
    Ok(1)
}
