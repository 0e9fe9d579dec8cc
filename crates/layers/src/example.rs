//! Examples of each kind of layer, with bottoms that fit: what the gradient sweep and a backend's parity sweep run.
//!
//! They stand in the layer's own file and are demanded by the list in `registry.rs`, so that a layer without a test does not
//! compile.

use crate::{Layer, LayerRef, Registry, Result, SingleLayer, Wired};
use core_tensor::{Backend, DType, RngStream, Shape};
use ndarray::{ArrayD, IxDyn};
use rand_distr::{Distribution, StandardNormal, Uniform, uniform::SampleUniform};

/// A layer and bottoms that it can take.
#[derive(Debug, Clone)]
pub struct Example {
    /// The layer, wired to `bottom0`, `bottom1`, ... and `top0`, `top1`, ...
    pub layer: LayerRef,
    /// Its bottoms.
    pub bottoms: Vec<ExampleBottom>,
    /// Another layer whose parameters it uses, if it does.
    pub owner: Option<Box<Example>>,
}

/// What a bottom must hold.
#[derive(Debug, Clone, PartialEq)]
pub enum ExampleBottom {
    /// Any numbers.
    Numbers(Vec<usize>),
    /// Numbers between two bounds.
    Between {
        /// The blob's shape.
        shape: Vec<usize>,
        /// The lower bound.
        low: f64,
        /// The upper bound.
        high: f64,
    },
    /// Positive numbers whose sum over each sample is 1.
    Distributions(Vec<usize>),
    /// Class indices.
    Labels {
        /// The blob's shape.
        shape: Vec<usize>,
        /// The number of classes.
        classes: usize,
    },
}

/// Layers that come with examples.
pub trait Examples {
    /// Examples that go through every property of the layer, with odd sizes, one sample and many.
    fn examples() -> Vec<Example>;
}

impl Example {
    /// Wires a layer up with bottoms and as many tops as it needs.
    pub(crate) fn new<L: Layer + Wired>(layer: L, bottoms: Vec<ExampleBottom>, tops: usize) -> Self {
        let name = |what: &'static str| move |i| format!("{what}{i}");
        let layer = layer.bottoms((0..bottoms.len()).map(name("bottom"))).tops((0..tops).map(name("top")));
        Example { layer: layer.into(), bottoms, owner: None }
    }

    /// One bottom of any numbers, one top.
    pub(crate) fn one_to_one<L: Layer + Wired>(layer: L, shape: &[usize]) -> Self {
        Example::new(layer, vec![ExampleBottom::Numbers(shape.into())], 1)
    }

    /// The example with another layer whose parameters it uses.
    pub(crate) fn beside(mut self, owner: Example) -> Self {
        self.owner = Some(Box::new(owner));
        self
    }

    /// The layer, read anew from its JSON so that it shares no parameters with other layers made from this example, set up by
    /// itself or beside the owner of its parameters.
    ///
    /// # Errors
    /// As [`SingleLayer::new`].
    pub fn set_up<B: Backend + Clone + 'static>(&self, backend: &B, dtype: DType) -> Result<SingleLayer> {
        let layer = Registry::standard().read(&self.layer.to_json())?;
        let shapes: Vec<Shape> = self.bottoms.iter().map(ExampleBottom::shape).collect::<Result<_>>()?;
        match &self.owner {
            None => SingleLayer::new(backend, dtype, layer, &shapes),
            Some(owner) => {
                let owner = owner.set_up(backend, dtype)?;
                SingleLayer::beside(&owner, backend, dtype, layer, &shapes)
            }
        }
    }

    /// Two bottoms, no top.
    pub(crate) fn pair<L: Layer + Wired>(layer: L, first: ExampleBottom, second: ExampleBottom) -> Self {
        Example::new(layer, vec![first, second], 0)
    }

    /// Predictions and labels, no top.
    pub(crate) fn labelled<L: Layer + Wired>(layer: L, axis: usize, shape: &[usize]) -> Self {
        let (mut labels, classes) = (shape.to_vec(), shape[axis]);
        labels[axis] = 1;
        let bottoms = vec![ExampleBottom::Numbers(shape.into()), ExampleBottom::Labels { shape: labels, classes }];
        Example::new(layer, bottoms, 0)
    }
}

impl ExampleBottom {
    /// The blob's shape.
    ///
    /// # Errors
    /// Too many axes or elements.
    pub fn shape(&self) -> Result<Shape> {
        let (ExampleBottom::Numbers(sizes)
        | ExampleBottom::Between { shape: sizes, .. }
        | ExampleBottom::Distributions(sizes)
        | ExampleBottom::Labels { shape: sizes, .. }) = self;
        Ok(Shape::new(sizes)?)
    }

    /// Random numbers that fit.
    ///
    /// # Errors
    /// Labels of no class.
    pub fn draw(&self, rng: &mut RngStream) -> Result<ArrayD<f64>> {
        Ok(match self {
            ExampleBottom::Numbers(sizes) => ArrayD::from_shape_simple_fn(IxDyn(sizes), || StandardNormal.sample(rng)),
            ExampleBottom::Between { shape, low, high } => {
                let uniform = uniform("the bounds", *low, *high)?;
                ArrayD::from_shape_simple_fn(IxDyn(shape), || uniform.sample(rng))
            }
            ExampleBottom::Distributions(shape) => {
                let uniform = uniform("the bounds", 0.1, 1.0)?;
                let mut values = ArrayD::from_shape_simple_fn(IxDyn(shape), || uniform.sample(rng));
                for mut sample in values.outer_iter_mut() {
                    let sum = sample.sum();
                    sample.mapv_inplace(|value| value / sum);
                }
                values
            }
            ExampleBottom::Labels { shape, classes } => {
                let class = uniform("the classes", 0, *classes)?;
                ArrayD::from_shape_simple_fn(IxDyn(shape), || class.sample(rng) as f64)
            }
        })
    }
}

fn uniform<T: SampleUniform + std::fmt::Debug + Copy>(what: &str, low: T, high: T) -> Result<Uniform<T>> {
    Uniform::new(low, high).map_err(|e| crate::Error::Value {
        what: format!("{what} of an example"),
        found: format!("{low:?} and {high:?} ({e})"),
        expected: "a range".into(),
    })
}
