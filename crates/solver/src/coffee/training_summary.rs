//! The coffee break that reports how training goes.

use super::{BreakContext, BreakResult, CoffeeBreak};
use crate::{
    Error,
    report::{speed_text, time_text},
};
use serde::Deserialize;
use std::{fmt::Write, time::Duration};

/// A number that [`TrainingSummary`] can show. In JSON `"obj_val"`, `"learning_rate"`, `"momentum"` or `{"loss_of": "layer"}`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// The objective value of the last iteration's batch; `obj_val` in the coffee lounge.
    ObjVal,
    /// The learning rate; `learning_rate` in the coffee lounge.
    LearningRate,
    /// The momentum; `momentum` in the coffee lounge.
    Momentum,
    /// The loss of one loss layer; the layer's name in the coffee lounge.
    LossOf(String),
}

/// Logs a line such as `001700 :: TRAIN obj-val = 0.43609169 | lr 0.008886 | 412 it/s | 00:20 left`, and keeps the numbers
/// shown in the coffee lounge. The speed is that since the last line, coffee breaks left out.
#[derive(Debug)]
pub struct TrainingSummary {
    quantities: Vec<Quantity>,
    /// Iteration and training time when the last line was written.
    last: (u64, Duration),
}

impl TrainingSummary {
    /// Shows the objective value and the learning rate.
    pub fn new() -> Self {
        Self::of([Quantity::ObjVal, Quantity::LearningRate])
    }

    /// Shows these, in this order.
    pub fn of(quantities: impl IntoIterator<Item = Quantity>) -> Self {
        TrainingSummary { quantities: quantities.into_iter().collect(), last: (0, Duration::ZERO) }
    }
}

impl Default for TrainingSummary {
    fn default() -> Self {
        Self::new()
    }
}

impl CoffeeBreak for TrainingSummary {
    fn name(&self) -> &str {
        "training-summary"
    }

    fn init(&mut self, context: &mut BreakContext<'_>) -> BreakResult {
        self.last = (context.iteration, context.training);
        Ok(self.quantities.iter().try_for_each(|quantity| check(quantity, context))?)
    }

    fn enjoy(&mut self, context: &mut BreakContext<'_>) -> BreakResult {
        if context.loss.is_none() {
            return Ok(()); // iteration 0: there is nothing to report yet
        }
        let mut line = format!("{:06} :: TRAIN ", context.iteration);
        for (i, quantity) in self.quantities.iter().enumerate() {
            let Some(value) = value(quantity, context) else { continue }; // `init` has seen to it that there is one
            context.record(name(quantity), value);
            write!(line, "{}{}", if i == 0 { "" } else { " | " }, text(quantity, value))?;
        }
        let (iteration, training) = std::mem::replace(&mut self.last, (context.iteration, context.training));
        let (done, time) = (context.iteration - iteration, context.training.saturating_sub(training));
        if done > 0 && !time.is_zero() {
            write!(line, " | {}", speed_text(done as f64 / time.as_secs_f64()))?;
        }
        if let Some(rest) = context.remaining() {
            write!(line, " | {} left", time_text(rest))?;
        }
        log::info!("{line}");
        Ok(())
    }
}

/// Checks that there is such a number, before the first iteration has made one.
fn check(quantity: &Quantity, context: &BreakContext<'_>) -> Result<(), Error> {
    let missing = |found: String, expected: String| {
        Err(Error::Value { what: "a quantity of the training summary".into(), found, expected })
    };
    match quantity {
        Quantity::Momentum if context.momentum.is_none() => {
            missing("the momentum".into(), "another one: this method has no momentum".into())
        }
        Quantity::LossOf(layer) => {
            let losses = context.net.layers().0.iter().map(|node| node.layer()).filter(|layer| layer.is_loss());
            let names: Vec<&str> = losses.map(|layer| layer.wiring().name.as_str()).collect();
            if names.contains(&layer.as_str()) {
                return Ok(());
            }
            missing(format!("the loss of layer `{layer}`"), format!("one of the loss layers: {}", names.join(", ")))
        }
        _ => Ok(()),
    }
}

/// The number, as it is now.
fn value(quantity: &Quantity, context: &BreakContext<'_>) -> Option<f64> {
    match quantity {
        Quantity::ObjVal => context.loss,
        Quantity::LearningRate => Some(context.learning_rate),
        Quantity::Momentum => context.momentum,
        Quantity::LossOf(layer) => {
            context.net.losses().into_iter().find(|(name, _)| name == layer).map(|(_, loss)| loss)
        }
    }
}

/// The name in the coffee lounge: Mocha's.
fn name(quantity: &Quantity) -> &str {
    match quantity {
        Quantity::ObjVal => "obj_val",
        Quantity::LearningRate => "learning_rate",
        Quantity::Momentum => "momentum",
        Quantity::LossOf(layer) => layer,
    }
}

fn text(quantity: &Quantity, value: f64) -> String {
    match quantity {
        Quantity::ObjVal => format!("obj-val = {value:.8}"),
        Quantity::LearningRate if value == 0.0 || value >= 1e-4 => format!("lr {value:.6}"),
        Quantity::LearningRate => format!("lr {value:.3e}"),
        Quantity::Momentum => format!("momentum {value:.4}"),
        Quantity::LossOf(layer) => format!("{layer} = {value:.8}"),
    }
}
