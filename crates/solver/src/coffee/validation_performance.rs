//! The coffee break that measures the net on data that it is not trained with.

use super::{BreakContext, BreakResult, CoffeeBreak};
use crate::Error;
use layers::Net;
use std::collections::BTreeMap;

const LINE: &str = "---------------------------------------------------------";

/// Runs exactly one epoch of a validation net, which shares the parameters of the net that is trained, logs what its
/// statistics layers have gathered, and keeps it in the coffee lounge. Also done at iteration 0: what chance gives is a good
/// check of the net.
///
/// There can be several, each with a net and a [`title`](ValidationPerformance::title) of its own; the layers that gather
/// statistics must have different names then.
pub struct ValidationPerformance {
    net: Net,
    title: String,
}

impl ValidationPerformance {
    /// Takes a net that was built from the same layer objects as the net that is trained, a data layer of its own, and layers
    /// that gather statistics, such as `Accuracy`.
    pub fn new(net: Net) -> Self {
        ValidationPerformance { net, title: "Validation Set".into() }
    }

    /// Sets what the log calls the data, instead of "Validation Set".
    ///
    /// ```no_run
    /// # fn add(solver: &mut solver::Solver, easy: layers::Net, hard: layers::Net) {
    /// use solver::{Every, ValidationPerformance};
    /// solver.add_coffee_break(ValidationPerformance::new(easy).title("Clean Digits"), Every::Iters(1000));
    /// solver.add_coffee_break(ValidationPerformance::new(hard).title("Noisy Digits"), Every::Epochs(1));
    /// # }
    /// ```
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }
}

impl CoffeeBreak for ValidationPerformance {
    fn name(&self) -> &str {
        "validation-performance"
    }

    fn init(&mut self, context: &mut BreakContext<'_>) -> BreakResult {
        let shared =
            |param: &&layers::Param| context.net.params().iter().any(|other| other.data().same_memory(param.data()));
        let own: Vec<String> = self.net.params().iter().filter(|param| !shared(param)).map(|p| p.key()).collect();
        if own.is_empty() {
            return Ok(());
        }
        if own.len() == self.net.params().len() {
            return Err(Box::new(Error::Value {
                what: format!("the validation net `{}`", self.net.name()),
                found: format!("without any parameter of the net `{}` that is trained", context.net.name()),
                expected: "one built from the same layer objects, as in `layers![data, ..common, accuracy]`".into(),
            }));
        }
        let (name, own) = (self.net.name(), own.join(", "));
        log::warn!("validation net `{name}` has parameters that are not trained: {own}");
        Ok(())
    }

    fn enjoy(&mut self, context: &mut BreakContext<'_>) -> BreakResult {
        self.net.reset_statistics();
        self.net.forward_epoch()?;
        let statistics = self.net.statistics();
        if statistics.is_empty() {
            return Err(Box::new(Error::Value {
                what: format!("the validation net `{}`", self.net.name()),
                found: "without a layer that gathers statistics".into(),
                expected: "one with a layer such as Accuracy".into(),
            }));
        }
        for statistic in &statistics {
            context.claim(&statistic.key, self.net.name())?;
        }
        log::info!("");
        log::info!("## Performance on {} after {} iterations", self.title, context.iteration);
        log::info!("{LINE}");
        for statistic in &statistics {
            log::info!("  {}", statistic.text.trim_start());
            context.record(&statistic.key, statistic.value);
        }
        log::info!("{LINE}");
        log::info!("");
        Ok(())
    }

    /// The validation data's position and permutation: sums over another order would differ in the last digits.
    fn save(&self) -> Option<serde_json::Value> {
        serde_json::to_value(self.net.save_layers()).ok()
    }

    fn restore(&mut self, saved: &serde_json::Value) -> BreakResult {
        let layers: BTreeMap<String, serde_json::Value> = serde_json::from_value(saved.clone())?;
        if let Err(error) = self.net.restore_layers(&layers) {
            // Another validation set than before is no reason to refuse a resume: what is trained does not depend on it.
            log::warn!("validation starts at the beginning of its data: {error}");
        }
        Ok(())
    }
}
