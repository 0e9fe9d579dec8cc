//! The state of the losses that compare two blobs element by element: `SquareLoss`, `HingeLoss` and their like.

use super::labels::check_weight;
use crate::{Blob, Error, LayerState, Pass, Result, Setup, Statistic};
use core_tensor::{
    Role, Shape, Tensor,
    ops::{PairLoss, kernels},
};
use std::any::Any;

/// What tells one of these losses from another.
pub(super) struct PairLossSpec {
    pub(super) loss: PairLoss,
    /// The layer's name.
    pub(super) name: String,
    /// What is appended to it for the statistic's key: `square-loss`.
    pub(super) quantity: &'static str,
    pub(super) weight: f64,
}

/// The state of such a loss.
pub(super) struct PairLossState {
    spec: PairLossSpec,
    first: Blob,
    second: Blob,
    /// The sum of the losses and the number of pairs outside of the domain, as the kernel leaves them.
    result: Tensor,
    last: Option<f64>,
    /// Since the statistics were reset: the sum of the losses of all samples, and their number.
    sum: f64,
    total: u64,
}

impl PairLossState {
    pub(super) fn setup(setup: &Setup<'_>, spec: PairLossSpec) -> Result<Box<dyn LayerState>> {
        check_weight(spec.weight)?;
        let (first, second) = (setup.bottom(0).clone(), setup.bottom(1).clone());
        let (expected, found) = (first.data.shape(), second.data.shape());
        if found.batch() != expected.batch() || found.len() != expected.len() {
            return Err(Error::Value {
                what: "the shape of the second bottom".into(),
                found: found.to_string(),
                expected: format!("{expected}, as the first has"),
            });
        }
        let result = setup.alloc(Shape::new(&[2])?, Role::Param)?;
        Ok(Box::new(PairLossState { spec, first, second, result, last: None, sum: 0.0, total: 0 }))
    }

    fn samples(&self, pass: &Pass<'_>) -> usize {
        pass.samples_of(self.first.data.shape())
    }

    /// Looks for the pair that the kernel has complained of, and words the error.
    fn outside(&self, samples: usize) -> Result<Error> {
        let (a, b): (Vec<f64>, Vec<f64>) = (self.first.data.read()?, self.second.data.read()?);
        let features = self.first.data.shape().sample_len();
        let pairs = a.iter().zip(&b).take(samples * features);
        let place = pairs.clone().position(|(&a, &b)| self.spec.loss.is_outside(a, b)).unwrap_or(0);
        let sample = place / features.max(1);
        Ok(match self.spec.loss {
            PairLoss::GaussianKl => Error::Value {
                what: format!("a standard deviation of sample {sample} of the batch"),
                found: b[place].to_string(),
                expected: "a number above 0; let the layer that makes it have `Neuron::Exponential`".into(),
            },
            _ => Error::Value {
                what: format!("a prediction for sample {sample} of the batch"),
                found: a[place].to_string(),
                expected: "a probability from 0 to 1; let the layer that makes it have `Neuron::Sigmoid`, or use \
                           `SigmoidCrossEntropyLoss`"
                    .into(),
            },
        })
    }
}

impl LayerState for PairLossState {
    fn forward(&mut self, pass: &mut Pass<'_>) -> Result<()> {
        self.last = None;
        let samples = self.samples(pass);
        let (a, b) = (&self.first.data, &self.second.data);
        kernels::pair_loss_forward(pass.backend, self.spec.loss, samples, a, b, &self.result)?;
        let mut result = [0.0; 2];
        self.result.read_into(&mut result)?;
        if result[1] != 0.0 {
            return Err(self.outside(samples)?);
        }
        let sum = self.spec.weight * result[0];
        self.last = Some(sum / samples.max(1) as f64);
        self.sum += sum;
        self.total += samples as u64;
        Ok(())
    }

    fn backward(&mut self, pass: &Pass<'_>) -> Result<()> {
        let samples = self.samples(pass);
        let scale = self.spec.weight / samples.max(1) as f64;
        let operands = (&self.first.data, &self.second.data);
        for (diff, second) in [(&self.first.diff, false), (&self.second.diff, true)] {
            let Some(diff) = diff else { continue };
            kernels::pair_loss_backward(pass.backend, self.spec.loss, second, samples, scale, operands, diff)?;
        }
        Ok(())
    }

    fn loss(&self) -> Option<f64> {
        self.last
    }

    fn statistics(&self) -> Vec<Statistic> {
        if self.total == 0 {
            return Vec::new();
        }
        let (PairLossSpec { name, quantity, .. }, value) = (&self.spec, self.sum / self.total as f64);
        let title = quantity[..1].to_uppercase() + &quantity[1..];
        let text = format!("  {title} (avg over {}) = {value:.4}", self.total);
        vec![Statistic { key: format!("{name}-{quantity}"), value, text }]
    }

    fn reset_statistics(&mut self) {
        (self.sum, self.total) = (0.0, 0);
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}
