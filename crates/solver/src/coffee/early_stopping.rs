//! The coffee break that ends training when more of it does not help.
//!
//! It keeps nothing between two visits: when the best value came follows from the statistics, which a snapshot has, so that a
//! resumed run stops where an uninterrupted one does.

use super::{BreakContext, BreakResult, CoffeeBreak};
use crate::{Goal, check};

/// Ends training when the newest `patience` values of a statistic were no better than the best before them. Add it after the
/// break that records the statistic. A run that was stopped so and is started again ends at once.
///
/// ```no_run
/// # type Store = std::sync::Arc<dyn solver::CheckpointStore>;
/// # fn train(mut net: layers::Net, test_net: layers::Net, snapshots: Store) -> solver::Result<()> {
/// use solver::{EarlyStopping, Every, Goal, Sgd, Snapshot, Solver, ValidationPerformance};
/// let accuracy = Goal::highest("test-accuracy-accuracy");
/// let mut solver = Solver::new(Sgd::new());
/// solver.add_coffee_break(ValidationPerformance::new(test_net), Every::Epochs(1));
/// solver.add_coffee_break(EarlyStopping::new(accuracy.clone(), 5), Every::Epochs(1));
/// solver.add_coffee_break(Snapshot::new(&snapshots).keep_last_and_best(1, accuracy), Every::Epochs(1));
/// solver.solve(&mut net)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct EarlyStopping {
    goal: Goal,
    patience: u64,
    min_gain: f64,
}

impl EarlyStopping {
    /// Ends training after `patience` values in a row without an improvement.
    pub fn new(goal: Goal, patience: u64) -> Self {
        EarlyStopping { goal, patience, min_gain: 0.0 }
    }

    /// Sets by how much a value must be better than the best one to count as an improvement.
    pub fn min_gain(mut self, gain: f64) -> Self {
        self.min_gain = gain;
        self
    }

    /// Stops training if it is time.
    fn judge(&self, context: &mut BreakContext<'_>) {
        let mut best: Option<(u64, f64)> = None;
        let mut disappointments = 0;
        for (iteration, value) in self.goal.values(context.statistics()) {
            let margin = if self.goal.higher_better { self.min_gain } else { -self.min_gain };
            if best.is_none_or(|(_, best)| self.goal.is_better(value, best + margin)) {
                (best, disappointments) = (Some((iteration, value)), 0);
            } else {
                disappointments += 1;
            }
        }
        if let Some((iteration, value)) = best
            && disappointments >= self.patience
        {
            let key = &self.goal.key;
            log::info!(
                "Early stopping: {key} was best, {value}, at iteration {iteration}, {disappointments} values ago"
            );
            context.stop_training();
        }
    }
}

impl CoffeeBreak for EarlyStopping {
    fn name(&self) -> &str {
        "early-stopping"
    }

    fn init(&mut self, context: &mut BreakContext<'_>) -> BreakResult {
        check::at_least_one("the early stopping's", "patience", self.patience)?;
        check::not_negative("the early stopping's", "min_gain", self.min_gain)?;
        self.judge(context);
        Ok(())
    }

    fn enjoy(&mut self, context: &mut BreakContext<'_>) -> BreakResult {
        if context.iteration > 0 && !context.statistics().contains_key(&self.goal.key) {
            return Err(Box::new(self.goal.missing("early stopping", context.statistics())));
        }
        self.judge(context);
        Ok(())
    }
}
