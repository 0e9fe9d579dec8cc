//! The gradient checker: central differences against the backward pass, for every element.
//!
//! Exhaustive, where Mocha's `test_gradients` leaves bottoms out and Caffe's `GradientChecker` reads gradients through the
//! layer it tests. The error of a central difference is about `step^2` from curvature plus `1e-16 loss / step` from
//! rounding, which is why it needs f64. Where a ReLU or a maximum switches between the two points the difference is
//! meaningless, so a mismatch is measured again with a smaller step before it counts.

use crate::{Blob, Error, LayerRef, Net, Param, Result, SingleLayer};
use core_tensor::{Backend, DType, RngStream, Shape, Tensor};
use ndarray::ArrayD;
use rand_distr::{Distribution, StandardNormal};

/// Compares gradients with central differences.
///
/// ```
/// use layers::{GradientCheck, prelude::*};
/// let x = ndarray::array![[0.5, -1.0, 2.0], [1.5, 0.3, -0.7]].into_dyn();
/// let layer = InnerProduct::new("ip", 4).neuron(Neuron::Tanh).bottom("x").top("y");
/// let report = GradientCheck::new().layer(&backend_cpu::Cpu::new()?, layer, &[x])?;
/// assert_eq!(report.checked, 4 * 3 + 4 + 2 * 3);
/// # Ok::<(), layers::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GradientCheck {
    step: f64,
    tolerance: f64,
}

/// What a gradient check has found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GradientReport {
    /// Elements of parameters and blobs that were checked.
    pub checked: usize,
    /// The largest difference.
    pub largest_absolute: f64,
    /// The largest difference divided by the larger of the two gradients and 1.
    pub largest_relative: f64,
    /// Which element has the largest relative difference.
    pub place: String,
}

impl Default for GradientCheck {
    fn default() -> Self {
        GradientCheck { step: 1e-5, tolerance: 1e-6 }
    }
}

impl GradientCheck {
    /// A step of 1e-5 and a tolerance of 1e-6.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how far to go to both sides.
    pub fn step(mut self, step: f64) -> Self {
        self.step = step;
        self
    }

    /// Sets the largest difference allowed, relative to the larger of both gradients and 1.
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Checks every element of every parameter that is not frozen, and of every blob that has a gradient.
    ///
    /// The net must be built in f64, have a loss, and see the same data in each forward pass: for instance from a
    /// [`MemoryData`](crate::MemoryData) that is not shuffled and whose batch has all its samples, without dropout.
    ///
    /// # Errors
    /// A wrong gradient ([`Error::Gradient`], naming the element), a net that cannot be checked, or any error of a pass.
    pub fn net(&self, net: &mut Net) -> Result<GradientReport> {
        check_dtype(net.dtype())?;
        let (first, second) = (net.forward()?, net.forward()?);
        if first.to_bits() != second.to_bits() {
            return Err(Error::Value {
                what: format!("the loss of net `{}` in two forward passes", net.name()),
                found: format!("{first} and {second}"),
                expected:
                    "the same; use a data layer that repeats: not shuffled, all its samples in one batch; and leave \
                           out layers that draw random numbers, which can be checked one by one"
                        .into(),
            });
        }
        let mut blobs = Vec::new();
        net.params().iter().for_each(Param::begin_pass);
        let keep = |name: &str, diff: &Tensor| {
            blobs.push((name.to_owned(), diff.read::<f64>()?));
            Ok(())
        };
        net.backward_watched(keep, |_| ())?;
        let mut report = GradientReport::default();
        for param in net.params().to_vec() {
            if let Some(diff) = param.diff().filter(|_| !param.is_frozen()) {
                let (place, gradient) = (format!("parameter `{}`", param.key()), diff.read()?);
                self.check(&mut report, &place, param.data(), &gradient, &mut || net.forward())?;
            }
        }
        for (i, (name, gradient)) in blobs.iter().enumerate() {
            // A blob that is an earlier one under another name cannot be moved by itself; it is checked as the earlier one.
            let earlier = blobs[i + 1..].iter().map(|(earlier, _)| net.blob(earlier)).collect::<Result<Vec<_>>>()?;
            let data = &net.blob(name)?.data;
            if earlier.iter().any(|earlier| earlier.data.same_memory(data)) {
                continue;
            }
            net.forward()?;
            let (data, step) = (net.blob(name)?.data.clone(), net.step_after(name));
            let mut loss = || net.forward_from(step, usize::MAX, false, |_| ());
            self.check(&mut report, &format!("blob `{name}`"), &data, gradient, &mut loss)?;
        }
        Ok(report)
    }

    /// Checks every element of a layer's parameters and bottoms. The loss is the layer's own, or else the sum of its tops
    /// with random factors. A layer that draws random numbers draws the same in each pass, because what it saves for a
    /// snapshot is restored before.
    ///
    /// # Errors
    /// A wrong gradient ([`Error::Gradient`], naming the element), or an error of the layer.
    pub fn layer<B: Backend + Clone + 'static>(
        &self,
        backend: &B,
        layer: impl Into<LayerRef>,
        bottoms: &[ArrayD<f64>],
    ) -> Result<GradientReport> {
        let shapes = bottoms.iter().map(|bottom| Shape::new(bottom.shape())).collect::<Result<Vec<_>, _>>()?;
        self.single(&mut SingleLayer::new(backend, DType::F64, layer, &shapes)?, bottoms)
    }

    /// As [`GradientCheck::layer`], for a layer that is set up already, in f64.
    ///
    /// # Errors
    /// As [`GradientCheck::layer`], or a layer in f32.
    pub fn single(&self, single: &mut SingleLayer, bottoms: &[ArrayD<f64>]) -> Result<GradientReport> {
        for (blob, values) in single.bottoms().iter().zip(bottoms) {
            check_dtype(blob.data.dtype())?;
            let values: Vec<f64> = values.iter().copied().collect();
            blob.data.write(&values)?;
        }
        let mut rng = RngStream::new(0, "gradient check");
        // First values of 0, as biases have, are no test. A living net may share the parameters, so they are put back.
        let params: Vec<Param> = single.params().to_vec();
        let originals: Vec<Vec<f64>> = params.iter().map(|param| param.data().read()).collect::<Result<_, _>>()?;
        for param in &params {
            param.set(&draw(param.data().shape().len(), &mut rng))?;
        }
        let report = self.check_single(single, &mut rng);
        for (param, original) in params.iter().zip(&originals) {
            param.set(original)?;
        }
        report
    }

    fn check_single(&self, single: &mut SingleLayer, rng: &mut RngStream) -> Result<GradientReport> {
        let saved = single.state().save();
        single.forward()?;
        let factors: Vec<Vec<f64>> = single.tops().iter().map(|top| draw(top.data.shape().len(), rng)).collect();
        for (top, factors) in single.tops().iter().zip(&factors) {
            top.diff.as_ref().map_or(Ok(()), |diff| diff.write(factors))?;
        }
        single.backward()?;
        let name = single.layer().layer().wiring().name.clone();
        let param = |param: &Param| -> Result<_> {
            let gradient = param.diff().map_or(Ok(Vec::new()), Tensor::read)?;
            Ok((format!("parameter `{}`", param.key()), param.data().clone(), gradient))
        };
        let bottom = |(i, blob): (usize, &Blob)| -> Result<_> {
            let gradient = blob.diff.as_ref().map_or(Ok(Vec::new()), Tensor::read)?;
            Ok((format!("bottom {i} of layer `{name}`"), blob.data.clone(), gradient))
        };
        let params = single.params().iter().map(param);
        let targets: Vec<_> = params.chain(single.bottoms().iter().enumerate().map(bottom)).collect::<Result<_>>()?;
        let mut report = GradientReport::default();
        let mut loss = || objective(single, saved.as_ref(), &factors);
        for (place, data, gradient) in targets {
            self.check(&mut report, &place, &data, &gradient, &mut loss)?;
        }
        Ok(report)
    }

    /// Checks all elements of `data` for which there is a gradient.
    fn check(
        &self,
        report: &mut GradientReport,
        place: &str,
        data: &Tensor,
        gradient: &[f64],
        loss: &mut dyn FnMut() -> Result<f64>,
    ) -> Result<()> {
        let original: Vec<f64> = data.read()?;
        let mut moved = original.clone();
        for (i, &analytic) in gradient.iter().enumerate() {
            let mut difference = |step: f64| -> Result<f64> {
                moved[i] = original[i] + step;
                data.write(&moved)?;
                let above = loss()?;
                moved[i] = original[i] - step;
                data.write(&moved)?;
                let below = loss()?;
                moved[i] = original[i];
                Ok((above - below) / (2.0 * step))
            };
            let relative = |numeric: f64| (analytic - numeric).abs() / analytic.abs().max(numeric.abs()).max(1.0);
            // Written so that NaN does not agree with anything.
            let agrees = |numeric: f64| relative(numeric) <= self.tolerance;
            let mut numeric = difference(self.step)?;
            if !agrees(numeric) {
                numeric = difference(self.step / 32.0)?;
            }
            let place = || format!("{place} at {:?}", position(data.shape(), i));
            if !agrees(numeric) {
                data.write(&original)?;
                return Err(Error::Gradient { place: place(), analytic, numeric, tolerance: self.tolerance });
            }
            report.checked += 1;
            report.largest_absolute = report.largest_absolute.max((analytic - numeric).abs());
            if relative(numeric) > report.largest_relative {
                (report.largest_relative, report.place) = (relative(numeric), place());
            }
        }
        Ok(data.write(&original)?)
    }
}

/// The layer's loss, or the sum of its tops with the given factors.
fn objective(single: &mut SingleLayer, saved: Option<&serde_json::Value>, factors: &[Vec<f64>]) -> Result<f64> {
    saved.map_or(Ok(()), |saved| single.state_mut().restore(saved))?;
    if let Some(loss) = single.forward()? {
        return Ok(loss);
    }
    let mut sum = 0.0;
    for (top, factors) in single.tops().iter().zip(factors) {
        let values: Vec<f64> = top.data.read()?;
        sum += values.iter().zip(factors).map(|(value, factor)| value * factor).sum::<f64>();
    }
    Ok(sum)
}

fn check_dtype(dtype: DType) -> Result<()> {
    if dtype == DType::F64 {
        return Ok(());
    }
    Err(Error::Value {
        what: "the element type".into(),
        found: dtype.to_string(),
        expected: "f64, in which differences can be taken: `Net::builder(name).dtype(DType::F64)`".into(),
    })
}

fn draw(count: usize, rng: &mut RngStream) -> Vec<f64> {
    StandardNormal.sample_iter(rng).take(count).collect()
}

/// The indices along all axes of the element at `index` in row-major order.
fn position(shape: Shape, mut index: usize) -> Vec<usize> {
    let mut position: Vec<usize> = shape
        .sizes()
        .iter()
        .rev()
        .map(|&size| {
            let along = index % size;
            index /= size;
            along
        })
        .collect();
    position.reverse();
    position
}
