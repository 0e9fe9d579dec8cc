//! Runs update rules on given gradients, and policies at given iterations.

use crate::case::{Case, Tolerance};
use core_tensor::{Backend, DType};
use layers::prelude::*;
use ndarray::Array2;
use serde_json::Value;
use solver::{Adadelta, Adagrad, Adam, LrPolicy, Method, MomPolicy, Nesterov, RmsProp, Sgd};
use std::sync::Arc;

/// Runs a solver case on each of these backends, in both element types.
pub(crate) fn run_on_all(case: &Case, backends: &[Arc<dyn Backend>]) -> Result<(), String> {
    for backend in backends {
        for (dtype, tolerance) in [(DType::F32, Tolerance::F32), (DType::F64, Tolerance::F64)] {
            run_in(case, backend, dtype, tolerance).map_err(|e| format!("{e} (on {})", backend.describe()))?;
        }
    }
    Ok(())
}

fn run_in(case: &Case, backend: &Arc<dyn Backend>, dtype: DType, tolerance: Tolerance) -> Result<(), String> {
    let net = net_with_one_weight(case, backend, dtype).map_err(|e| e.to_string())?;
    let weight = net.param("ip___weight").map_err(|e| e.to_string())?;
    let n = weight.data().shape().len();
    let (grads, params) = (case.numbers("grad")?, case.numbers("param")?);
    let mut method = method(case)?;
    method.setup(&net).map_err(|e| e.to_string())?;
    weight.set(&params[..n]).map_err(|e| e.to_string())?;
    for (t, grad) in grads.chunks(n).enumerate() {
        weight.diff().ok_or("no gradient")?.write(grad).map_err(|e| e.to_string())?;
        method.update(t as u64 + 1, &net, 0.0).map_err(|e| e.to_string())?;
        let found: Vec<f64> = weight.data().read().map_err(|e| e.to_string())?;
        let expected = &params[(t + 1) * n..(t + 2) * n];
        case.compare_with(&format!("the parameters after update {}", t + 1), expected, &found, tolerance)
            .map_err(|e| format!("{e} (in {dtype})"))?;
    }
    Ok(())
}

/// A net whose `ip___weight` has as many elements as the case's parameters.
fn net_with_one_weight(case: &Case, backend: &Arc<dyn Backend>, dtype: DType) -> layers::Result<Net> {
    let n = case.shape("grad").map_or(0, |shape| shape.axis(1));
    let (data, label) = (Array2::<f32>::zeros((1, n)), Array2::<f32>::zeros((1, 1)));
    let layers = layers![
        MemoryData::new("data", 1).array("data", data).array("label", label),
        InnerProduct::new("ip", 1).bottom("data").top("ip"),
        SoftmaxLoss::new("loss").bottoms(["ip", "label"]),
    ];
    Net::builder("one weight").dtype(dtype).build(backend, layers)
}

fn method(case: &Case) -> Result<Box<dyn Method>, String> {
    let description = &case.description;
    let lr_policy = || policy::<LrPolicy>(&description["lr_policy"]);
    let mom_policy = || policy::<MomPolicy>(&description["mom_policy"]);
    let number = |name: &str| description[name].as_f64().ok_or_else(|| format!("no number `{name}` in {description}"));
    Ok(match case.type_name.as_str() {
        "SGD" => Box::new(Sgd::new().lr_policy(lr_policy()?).mom_policy(mom_policy()?)),
        "Nesterov" => Box::new(Nesterov::new().lr_policy(lr_policy()?).mom_policy(mom_policy()?)),
        "Adam" => {
            let adam = Adam::new().lr_policy(lr_policy()?).beta1(number("beta1")?).beta2(number("beta2")?);
            Box::new(adam.epsilon(number("epsilon")?))
        }
        "Adagrad" => Box::new(Adagrad::new().lr_policy(lr_policy()?).epsilon(number("epsilon")?)),
        "Adadelta" => Box::new(Adadelta::new().rho(number("rho")?).epsilon(number("epsilon")?)),
        "RMSProp" => {
            let rms_prop = RmsProp::new().lr_policy(lr_policy()?).rms_decay(number("rms_decay")?);
            Box::new(rms_prop.epsilon(number("epsilon")?))
        }
        other => return Err(format!("unknown solver {other}")),
    })
}

/// Runs a policy case.
pub(crate) fn run_policy(case: &Case) -> Result<(), String> {
    let mut description = case.description.clone();
    let quantity = description.as_object_mut().and_then(|properties| properties.remove("quantity"));
    let at: Box<dyn Fn(u64) -> f64> = match quantity.as_ref().and_then(Value::as_str) {
        Some("learning_rate") => {
            let policy: LrPolicy = policy(&description)?;
            Box::new(move |iteration| policy.at(iteration))
        }
        Some("momentum") => {
            let policy: MomPolicy = policy(&description)?;
            Box::new(move |iteration| policy.at(iteration))
        }
        other => return Err(format!("unknown quantity {other:?}")),
    };
    let found: Vec<f64> = case.numbers("iter")?.into_iter().map(|iteration| at(iteration as u64)).collect();
    case.compare("value", &found, Tolerance::F64)
}

fn policy<P: serde::de::DeserializeOwned>(description: &Value) -> Result<P, String> {
    serde_json::from_value(description.clone()).map_err(|e| format!("the policy {description}: {e}"))
}
