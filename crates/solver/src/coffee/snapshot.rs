//! The coffee break that saves snapshots.

use super::{BreakContext, BreakResult, CoffeeBreak};
use crate::CheckpointStore;
use std::sync::Arc;

/// Saves a snapshot of everything that a run is, and one more when the run ends. Nothing is saved at iteration 0, when nothing
/// has been learned yet.
#[derive(Debug)]
pub struct Snapshot {
    store: Arc<dyn CheckpointStore>,
    last: Option<u64>,
}

impl Snapshot {
    /// Saves into this store, e.g. `io_hdf5::snapshots("snapshots")`.
    pub fn new(store: &Arc<dyn CheckpointStore>) -> Self {
        Snapshot { store: Arc::clone(store), last: None }
    }
}

impl CoffeeBreak for Snapshot {
    fn name(&self) -> &str {
        "snapshot"
    }

    fn init(&mut self, _: &mut BreakContext<'_>) -> BreakResult {
        self.last = None;
        Ok(self.store.prepare()?)
    }

    fn enjoy(&mut self, context: &mut BreakContext<'_>) -> BreakResult {
        let learned_something = context.iteration > context.started_at;
        if learned_something && self.last != Some(context.iteration) {
            self.last = Some(context.iteration);
            context.save_snapshot(&self.store);
        }
        Ok(())
    }

    fn finish(&mut self, context: &mut BreakContext<'_>) -> BreakResult {
        self.enjoy(context)
    }
}
