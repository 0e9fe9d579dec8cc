//! The coffee break that takes a step back when training has gone astray.
//!
//! In Mocha this is a part of `LRPolicy.DecayOnValidation` (`src/solvers/policies.jl`), which loads the newest snapshot of any time.
//! Here it is a break of its own: a policy sees statistics and no snapshots. Which snapshot it goes back to is a part of the run's
//! state: were it the newest file, a run that was interrupted, and so has one more, would come to other bits.

use super::{BreakContext, BreakResult, CoffeeBreak};
use crate::{CheckpointStore, Goal};
use std::sync::Arc;

/// Goes back to the parameters, and the method's history, of the last iteration at which a statistic had not become worse. The
/// iterations, the data and the statistics go on. As the learning rate must be lower then, it belongs beside
/// [`LrPolicy::decay_on_validation`](crate::LrPolicy::decay_on_validation); both together stand for Mocha's policy of that name, which
/// reloads the whole state of the solver.
///
/// Add it after the break that records the statistic, and take both at the same iterations. Whenever the value is no worse than the
/// one before it, a snapshot is saved; none is removed.
///
/// ```no_run
/// # type Store = std::sync::Arc<dyn solver::CheckpointStore>;
/// # fn train(mut net: layers::Net, test_net: layers::Net, snapshots: Store) -> solver::Result<()> {
/// use solver::{Every, GoBack, Goal, LrPolicy, Sgd, Solver, ValidationPerformance};
/// let accuracy = Goal::highest("test-accuracy-accuracy");
/// let policy = LrPolicy::decay_on_validation(0.01, accuracy.clone(), 0.5);
/// let mut solver = Solver::new(Sgd::new().lr_policy(policy)).max_iter(10_000).load_from(&snapshots);
/// solver.add_coffee_break(ValidationPerformance::new(test_net), Every::Iters(1000));
/// solver.add_coffee_break(GoBack::new(accuracy, &snapshots), Every::Iters(1000));
/// solver.solve(&mut net)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct GoBack {
    goal: Goal,
    store: Arc<dyn CheckpointStore>,
    /// The iteration of the snapshot to go back to.
    good: Option<u64>,
}

impl GoBack {
    /// Watches this statistic, and saves into and loads from this store, e.g. `io_hdf5::snapshots("snapshots")`.
    pub fn new(goal: Goal, store: &Arc<dyn CheckpointStore>) -> Self {
        GoBack { goal, store: Arc::clone(store), good: None }
    }
}

impl CoffeeBreak for GoBack {
    fn name(&self) -> &str {
        "go-back"
    }

    fn init(&mut self, _: &mut BreakContext<'_>) -> BreakResult {
        self.good = None;
        Ok(self.store.prepare()?)
    }

    fn enjoy(&mut self, context: &mut BreakContext<'_>) -> BreakResult {
        if context.iteration == 0 {
            return Ok(());
        }
        let (mut before, mut now) = (None, None);
        for value in self.goal.values(context.statistics()) {
            (before, now) = (now, Some(value));
        }
        let Some((_, now)) = now.filter(|(iteration, _)| *iteration == context.iteration) else {
            return Err(Box::new(self.goal.missing("going back", context.statistics())));
        };
        if before.is_none_or(|(_, before)| !self.goal.is_better(before, now)) {
            self.good = Some(context.iteration);
            context.save_snapshot(&self.store);
        } else if let Some(good) = self.good {
            context.go_back(&self.store, good);
        }
        Ok(())
    }

    fn save(&self) -> Option<serde_json::Value> {
        Some(self.good.into())
    }

    fn restore(&mut self, saved: &serde_json::Value) -> BreakResult {
        self.good = serde_json::from_value(saved.clone())?;
        Ok(())
    }
}
