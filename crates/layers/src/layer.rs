//! What a layer is: a description, and the state that a net builds from it.
//!
//! To write a layer, derive `Debug, Clone, PartialEq, Serialize, Deserialize` on a struct with a [`Wiring`], implement
//! [`Wired`] and [`Layer`] for it, and [`LayerState`] for what it becomes. `Layer::setup` looks at the bottoms' shapes, makes
//! tops, parameters and plans, and keeps cheap handles to all of them; `forward` and `backward` then need no arguments but
//! the [`Pass`].

use crate::{Error, Result, Setup};
use core_tensor::{Backend, Shape, Storage, Tensor};
use serde::{Deserialize, Serialize};
use std::{
    any::Any,
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError, Weak},
};

/// A layer's name and the blobs that join it to others.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Wiring {
    /// The layer's name; names its parameters in snapshots.
    pub name: String,
    /// The blobs that it takes, in order.
    #[serde(default)]
    pub bottoms: Vec<String>,
    /// The blobs that it makes, in order.
    #[serde(default)]
    pub tops: Vec<String>,
}

impl Wiring {
    /// A name, and no blobs yet.
    pub fn named(name: impl Into<String>) -> Self {
        Wiring { name: name.into(), ..Default::default() }
    }
}

/// The builder methods that every layer has.
pub trait Wired: Sized {
    /// The layer's wiring, to be changed.
    fn wiring_mut(&mut self) -> &mut Wiring;

    /// Adds one blob that the layer takes.
    fn bottom(mut self, blob: impl Into<String>) -> Self {
        self.wiring_mut().bottoms.push(blob.into());
        self
    }

    /// Adds one blob that the layer makes.
    fn top(mut self, blob: impl Into<String>) -> Self {
        self.wiring_mut().tops.push(blob.into());
        self
    }

    /// Sets all blobs that the layer takes.
    fn bottoms<S: Into<String>>(mut self, blobs: impl IntoIterator<Item = S>) -> Self {
        self.wiring_mut().bottoms = blobs.into_iter().map(Into::into).collect();
        self
    }

    /// Sets all blobs that the layer makes.
    fn tops<S: Into<String>>(mut self, blobs: impl IntoIterator<Item = S>) -> Self {
        self.wiring_mut().tops = blobs.into_iter().map(Into::into).collect();
        self
    }
}

/// How many blobs a layer takes or makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// This many.
    Exactly(usize),
    /// This many or more.
    AtLeast(usize),
    /// As many tops as bottoms, at least one.
    SameAsBottoms,
}

/// How many blobs a layer takes and makes; the net checks it and words the error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arity {
    /// How many bottoms.
    pub bottoms: Count,
    /// How many tops.
    pub tops: Count,
}

/// What every description offers because it is plain data. Implemented for all of them at once.
pub trait Describe: fmt::Debug + Send + Sync + 'static {
    /// The description as a JSON object, without its kind.
    fn to_json(&self) -> serde_json::Value;
    /// For comparing and downcasting.
    fn as_any(&self) -> &dyn Any;
    /// Whether `other` is a description of the same kind with equal properties.
    fn equals(&self, other: &dyn Layer) -> bool;
}

impl<T: Serialize + PartialEq + fmt::Debug + Send + Sync + 'static> Describe for T {
    fn to_json(&self) -> serde_json::Value {
        // Descriptions are structs of numbers, strings and enums: writing them as JSON cannot fail.
        serde_json::to_value(self).unwrap_or_default()
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn equals(&self, other: &dyn Layer) -> bool {
        Describe::as_any(other).downcast_ref::<T>().is_some_and(|other| other == self)
    }
}

/// A layer's description. Object safe; nets hold descriptions as [`LayerRef`].
pub trait Layer: Describe {
    /// The kind, as in JSON's `type` and in errors: `Convolution`.
    fn kind(&self) -> &'static str;

    /// The name and the blobs.
    fn wiring(&self) -> &Wiring;

    /// How many bottoms and tops there must be.
    fn arity(&self) -> Arity;

    /// Whether gradients can flow through the layer (or start in it, for a loss). Data layers, labels' consumers such as
    /// `Accuracy`, and layers like `Argmax` say no.
    fn can_backward(&self) -> bool {
        true
    }

    /// Whether the layer is a loss: the objective is the sum of all of them.
    fn is_loss(&self) -> bool {
        false
    }

    /// Whether bottom `index` can get a gradient at all; labels cannot.
    fn bottom_can_have_gradient(&self, index: usize) -> bool {
        let _ = index;
        true
    }

    /// Whether the layer has parameters, so that its backward pass is needed even when no bottom wants a gradient.
    fn has_params(&self) -> bool {
        false
    }

    /// Layers with an equal key share their parameters; by default only the same layer object shares.
    fn param_key(&self) -> Option<&str> {
        None
    }

    /// Checks properties and bottoms, makes tops and parameters, and returns the state.
    ///
    /// # Errors
    /// Anything that does not fit; the net adds the layer's name.
    fn setup(&self, setup: &mut Setup<'_>) -> Result<Box<dyn LayerState>>;

    /// Sets this layer up together with `next`, the only layer that takes its only top, if the backend computes both as one
    /// operation that is faster than two. The tops made are those of `next`; the blob between them has no memory
    /// ([`Setup::fused_blob`] tells its shape). `None` leaves both layers to themselves.
    ///
    /// # Errors
    /// As [`Layer::setup`].
    fn setup_fused(&self, next: &dyn Layer, setup: &mut Setup<'_>) -> Result<Option<Box<dyn LayerState>>> {
        let _ = (next, setup);
        Ok(None)
    }
}

/// What travels with one forward or backward pass.
#[derive(Debug)]
pub struct Pass<'a> {
    /// The net's backend.
    pub backend: &'a dyn Backend,
    /// How many samples of the batch count, `usize::MAX` for all. A data layer lowers it when an epoch ends within a batch
    /// and `whole_epochs` is asked for; losses and statistics look at no others.
    pub samples: usize,
    /// Whether a batch may run over the end of an epoch (training) or has to stop there (validation).
    pub whole_epochs: bool,
}

impl Pass<'_> {
    /// How many samples of a blob of this shape count.
    pub fn samples_of(&self, shape: Shape) -> usize {
        self.samples.min(shape.batch())
    }
}

/// One number that a layer has gathered since [`LayerState::reset_statistics`].
#[derive(Debug, Clone, PartialEq)]
pub struct Statistic {
    /// The key in the coffee lounge, e.g. `test-accuracy-accuracy` (layer name, dash, quantity).
    pub key: String,
    /// The value, e.g. 0.9907.
    pub value: f64,
    /// What people read, indented by two: `  Accuracy (avg over 10000) = 99.0700%`.
    pub text: String,
}

/// A layer at work: it holds handles to its blobs, parameters and plans.
pub trait LayerState: Send {
    /// Computes the tops from the bottoms. Overwrites the tops, all of them: other blobs may have been in their memory since.
    ///
    /// # Errors
    /// The backend's, a bad label, a data source that ran dry.
    fn forward(&mut self, pass: &mut Pass<'_>) -> Result<()>;

    /// Computes the gradients of parameters and bottoms from the tops'. Overwrites the bottoms' gradients,
    /// all of them: others may have been in their memory since.
    ///
    /// # Errors
    /// The backend's.
    fn backward(&mut self, pass: &Pass<'_>) -> Result<()> {
        let _ = pass;
        Ok(())
    }

    /// The loss of the last forward pass, for loss layers.
    fn loss(&self) -> Option<f64> {
        None
    }

    /// The numbers gathered so far, for statistics layers.
    fn statistics(&self) -> Vec<Statistic> {
        Vec::new()
    }

    /// Starts gathering anew.
    fn reset_statistics(&mut self) {}

    /// The layer as a source of samples, if it is one.
    fn data_source(&mut self) -> Option<&mut dyn DataSource> {
        None
    }

    /// What a snapshot must keep besides parameters: a data layer's position, a random stream's state.
    fn save(&self) -> Option<serde_json::Value> {
        None
    }

    /// Takes back what [`LayerState::save`] gave.
    ///
    /// # Errors
    /// The value is not one that this layer has written, or does not fit its data.
    fn restore(&mut self, saved: &serde_json::Value) -> Result<()> {
        let _ = saved;
        Ok(())
    }

    /// Floating point operations of one forward pass, for the net's summary.
    fn flops(&self) -> f64 {
        0.0
    }

    /// The algorithm in use, for the net's summary.
    fn algorithm(&self) -> Option<&'static str> {
        None
    }

    /// For `Net::state_mut`, so that users reach a layer's own methods (`MemoryData::set`).
    fn as_any_mut(&mut self) -> &mut dyn Any;
}

/// A source of samples that knows its epochs.
pub trait DataSource {
    /// How many times all samples were delivered.
    fn epoch(&self) -> u64;

    /// Samples in one epoch.
    fn samples_per_epoch(&self) -> usize;

    /// Goes to the first sample of the current epoch.
    ///
    /// # Errors
    /// The source cannot be read.
    fn rewind(&mut self) -> Result<()>;
}

/// A shared layer object. Nets built from clones of one `LayerRef` share its parameters.
#[derive(Clone)]
pub struct LayerRef(Arc<Node>);

struct Node {
    layer: Box<dyn Layer>,
    /// The parameters' memory, as long as some net keeps it alive.
    params: Mutex<HashMap<String, SharedMemory>>,
}

type SharedMemory = (Weak<dyn Storage>, Shape);

impl LayerRef {
    /// Wraps a description; from now on it has an identity.
    pub fn new(layer: impl Layer) -> Self {
        Self::from_box(Box::new(layer))
    }

    /// Wraps a boxed description.
    pub fn from_box(layer: Box<dyn Layer>) -> Self {
        LayerRef(Arc::new(Node { layer, params: Mutex::new(HashMap::new()) }))
    }

    /// The description.
    pub fn layer(&self) -> &dyn Layer {
        self.0.layer.as_ref()
    }

    /// The description as a JSON object with its kind as `type`; [`Registry`](crate::Registry) reads it back.
    pub fn to_json(&self) -> serde_json::Value {
        let mut json = Describe::to_json(self.layer());
        if let Some(object) = json.as_object_mut() {
            object.insert("type".into(), self.layer().kind().into());
        }
        json
    }

    /// Memory and shape of the parameter with this name, if a living net made it.
    pub(crate) fn shared_param(&self, name: &str) -> Option<(Arc<dyn Storage>, Shape)> {
        let params = self.0.params.lock().unwrap_or_else(PoisonError::into_inner);
        params.get(name).and_then(|(storage, shape)| Some((storage.upgrade()?, *shape)))
    }

    /// Remembers a parameter's memory for nets that are built later.
    pub(crate) fn share_param(&self, name: &str, data: &Tensor) {
        let mut params = self.0.params.lock().unwrap_or_else(PoisonError::into_inner);
        params.insert(name.to_owned(), (Arc::downgrade(data.storage()), data.shape()));
    }
}

impl<L: Layer> From<L> for LayerRef {
    fn from(layer: L) -> Self {
        LayerRef::new(layer)
    }
}

impl fmt::Debug for LayerRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.layer().fmt(f)
    }
}

impl PartialEq for LayerRef {
    fn eq(&self, other: &Self) -> bool {
        self.layer().equals(other.layer())
    }
}

/// A list of layers, made by [`layers!`](crate::layers!).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LayerList(pub Vec<LayerRef>);

impl LayerList {
    /// Adds a layer.
    pub fn push(&mut self, layer: impl Into<LayerRef>) {
        self.0.push(layer.into());
    }

    /// Adds all layers of another list; both lists then share them.
    pub fn extend(&mut self, others: &LayerList) {
        self.0.extend(others.0.iter().cloned());
    }
}

/// Lists layers; `..common` inserts another list's layers, which are then shared, parameters and all.
///
/// ```
/// use layers::{layers, InnerProduct, SoftmaxLoss, Wired};
/// let common = layers![InnerProduct::new("ip1", 10).bottom("data").top("ip1")];
/// let training = layers![..common, SoftmaxLoss::new("loss").bottoms(["ip1", "label"])];
/// assert_eq!((common.0.len(), training.0.len()), (1, 2));
/// ```
#[macro_export]
macro_rules! layers {
    (@into $list:ident) => {};
    (@into $list:ident .. $others:expr $(, $($rest:tt)*)?) => {
        $list.extend(&$others);
        $($crate::layers!(@into $list $($rest)*);)?
    };
    (@into $list:ident $layer:expr $(, $($rest:tt)*)?) => {
        $list.push($layer);
        $($crate::layers!(@into $list $($rest)*);)?
    };
    ($($items:tt)*) => {{
        #[allow(unused_mut)]
        let mut list = $crate::LayerList::default();
        $crate::layers!(@into list $($items)*);
        list
    }};
}

impl Arity {
    /// Compares with what a layer has.
    pub(crate) fn check(self, wiring: &Wiring) -> Result<()> {
        let check = |what: &str, count: Count, blobs: &[String]| {
            let (fits, expected) = match count {
                Count::Exactly(n) => (blobs.len() == n, format!("exactly {n}")),
                Count::AtLeast(n) => (blobs.len() >= n, format!("at least {n}")),
                Count::SameAsBottoms => {
                    let n = wiring.bottoms.len();
                    (blobs.len() == n && n > 0, format!("as many as bottoms, which are {n}, and at least one"))
                }
            };
            if fits {
                return Ok(());
            }
            let found = if blobs.is_empty() { "0".into() } else { format!("{} ({})", blobs.len(), blobs.join(", ")) };
            Err(Error::Value { what: format!("the number of {what}"), found, expected })
        };
        check("bottoms", self.bottoms, &wiring.bottoms)?;
        check("tops", self.tops, &wiring.tops)
    }
}
