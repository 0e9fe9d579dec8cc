//! The coffee break that saves snapshots.

use super::{BreakContext, BreakResult, CoffeeBreak};
use crate::{CheckpointStore, Error, Goal, Statistics, check};
use std::sync::Arc;

/// Saves a snapshot of everything that a run is, and one more when the run ends. Nothing is saved at iteration 0, when nothing
/// has been learned yet.
///
/// All snapshots are kept unless [`Snapshot::keep_last`] or [`Snapshot::keep_last_and_best`] says otherwise.
#[derive(Debug)]
pub struct Snapshot {
    store: Arc<dyn CheckpointStore>,
    last: Option<u64>,
    keep: Option<Keep>,
    /// The iterations of the snapshots that this break has saved and not removed, where some are to be removed.
    kept: Vec<u64>,
}

/// Which snapshots are not removed.
#[derive(Debug)]
struct Keep {
    last: usize,
    best: Option<Goal>,
}

impl Snapshot {
    /// Saves into this store, e.g. `io_hdf5::snapshots("snapshots")`.
    pub fn new(store: &Arc<dyn CheckpointStore>) -> Self {
        Snapshot { store: Arc::clone(store), last: None, keep: None, kept: Vec::new() }
    }

    /// Keeps the newest `count` snapshots. Older ones are removed when a new one is safely there; those of other runs are left
    /// alone.
    pub fn keep_last(mut self, count: usize) -> Self {
        self.keep = Some(Keep { last: count, best: None });
        self
    }

    /// Keeps the newest `count` snapshots, and besides them the one at whose iteration a statistic was best. Add this break
    /// after the one that records the statistic, and take both at the same iterations.
    pub fn keep_last_and_best(mut self, count: usize, goal: Goal) -> Self {
        self.keep = Some(Keep { last: count, best: Some(goal) });
        self
    }

    fn save_now(&mut self, context: &mut BreakContext<'_>) {
        let learned_something = context.iteration > context.started_at;
        if !learned_something || self.last == Some(context.iteration) {
            return;
        }
        self.last = Some(context.iteration);
        context.save_snapshot(&self.store);
        let Some(keep) = &self.keep else { return };
        self.kept.push(context.iteration);
        let best = keep.best.as_ref().and_then(|goal| best(goal, &self.kept, context.statistics()));
        let newest = self.kept.len().saturating_sub(keep.last);
        let (old, new) = self.kept.split_at(newest);
        for &iteration in old.iter().filter(|&&iteration| Some(iteration) != best) {
            context.remove_snapshot(&self.store, iteration);
        }
        let best = best.filter(|best| old.contains(best));
        self.kept = best.into_iter().chain(new.iter().copied()).collect();
    }
}

/// The first of these iterations at which the statistic was best; those without a value do not count.
fn best(goal: &Goal, iterations: &[u64], statistics: &Statistics) -> Option<u64> {
    let values = statistics.get(&goal.key)?;
    let candidates = iterations.iter().filter_map(|iteration| Some((*iteration, *values.get(iteration)?)));
    let best = candidates.reduce(|best, next| if goal.is_better(next.1, best.1) { next } else { best });
    best.map(|(iteration, _)| iteration)
}

impl CoffeeBreak for Snapshot {
    fn name(&self) -> &str {
        "snapshot"
    }

    fn init(&mut self, _: &mut BreakContext<'_>) -> BreakResult {
        if let Some(keep) = &self.keep {
            check::at_least_one("the snapshot break's", "number of snapshots to keep", keep.last as u64)?;
        }
        (self.last, self.kept) = (None, Vec::new());
        Ok(self.store.prepare()?)
    }

    fn enjoy(&mut self, context: &mut BreakContext<'_>) -> BreakResult {
        if let Some(goal) = self.keep.as_ref().and_then(|keep| keep.best.as_ref())
            && context.iteration > 0
        {
            let Some(values) = context.statistics().get(&goal.key) else {
                return Err(Box::new(goal.missing("the snapshot break", context.statistics())));
            };
            if !values.contains_key(&context.iteration) {
                return Err(Box::new(Error::Value {
                    what: format!("the statistic `{}`, by which the best snapshot is kept,", goal.key),
                    found: format!("without a value at iteration {}", context.iteration),
                    expected: "one at each snapshot: add the break that records it earlier, and take it as often"
                        .into(),
                }));
            }
        }
        self.save_now(context);
        Ok(())
    }

    /// The last iteration need not have a value of the statistic.
    fn finish(&mut self, context: &mut BreakContext<'_>) -> BreakResult {
        self.save_now(context);
        Ok(())
    }

    fn save(&self) -> Option<serde_json::Value> {
        self.keep.as_ref().map(|_| self.kept.clone().into())
    }

    fn restore(&mut self, saved: &serde_json::Value) -> BreakResult {
        self.kept = serde_json::from_value(saved.clone())?;
        Ok(())
    }
}
