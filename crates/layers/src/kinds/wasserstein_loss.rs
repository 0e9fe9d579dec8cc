//! The Wasserstein loss between distributions over points with known distances (Frogner et al. 2015).
//!
//! Mocha: `src/layers/wasserstein-loss.jl`. Sinkhorn's iteration (Cuturi 2013) is a chain of products with three constant matrices
//! and of quotients, so it runs on the backend's inner products and needs no kernel of its own. Only the sum over the samples and
//! the logarithm of the gradient, one number for each element, are computed on the host.

use crate::{
    Arity, Blob, Count, Error, Example, ExampleBottom, Examples, Layer, LayerState, Pass, Result, Setup, Wired, Wiring,
};
use core_tensor::{
    Role, Shape, Tensor,
    ops::{AffineForward, AffinePlan, ElementWiseOperation, InnerProduct, Neuron, kernels},
};
use serde::{Deserialize, Serialize};
use std::any::Any;

/// The cost of moving the predicted distribution to the true one, smoothed by entropy; the mean over the samples.
///
/// Bottoms: predictions (N, D) and true distributions (N, E), positive numbers whose sum over each sample is 1 (put a
/// [`Softmax`](crate::Softmax) before); only the predictions get a gradient. No tops. The cost of moving a unit from place i to
/// place j is `ground_metric[i][j]`.
///
/// With `K = exp(-lambda M)`, `u = 1 / D` at first, then `sinkhorn_iter` times `v = b / K'u`, `u = a / Kv`, the loss is
/// `sum of u (K M) v` and the gradient `log(u) / lambda`: that of the smoothed problem up to a number that is the same for all places,
/// which a softmax does not see. It is not the derivative of the reported cost. In f32, `lambda` times the largest distance
/// should stay below 80, where K becomes 0 and the loss is not a number.
///
/// ```
/// use layers::prelude::*;
/// let on_a_line = (0..3).map(|i| (0..3).map(|j| f64::from(i32::abs(i - j))).collect()).collect();
/// let loss = WassersteinLoss::new("loss", on_a_line, 3.0).bottoms(["prob", "target"]);
/// assert_eq!(loss.sinkhorn_iter, 50);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WassersteinLoss {
    /// Name and blobs.
    #[serde(flatten)]
    pub wiring: Wiring,
    /// The distance from each place of the predictions (rows) to each of the true distributions (columns).
    pub ground_metric: Vec<Vec<f64>>,
    /// How little the problem is smoothed, above 0.
    pub lambda: f64,
    /// Iterations of Sinkhorn's algorithm; 50 if not set.
    #[serde(default = "fifty")]
    pub sinkhorn_iter: usize,
    /// The factor on loss and gradient; 1 if not set.
    #[serde(default = "one")]
    pub weight: f64,
}

impl WassersteinLoss {
    /// The loss with these distances, smoothed by `lambda`, with 50 iterations and weight 1.
    pub fn new(name: impl Into<String>, ground_metric: Vec<Vec<f64>>, lambda: f64) -> Self {
        let wiring = Wiring::named(name);
        WassersteinLoss { wiring, ground_metric, lambda, sinkhorn_iter: fifty(), weight: one() }
    }

    /// Sets the number of iterations of Sinkhorn's algorithm.
    pub fn sinkhorn_iter(mut self, iterations: usize) -> Self {
        self.sinkhorn_iter = iterations;
        self
    }

    /// Sets the factor on loss and gradient.
    pub fn weight(mut self, weight: f64) -> Self {
        self.weight = weight;
        self
    }

    /// Checks all properties against the sizes of the bottoms.
    fn check(&self, predictions: Shape, targets: Shape) -> Result<()> {
        let fail = |what: &str, found: String, expected: &str| {
            Err(Error::Value { what: what.into(), found, expected: expected.into() })
        };
        super::labels::check_weight(self.weight)?;
        if predictions.batch() != targets.batch() {
            let expected = format!("{}, as the predictions have", predictions.batch());
            return fail("the number of true distributions", targets.batch().to_string(), &expected);
        }
        let (rows, columns) = (predictions.sample_len(), targets.sample_len());
        if self.ground_metric.len() != rows || self.ground_metric.iter().any(|row| row.len() != columns) {
            let lengths: Vec<usize> = self.ground_metric.iter().map(Vec::len).collect();
            let expected = format!("{rows} rows of {columns}, for bottoms of shapes {predictions} and {targets}");
            return fail("the ground metric", format!("{} rows of lengths {lengths:?}", lengths.len()), &expected);
        }
        if let Some(bad) = self.ground_metric.iter().flatten().find(|m| !(m.is_finite() && **m >= 0.0)) {
            return fail("a distance of the ground metric", bad.to_string(), "a number from 0 up");
        }
        if !(self.lambda.is_finite() && self.lambda > 0.0) {
            return fail("lambda", self.lambda.to_string(), "a number above 0");
        }
        if self.sinkhorn_iter == 0 {
            return fail("sinkhorn_iter", "0".into(), "at least 1");
        }
        Ok(())
    }
}

impl Wired for WassersteinLoss {
    fn wiring_mut(&mut self) -> &mut Wiring {
        &mut self.wiring
    }
}

impl Layer for WassersteinLoss {
    fn kind(&self) -> &'static str {
        "WassersteinLoss"
    }

    fn wiring(&self) -> &Wiring {
        &self.wiring
    }

    fn arity(&self) -> Arity {
        Arity { bottoms: Count::Exactly(2), tops: Count::Exactly(0) }
    }

    fn is_loss(&self) -> bool {
        true
    }

    fn bottom_can_have_gradient(&self, index: usize) -> bool {
        index == 0
    }

    fn setup(&self, setup: &mut Setup<'_>) -> Result<Box<dyn LayerState>> {
        let (predictions, targets) = (setup.bottom(0).clone(), setup.bottom(1).data.clone());
        self.check(predictions.data.shape(), targets.shape())?;
        let batch = predictions.data.shape().batch();
        let (rows, columns) = (self.ground_metric.len(), targets.shape().sample_len());
        let (left, right) = (Shape::new(&[batch, rows])?, Shape::new(&[batch, columns])?);
        let entry = |i: usize, j: usize| self.ground_metric[i][j];
        let kernel = |i, j| (-self.lambda * entry(i, j)).exp();
        let start = setup.alloc(left, Role::Data)?;
        start.write(&vec![1.0 / rows as f64; left.len()])?;
        Ok(Box::new(State {
            lambda: self.lambda,
            weight: self.weight,
            iterations: self.sinkhorn_iter,
            by_kernel: Product::new(setup, right, (rows, columns), kernel)?,
            by_transposed: Product::new(setup, left, (columns, rows), |j, i| kernel(i, j))?,
            by_cost: Product::new(setup, right, (rows, columns), |i, j| kernel(i, j) * entry(i, j))?,
            a: predictions.data.reshaped(left)?,
            b: targets.reshaped(right)?,
            start,
            u: setup.alloc(left, Role::Data)?,
            v: setup.alloc(right, Role::Data)?,
            host: [vec![0.0; left.len()], vec![0.0; left.len()]],
            predictions,
            loss: None,
        }))
    }
}

impl Examples for WassersteinLoss {
    fn examples() -> Vec<Example> {
        let example = |batch: usize, rows: usize, columns: usize, change: fn(WassersteinLoss) -> WassersteinLoss| {
            let distance = |i: usize, j: usize| (i as f64 / rows as f64 - j as f64 / columns as f64).abs();
            let metric = (0..rows).map(|i| (0..columns).map(|j| distance(i, j)).collect()).collect();
            let loss = change(WassersteinLoss::new("loss", metric, 4.0));
            let bottom = |size| ExampleBottom::Distributions(vec![batch, size]);
            Example::pair(loss, bottom(rows), bottom(columns))
        };
        vec![
            example(17, 5, 3, |loss| loss),
            example(1, 2, 4, |loss| loss.weight(0.5)),
            example(3, 3, 3, |loss| loss.sinkhorn_iter(2)),
        ]
    }
}

/// A product of blobs with a constant matrix.
struct Product {
    matrix: Tensor,
    plan: Box<dyn AffinePlan>,
    /// The result, (N, rows).
    y: Tensor,
}

impl Product {
    fn new(
        setup: &Setup<'_>,
        input: Shape,
        (rows, columns): (usize, usize),
        entry: impl Fn(usize, usize) -> f64,
    ) -> Result<Self> {
        let matrix = setup.alloc(Shape::new(&[rows, columns])?, Role::Param)?;
        let entries: Vec<f64> = (0..rows * columns).map(|at| entry(at / columns, at % columns)).collect();
        matrix.write(&entries)?;
        let description = InnerProduct { input, dtype: setup.dtype(), outputs: rows, neuron: Neuron::Identity };
        let plan = setup.backend().inner_product(&description)?;
        Ok(Product { matrix, plan, y: setup.alloc(description.output()?, Role::Data)? })
    }

    fn of(&mut self, x: &Tensor) -> Result<&Tensor> {
        self.plan.forward(AffineForward { x, weight: &self.matrix, bias: None, y: &self.y })?;
        Ok(&self.y)
    }
}

struct State {
    lambda: f64,
    weight: f64,
    iterations: usize,
    /// v -> K v.
    by_kernel: Product,
    /// u -> K' u.
    by_transposed: Product,
    /// v -> (K M) v, element by element.
    by_cost: Product,
    predictions: Blob,
    /// Predictions and true distributions, flat.
    a: Tensor,
    b: Tensor,
    /// The first u.
    start: Tensor,
    u: Tensor,
    v: Tensor,
    /// Room for two blobs of the predictions' size on the host.
    host: [Vec<f64>; 2],
    loss: Option<f64>,
}

impl State {
    fn samples(&self, pass: &Pass<'_>) -> usize {
        pass.samples_of(self.a.shape())
    }
}

impl LayerState for State {
    fn forward(&mut self, pass: &mut Pass<'_>) -> Result<()> {
        self.loss = None;
        let divide =
            |x: &Tensor, by: &Tensor, y: &Tensor| kernels::binary(pass.backend, ElementWiseOperation::Divide, x, by, y);
        kernels::copy(pass.backend, &self.start, &self.u)?;
        for _ in 0..self.iterations {
            divide(&self.b, self.by_transposed.of(&self.u)?, &self.v)?;
            divide(&self.a, self.by_kernel.of(&self.v)?, &self.u)?;
        }
        divide(&self.b, self.by_transposed.of(&self.u)?, &self.v)?;
        let [u, cost] = &mut self.host;
        self.u.read_into(u)?;
        self.by_cost.of(&self.v)?.read_into(cost)?;
        let samples = pass.samples_of(self.a.shape());
        let counted = samples * self.a.shape().sample_len();
        let sum: f64 = u.iter().zip(cost.iter()).take(counted).map(|(u, cost)| u * cost).sum();
        self.loss = Some(self.weight * sum / samples.max(1) as f64);
        Ok(())
    }

    fn backward(&mut self, pass: &Pass<'_>) -> Result<()> {
        let Some(diff) = &self.predictions.diff else { return Ok(()) };
        let samples = self.samples(pass);
        let scale = self.weight / (self.lambda * samples.max(1) as f64);
        let counted = samples * self.a.shape().sample_len();
        // `u` on the host is that of the last forward pass.
        let [u, gradient] = &mut self.host;
        for (i, (gradient, u)) in gradient.iter_mut().zip(u).enumerate() {
            *gradient = if i < counted { scale * cut(*u).ln() } else { 0.0 };
        }
        Ok(diff.write(gradient)?)
    }

    fn loss(&self) -> Option<f64> {
        self.loss
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

/// Where the logarithm is cut off, as in the losses of classifiers: a softmax may round a small probability to 0. A NaN stays one.
fn cut(u: f64) -> f64 {
    if u < 1e-20 { 1e-20 } else { u }
}

fn fifty() -> usize {
    50
}

fn one() -> f64 {
    1.0
}
