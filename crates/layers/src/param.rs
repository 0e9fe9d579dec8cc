//! Parameters: the numbers that a solver changes, and what it must know about them.

use core_tensor::{Result, Shape, Tensor, ops::Gradient};
use serde::{Deserialize, Serialize};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// How a parameter gets its first values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", deny_unknown_fields)]
pub enum Initializer {
    /// Every element is `value`.
    Constant {
        /// The value.
        value: f64,
    },
    /// Uniform in `[-s, s]` with `s = sqrt(3 / fan_in)`, fan_in the elements of one output's weights (Caffe's and Mocha's
    /// rule; Glorot & Bengio 2010 use the mean of fan_in and fan_out).
    Xavier,
    /// Normal with a standard deviation of `sqrt(2 / fan_in)`, which keeps the variance through layers of ReLU (Caffe's `msra`;
    /// He et al., *Delving deep into rectifiers*, 2015).
    Msra,
    /// Normal distribution.
    Gaussian {
        /// Its mean.
        mean: f64,
        /// Its standard deviation.
        std: f64,
    },
    /// Orthonormal rows or columns, whichever are fewer, times `gain` (Saxe et al. 2013).
    Orthogonal {
        /// The factor; sqrt(2) suits ReLU.
        gain: f64,
    },
}

/// What is added to a parameter's gradient; multiplied by the solver's `regu_coef`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "type", deny_unknown_fields)]
pub enum Regularizer {
    /// Nothing.
    #[default]
    None,
    /// Loss `c |W|^2`, gradient `2 c W`: twice what Caffe's `weight_decay` of the same number adds.
    L2 {
        /// The local coefficient c.
        coefficient: f64,
    },
    /// Loss `c sum |w|`, gradient `c sign(w)`.
    L1 {
        /// The local coefficient c.
        coefficient: f64,
    },
}

/// What a parameter must satisfy after an update.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "type", deny_unknown_fields)]
pub enum Constraint {
    /// Nothing.
    #[default]
    None,
    /// Each output unit's weights (a filter; a bias as a whole) have an L2 norm of at most `threshold`, enforced at
    /// iterations divisible by `every_n_iter`.
    L2 {
        /// The largest norm.
        threshold: f64,
        /// How often.
        every_n_iter: u64,
    },
}

/// What a layer asks for when it makes a parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ParamSpec {
    /// `filter`, `weight` or `bias`.
    pub name: &'static str,
    /// Its shape, outputs first.
    pub shape: Shape,
    /// How it gets its first values.
    pub init: Initializer,
    /// What is added to its gradient.
    pub regularizer: Regularizer,
    /// What it must satisfy after an update.
    pub constraint: Constraint,
    /// The factor on the solver's learning rate.
    pub learning_rate: f64,
}

/// A parameter of a net: a cheap handle.
#[derive(Debug, Clone)]
pub struct Param(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    layer: String,
    spec: ParamSpec,
    data: Tensor,
    diff: Option<Tensor>,
    frozen: AtomicBool,
    /// Whether this pass has already put a gradient into `diff`, so that the next one must add.
    touched: AtomicBool,
}

impl Param {
    /// Joins a parameter's memory and its gradient's; for [`crate::Setup`].
    pub(crate) fn new(layer: &str, spec: ParamSpec, data: Tensor, diff: Option<Tensor>) -> Self {
        let (frozen, touched) = (AtomicBool::new(false), AtomicBool::new(false));
        Param(Arc::new(Inner { layer: layer.into(), spec, data, diff, frozen, touched }))
    }

    /// The name of the layer that made it.
    pub fn layer(&self) -> &str {
        &self.0.layer
    }

    /// `filter`, `weight` or `bias`.
    pub fn name(&self) -> &'static str {
        self.0.spec.name
    }

    /// The key in snapshots: layer name, three underscores, parameter name, as Mocha's `load_network` reads.
    pub fn key(&self) -> String {
        format!("{}___{}", self.layer(), self.name())
    }

    /// What the layer asked for.
    pub fn spec(&self) -> &ParamSpec {
        &self.0.spec
    }

    /// The values.
    pub fn data(&self) -> &Tensor {
        &self.0.data
    }

    /// The gradient; `None` in a net that is not built for training, and for what a layer gathers itself.
    pub fn diff(&self) -> Option<&Tensor> {
        self.0.diff.as_ref()
    }

    /// Whether it stays as it is.
    pub fn is_frozen(&self) -> bool {
        self.0.frozen.load(Ordering::Relaxed)
    }

    /// Freezes or unfreezes it.
    pub(crate) fn set_frozen(&self, frozen: bool) {
        self.0.frozen.store(frozen, Ordering::Relaxed);
    }

    /// Where a backward pass shall put the gradient: nowhere if frozen; overwriting the first time in a pass, adding after.
    pub fn gradient(&self) -> Option<Gradient<'_>> {
        let target = self.diff().filter(|_| !self.is_frozen())?;
        Some(Gradient { target, add: self.0.touched.swap(true, Ordering::Relaxed) })
    }

    /// Starts a new backward pass: the next gradient overwrites.
    pub(crate) fn begin_pass(&self) {
        self.0.touched.store(false, Ordering::Relaxed);
    }

    /// Whether both are the same parameter of the same net.
    pub(crate) fn is(&self, other: &Param) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Copies values in, logical order.
    ///
    /// # Errors
    /// Another number of elements.
    pub fn set<T: core_tensor::Element>(&self, values: &[T]) -> Result<()> {
        self.data().write(values)
    }
}
