//! The one list of the kinds of layers, and reading layers from JSON.

use crate::{
    Accuracy, Activation, Argmax, BatchNorm, Bias, BinaryAccuracy, BinaryCrossEntropyLoss, ChannelPooling, Concat,
    Convolution, Crop, Deconvolution, Dropout, ElementWise, Embed, Error, Example, Examples, Flatten, GaussianKLLoss,
    HingeLoss, Identity, Index2Onehot, InnerProduct, Layer, LayerList, LayerRef, Lrn, Lstm, MemoryData, MemoryOutput,
    MultinomialLogisticLoss, PRelu, Pooling, Power, RandomMask, RandomNormal, Reduction, Reshape, Result, Scale,
    SigmoidCrossEntropyLoss, Slice, SoftlabelSoftmaxLoss, Softmax, SoftmaxLoss, Split, SquareLoss, TiedInnerProduct,
    WassersteinLoss, names,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Every kind of layer in this crate. The tests, the docs and the sweeps go through this list.
const STANDARD: &[Entry] = &[
    entry::<Accuracy>("Accuracy"),
    entry::<Activation>("Activation"),
    entry::<Argmax>("Argmax"),
    entry::<BatchNorm>("BatchNorm"),
    entry::<Bias>("Bias"),
    entry::<BinaryAccuracy>("BinaryAccuracy"),
    entry::<BinaryCrossEntropyLoss>("BinaryCrossEntropyLoss"),
    entry::<ChannelPooling>("ChannelPooling"),
    entry::<Concat>("Concat"),
    entry::<Convolution>("Convolution"),
    entry::<Crop>("Crop"),
    entry::<Deconvolution>("Deconvolution"),
    entry::<Dropout>("Dropout"),
    entry::<ElementWise>("ElementWise"),
    entry::<Embed>("Embed"),
    entry::<Flatten>("Flatten"),
    entry::<GaussianKLLoss>("GaussianKLLoss"),
    entry::<HingeLoss>("HingeLoss"),
    entry::<Identity>("Identity"),
    entry::<Index2Onehot>("Index2Onehot"),
    entry::<InnerProduct>("InnerProduct"),
    entry::<Lrn>("LRN"),
    entry::<Lstm>("LSTM"),
    entry::<MemoryData>("MemoryData"),
    entry::<MemoryOutput>("MemoryOutput"),
    entry::<MultinomialLogisticLoss>("MultinomialLogisticLoss"),
    entry::<Pooling>("Pooling"),
    entry::<Power>("Power"),
    entry::<PRelu>("PReLU"),
    entry::<RandomMask>("RandomMask"),
    entry::<RandomNormal>("RandomNormal"),
    entry::<Reduction>("Reduction"),
    entry::<Reshape>("Reshape"),
    entry::<Scale>("Scale"),
    entry::<SigmoidCrossEntropyLoss>("SigmoidCrossEntropyLoss"),
    entry::<Slice>("Slice"),
    entry::<SoftlabelSoftmaxLoss>("SoftlabelSoftmaxLoss"),
    entry::<Softmax>("Softmax"),
    entry::<SoftmaxLoss>("SoftmaxLoss"),
    entry::<Split>("Split"),
    entry::<SquareLoss>("SquareLoss"),
    entry::<TiedInnerProduct>("TiedInnerProduct"),
    entry::<WassersteinLoss>("WassersteinLoss"),
];

/// The kinds of layers that JSON may name.
///
/// ```
/// use layers::{Registry, prelude::*};
/// let json = serde_json::json!({"type": "Pooling", "name": "pool1", "kernel": {"width": 2, "height": 2}});
/// let layer = Registry::standard().read(&json)?;
/// assert_eq!(layer, LayerRef::new(Pooling::max("pool1", (2, 2))));
/// # Ok::<(), layers::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Registry(Vec<Entry>);

#[derive(Debug, Clone, Copy)]
struct Entry {
    kind: &'static str,
    read: fn(Value) -> serde_json::Result<LayerRef>,
    examples: fn() -> Vec<Example>,
}

impl Default for Registry {
    fn default() -> Self {
        Registry::standard()
    }
}

impl Registry {
    /// All kinds in this crate.
    pub fn standard() -> Self {
        Registry(STANDARD.to_vec())
    }

    /// Adds a kind from elsewhere, under the name that its `Layer::kind` gives. An earlier kind of that name is replaced.
    #[allow(clippy::should_implement_trait)] // nobody takes `registry.add::<Mine>("Mine")` for a sum
    pub fn add<T: Layer + DeserializeOwned>(mut self, kind: &'static str) -> Self {
        self.0.retain(|entry| entry.kind != kind);
        self.0.push(Entry { kind, read: read::<T>, examples: Vec::new });
        self
    }

    /// The names of all kinds.
    pub fn kinds(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|entry| entry.kind)
    }

    /// Examples of all kinds, for sweeps over all layers.
    pub fn examples(&self) -> Vec<Example> {
        self.0.iter().flat_map(|entry| (entry.examples)()).collect()
    }

    /// Reads one layer: an object with its kind as `type`. Properties that have a default may be left out.
    ///
    /// # Errors
    /// No object, no `type` or an unknown one, a property that is missing, unknown or of another type.
    pub fn read(&self, json: &Value) -> Result<LayerRef> {
        let Some(object) = json.as_object() else {
            return Err(value("the description of a layer", json, "a JSON object with a `type`"));
        };
        let name = object.get("name").and_then(Value::as_str).unwrap_or_default();
        let Some(kind) = object.get("type").and_then(Value::as_str) else {
            let found = object.get("type").map_or("missing".into(), Value::to_string);
            return Err(value(
                &format!("the `type` of layer `{name}`"),
                found,
                "a kind of layer, e.g. \"Convolution\"",
            ));
        };
        let Some(entry) = self.0.iter().find(|entry| entry.kind == kind) else {
            let expected = format!("a known kind of layer{}", names::hint(kind, self.kinds()));
            return Err(value(&format!("the `type` of layer `{name}`"), format!("`{kind}`"), expected));
        };
        let mut properties = object.clone();
        properties.remove("type");
        let properties = Value::Object(properties);
        let what = format!("the description of layer `{name}` ({kind})");
        let layer = (entry.read)(properties.clone())
            .map_err(|e| value(&what, format!("wrong: {e}"), format!("the properties of the kind {kind}")))?;
        match find_unknown(&properties, &layer.to_json()) {
            None => Ok(layer),
            Some((property, hint)) => {
                let found = format!("one with the property `{property}`");
                Err(value(&what, found, format!("only properties of the kind {kind}{hint}")))
            }
        }
    }

    /// Reads a list of layers, such as `layers` in [`Net::description`](crate::Net::description).
    ///
    /// # Errors
    /// No JSON array, or as [`Registry::read`].
    pub fn read_list(&self, json: &Value) -> Result<LayerList> {
        let Some(layers) = json.as_array() else {
            return Err(value("the list of layers", json, "a JSON array of layers"));
        };
        Ok(LayerList(layers.iter().map(|layer| self.read(layer)).collect::<Result<_>>()?))
    }
}

/// A kind of this crate: it must have examples, or it does not compile.
const fn entry<T: Layer + DeserializeOwned + Examples>(kind: &'static str) -> Entry {
    Entry { kind, read: read::<T>, examples: T::examples }
}

fn read<T: Layer + DeserializeOwned>(json: Value) -> serde_json::Result<LayerRef> {
    serde_json::from_value::<T>(json).map(LayerRef::new)
}

/// A property that was given but is not there when the layer is written again: serde would pass over it in silence, since
/// `deny_unknown_fields` does not go together with the flattened wiring.
fn find_unknown(given: &Value, known: &Value) -> Option<(String, String)> {
    let (given, known) = (given.as_object()?, known.as_object()?);
    given.iter().find_map(|(key, value)| match known.get(key) {
        None => Some((key.clone(), names::hint(key, known.keys().map(String::as_str).filter(|key| *key != "type")))),
        Some(inner) => find_unknown(value, inner).map(|(property, hint)| (format!("{key}.{property}"), hint)),
    })
}

fn value(what: &str, found: impl ToString, expected: impl ToString) -> Error {
    Error::Value { what: what.into(), found: found.to_string(), expected: expected.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_kind_survives_json() {
        let registry = Registry::standard();
        for entry in STANDARD {
            let examples = (entry.examples)();
            assert!(!examples.is_empty(), "{} has no examples", entry.kind);
            for example in examples {
                assert_eq!(example.layer.layer().kind(), entry.kind);
                let text = example.layer.to_json().to_string();
                let back = registry.read(&serde_json::from_str(&text).unwrap()).unwrap();
                assert_eq!(back, example.layer, "{text}");
            }
        }
    }

    #[test]
    fn every_kind_stands_in_the_docs() {
        let docs = include_str!("lib.rs");
        for kind in Registry::standard().kinds() {
            assert!(docs.contains(&format!("| [`{kind}`] |")), "{kind} is missing in the table in lib.rs");
        }
    }

    #[test]
    fn mistakes_are_told() {
        let conv = json!({"type": "Convolution", "name": "c", "n_filter": 2, "kernel": {"width": 1, "height": 1}});
        assert!(Registry::standard().read(&conv).is_ok());
        let with = |key: &str, value: Value| {
            let mut json = conv.clone();
            json[key] = value;
            json
        };
        let cases = [
            (
                with("type", json!("Convolutoin")),
                "is `Convolutoin`; expected a known kind of layer; did you mean `Convolution`?",
            ),
            (with("type", Value::Null), "the `type` of layer `c` is null"),
            (
                with("neurn", json!(1)),
                "the property `neurn`; expected only properties of the kind Convolution; did you mean `neuron`?",
            ),
            (with("neuron", json!({"type": "Tanh", "slope": 1})), "the property `neuron.slope`"),
            (with("filter_init", json!({"type": "Xavir"})), "unknown variant `Xavir`"),
            (with("n_filter", json!("two")), "the description of layer `c` (Convolution) is wrong"),
            (with("kernel", json!({"width": 1})), "missing field `height`"),
            (json!([1]), "expected a JSON object"),
        ];
        for (json, part) in cases {
            let text = Registry::standard().read(&json).unwrap_err().to_string();
            assert!(text.contains(part), "`{text}` does not contain `{part}`");
        }
    }

    #[test]
    fn kinds_can_be_added() {
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        struct Mine {
            #[serde(flatten)]
            wiring: crate::Wiring,
        }
        impl Layer for Mine {
            fn kind(&self) -> &'static str {
                "Mine"
            }
            fn wiring(&self) -> &crate::Wiring {
                &self.wiring
            }
            fn arity(&self) -> crate::Arity {
                crate::Arity { bottoms: crate::Count::Exactly(0), tops: crate::Count::Exactly(0) }
            }
            fn setup(&self, _: &mut crate::Setup<'_>) -> Result<Box<dyn crate::LayerState>> {
                Err(value("nothing", 0, "nothing"))
            }
        }
        let layers = json!([{"type": "Mine", "name": "mine"}]);
        assert!(Registry::standard().read_list(&layers).is_err());
        let list = Registry::standard().add::<Mine>("Mine").read_list(&layers).unwrap();
        assert_eq!(list.0[0].to_json(), json!({"type": "Mine", "name": "mine", "bottoms": [], "tops": []}));
    }
}
