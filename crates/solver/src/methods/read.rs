//! The one list of the update rules, and reading them from JSON, as [`layers::Registry`] reads layers.
//!
//! What is read is what [`Method::state`] writes into snapshots, and a property that is left out has the method's default. An enum
//! of all methods was rejected: each has its own type, so that a method of one's own is no less than those that are here.

use super::{Adadelta, Adagrad, Adam, AdamW, Method, Nesterov, RmsProp, Sgd};
use crate::{Error, Result};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Every update rule of this crate, under the name that its [`Method::name`] gives.
const METHODS: &[(&str, Read)] = &[
    ("Adadelta", read::<Adadelta>),
    ("Adagrad", read::<Adagrad>),
    ("Adam", read::<Adam>),
    ("AdamW", read::<AdamW>),
    ("Nesterov", read::<Nesterov>),
    ("RMSProp", read::<RmsProp>),
    ("SGD", read::<Sgd>),
];

type Read = fn(Value) -> serde_json::Result<Box<dyn Method>>;

/// Reads an update rule: an object with its name as `type`, and those of its settings that shall differ from the defaults.
///
/// ```
/// let json = serde_json::json!({"type": "SGD", "mom_policy": {"type": "Fixed", "base_mom": 0.9}});
/// let solver = solver::Solver::new(solver::read_method(&json)?);
/// # Ok::<(), solver::Error>(())
/// ```
///
/// # Errors
/// [`Error::Value`] for no object, no `type` or an unknown one, a setting that is unknown or of another type. Whether the
/// numbers make sense is looked at when a run starts.
pub fn read_method(json: &Value) -> Result<Box<dyn Method>> {
    let names = || METHODS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let Some(object) = json.as_object() else {
        return Err(value("the solver's method", json.to_string(), "an object with a `type`".into()));
    };
    let found = object.get("type");
    let Some((name, read)) = METHODS.iter().find(|(name, _)| found.and_then(Value::as_str) == Some(*name)) else {
        let found = found.map_or("missing".into(), Value::to_string);
        return Err(value("the `type` of the solver's method", found, format!("one of {}", names())));
    };
    let mut settings = object.clone();
    settings.remove("type");
    let wrong =
        |e| value(&format!("the solver's method ({name})"), format!("wrong: {e}"), format!("the settings of {name}"));
    read(Value::Object(settings)).map_err(wrong)
}

fn read<T: Method + DeserializeOwned + 'static>(settings: Value) -> serde_json::Result<Box<dyn Method>> {
    Ok(Box::new(serde_json::from_value::<T>(settings)?))
}

fn value(what: &str, found: String, expected: String) -> Error {
    Error::Value { what: what.into(), found, expected }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LrPolicy, MomPolicy};
    use serde_json::json;

    #[test]
    fn what_is_left_out_has_the_methods_default() {
        let defaults: [(&str, Value); 7] = [
            ("Adadelta", Adadelta::new().state()),
            ("Adagrad", Adagrad::new().state()),
            ("Adam", Adam::new().state()),
            ("AdamW", AdamW::new().state()),
            ("Nesterov", Nesterov::new().state()),
            ("RMSProp", RmsProp::new().state()),
            ("SGD", Sgd::new().state()),
        ];
        assert_eq!(METHODS.len(), defaults.len());
        for (name, state) in defaults {
            let method = read_method(&json!({ "type": name })).unwrap();
            assert_eq!((method.name(), method.state()), (name, state));
        }
    }

    #[test]
    fn what_snapshots_hold_can_be_read() {
        let lr = LrPolicy::cosine(0.25, 0.125, 40).warm_up(5);
        let methods: [Box<dyn Method>; 7] = [
            Box::new(Adadelta::new().epsilon(0.25)),
            Box::new(Adagrad::new().lr_policy(lr.clone())),
            Box::new(Adam::new().lr_policy(lr.clone()).beta1(0.25).beta2(0.75).epsilon(0.125)),
            Box::new(AdamW::new().lr_policy(lr.clone()).beta1(0.25).beta2(0.75).epsilon(0.125)),
            Box::new(Nesterov::new().lr_policy(lr.clone()).mom_policy(MomPolicy::fixed(0.75))),
            Box::new(RmsProp::new().lr_policy(lr.clone()).rms_decay(0.5).epsilon(0.125)),
            Box::new(Sgd::new().lr_policy(lr).mom_policy(MomPolicy::fixed(0.75))),
        ];
        for method in methods {
            let mut json = method.state();
            json["type"] = method.name().into();
            let back = read_method(&json).unwrap();
            assert_eq!((back.name(), back.state()), (method.name(), method.state()));
        }
    }

    #[test]
    fn mistakes_are_told() {
        for (json, text) in [
            (json!("SGD"), "the solver's method is \"SGD\"; expected an object with a `type`"),
            (
                json!({}),
                "the `type` of the solver's method is missing; expected one of Adadelta, Adagrad, Adam, AdamW, ",
            ),
            (json!({"type": "Sgd"}), "the `type` of the solver's method is \"Sgd\"; expected one of Adadelta, "),
            (json!({"type": "Adam", "beta3": 1}), "the solver's method (Adam) is wrong: unknown field `beta3`"),
            (json!({"type": "AdamW", "beta1": "1"}), "the solver's method (AdamW) is wrong: invalid type: string"),
            (json!({"type": "SGD", "lr_policy": {"type": "Fixd"}}), "unknown variant `Fixd`, expected one of `Fixed`"),
            (json!({"type": "SGD", "lr_policy": {"type": "Fixed"}}), "missing field `base_lr`"),
        ] {
            let message = read_method(&json).unwrap_err().to_string();
            assert!(message.contains(text), "{message:?} does not contain {text:?}");
        }
    }
}
