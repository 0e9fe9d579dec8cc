//! Coffee breaks: what the solver does besides training, and how users add their own.
//!
//! A break is an object with its own state and one method that must be written. It sees the run through a [`BreakContext`],
//! which also takes its requests (keep a number, save a snapshot, stop). Snapshots are requests, carried out when all breaks
//! of the iteration are over, so that a snapshot holds the statistics of its iteration whatever the order of adding. Plain
//! closures were rejected: most breaks want a beginning, an end, and state that survives a resume.

mod early_stopping;
mod go_back;
mod snapshot;
mod training_summary;
mod validation_performance;

pub use early_stopping::EarlyStopping;
pub use go_back::GoBack;
pub use snapshot::Snapshot;
pub use training_summary::{Quantity, TrainingSummary};
pub use validation_performance::ValidationPerformance;

use crate::{CheckpointStore, CoffeeLounge, Error, Result, Statistics, StopFlag};
use layers::Net;
use serde::Deserialize;
use std::{error::Error as StdError, fmt, sync::Arc, time::Duration};

/// What a coffee break returns: any error, which the solver wraps in [`Error::CoffeeBreak`].
pub type BreakResult = Result<(), Box<dyn StdError + Send + Sync>>;

/// Something that a solver does every so often between two iterations.
///
/// A break of one's own, which keeps the length of a parameter in the coffee lounge, and how often it has grown, also across a
/// resume:
///
/// ```
/// use solver::{BreakContext, BreakResult, CoffeeBreak, Every, Sgd, Solver};
///
/// struct Length { key: &'static str, last: f64, grown: u64 }
///
/// impl CoffeeBreak for Length {
///     fn name(&self) -> &str {
///         "length"
///     }
///     fn enjoy(&mut self, context: &mut BreakContext<'_>) -> BreakResult {
///         let values: Vec<f64> = context.net.param(self.key)?.data().read()?;
///         let length = values.iter().map(|w| w * w).sum::<f64>().sqrt();
///         if length > self.last {
///             self.grown += 1;
///         }
///         self.last = length;
///         context.record("length", length);
///         log::info!("{} has length {length} and has grown {} times", self.key, self.grown);
///         Ok(())
///     }
///     fn save(&self) -> Option<serde_json::Value> {
///         Some(serde_json::json!([self.last, self.grown]))
///     }
///     fn restore(&mut self, saved: &serde_json::Value) -> BreakResult {
///         (self.last, self.grown) = serde_json::from_value(saved.clone())?;
///         Ok(())
///     }
/// }
///
/// let mut solver = Solver::new(Sgd::new()).max_iter(10_000);
/// solver.add_coffee_break(Length { key: "ip1___weight", last: 0.0, grown: 0 }, Every::Iters(1000));
/// ```
pub trait CoffeeBreak: Send {
    /// The name in messages and snapshots.
    fn name(&self) -> &str;

    /// Called once when a run starts, before its first iteration: check settings and files here, so that a run fails early.
    ///
    /// # Errors
    /// Anything; the run does not start.
    fn init(&mut self, context: &mut BreakContext<'_>) -> BreakResult {
        let _ = context;
        Ok(())
    }

    /// The break itself. When a run starts from scratch it is called at iteration 0 too, with no loss yet; when a run
    /// resumes, the breaks of the resumed iteration are not repeated.
    ///
    /// # Errors
    /// Anything; the run ends after the other breaks of this iteration, a last snapshot and the statistics.
    fn enjoy(&mut self, context: &mut BreakContext<'_>) -> BreakResult;

    /// Called once when a run ends, also after an interrupt.
    ///
    /// # Errors
    /// Anything; it becomes the run's error.
    fn finish(&mut self, context: &mut BreakContext<'_>) -> BreakResult {
        let _ = context;
        Ok(())
    }

    /// State that a snapshot must keep so that a resumed run does as an uninterrupted one.
    fn save(&self) -> Option<serde_json::Value> {
        None
    }

    /// Takes back what [`CoffeeBreak::save`] gave. Called after [`CoffeeBreak::init`].
    ///
    /// # Errors
    /// The state does not fit; the run does not start.
    fn restore(&mut self, saved: &serde_json::Value) -> BreakResult {
        let _ = saved;
        Ok(())
    }
}

/// How often a coffee break is taken. In JSON `{"iters": 100}` or `{"epochs": 1}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Every {
    /// At iterations divisible by this number.
    Iters(u64),
    /// When the training data's epoch has reached a multiple of this number, at the end of that iteration.
    Epochs(u64),
}

/// What a coffee break sees of the run, and where it leaves its wishes.
#[non_exhaustive]
pub struct BreakContext<'a> {
    /// The net that is trained.
    pub net: &'a mut Net,
    /// Iterations done so far.
    pub iteration: u64,
    /// The iteration that this run started after: 0, or the resumed snapshot's.
    pub started_at: u64,
    /// The last iteration, if there is a limit.
    pub max_iter: Option<u64>,
    /// The objective value of the last iteration: the loss of its batch, before its update. `None` before the first one.
    pub loss: Option<f64>,
    /// The learning rate of the last iteration.
    pub learning_rate: f64,
    /// The momentum of the last iteration, if the method has one.
    pub momentum: Option<f64>,
    /// Time since this run started.
    pub elapsed: Duration,
    /// Time of this run's iterations alone, without coffee breaks.
    pub training: Duration,
    /// Which of the solver's breaks is visited.
    pub(crate) number: usize,
    pub(crate) lounge: &'a mut CoffeeLounge,
    pub(crate) wishes: &'a mut Wishes,
    pub(crate) stop: &'a StopFlag,
}

impl BreakContext<'_> {
    /// Keeps a number in the coffee lounge, under a name and the present iteration.
    pub fn record(&mut self, name: &str, value: f64) {
        self.lounge.record(name, self.iteration, value);
    }

    /// Says that this break alone records a statistic in this run; `owner` is for the error of another that says so.
    fn claim(&mut self, name: &str, owner: &str) -> Result<()> {
        self.lounge.claim(name, self.number, owner)
    }

    /// All numbers in the coffee lounge.
    pub fn statistics(&self) -> &Statistics {
        self.lounge.statistics()
    }

    /// Saves a snapshot of this iteration, once its other breaks are over.
    pub fn save_snapshot(&mut self, snapshots: &Arc<dyn CheckpointStore>) {
        if !self.wishes.snapshots.iter().any(|other| Arc::ptr_eq(other, snapshots)) {
            self.wishes.snapshots.push(Arc::clone(snapshots));
        }
    }

    /// Removes the snapshot of an iteration from this store, once what is to be saved is saved.
    pub fn remove_snapshot(&mut self, snapshots: &Arc<dyn CheckpointStore>, iteration: u64) {
        self.wishes.removals.push((Arc::clone(snapshots), iteration));
    }

    /// Goes back, once the other breaks are over and before a snapshot is saved, to the parameters and the method's history of the
    /// snapshot of an iteration. All else goes on.
    pub fn go_back(&mut self, snapshots: &Arc<dyn CheckpointStore>, iteration: u64) {
        self.wishes.back = Some((Arc::clone(snapshots), iteration));
    }

    /// Ends training after this iteration, as if `max_iter` were reached.
    pub fn stop_training(&mut self) {
        self.wishes.stop = true;
    }

    /// Whether the program has been asked to stop; a break that takes long ends early then. See
    /// [`Solver::stop_on`](crate::Solver::stop_on).
    pub fn is_asked_to_stop(&self) -> bool {
        self.stop.signal().is_some()
    }

    /// How long the rest will take at the pace so far, coffee breaks included; `None` without a limit or before the first
    /// iteration.
    pub fn remaining(&self) -> Option<Duration> {
        let rest = self.max_iter?.saturating_sub(self.iteration);
        let done = self.iteration.checked_sub(self.started_at).filter(|&done| done > 0)?;
        Duration::try_from_secs_f64(self.elapsed.as_secs_f64() * rest as f64 / done as f64).ok()
    }
}

/// What coffee breaks have asked for.
#[derive(Debug, Default)]
pub(crate) struct Wishes {
    /// Where to save a snapshot.
    pub(crate) snapshots: Vec<Arc<dyn CheckpointStore>>,
    /// Which snapshots to remove after that.
    pub(crate) removals: Vec<(Arc<dyn CheckpointStore>, u64)>,
    /// The snapshot whose parameters are to come back.
    pub(crate) back: Option<(Arc<dyn CheckpointStore>, u64)>,
    /// That training ends.
    pub(crate) stop: bool,
}

/// A coffee break and how often it is taken.
pub(crate) struct Scheduled {
    pub(crate) coffee_break: Box<dyn CoffeeBreak>,
    pub(crate) every: Every,
}

impl Scheduled {
    pub(crate) fn check(&self) -> Result<()> {
        let (Every::Iters(every) | Every::Epochs(every)) = self.every;
        if every > 0 {
            return Ok(());
        }
        Err(Error::Value {
            what: format!("how often coffee break `{}` is taken", self.coffee_break.name()),
            found: format!("{:?}", self.every),
            expected: "every 1 or more".into(),
        })
    }

    /// Whether the break is taken at this iteration, during which the epoch went from `before` to `now`.
    pub(crate) fn is_due(&self, iteration: u64, before: u64, now: u64) -> bool {
        match self.every {
            Every::Iters(every) => iteration.is_multiple_of(every),
            // A batch may be larger than an epoch, so that a multiple may be jumped over.
            Every::Epochs(every) => iteration == 0 || now / every > before / every,
        }
    }
}

impl fmt::Debug for Scheduled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?})", self.coffee_break.name(), self.every)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing;

    impl CoffeeBreak for Nothing {
        fn name(&self) -> &str {
            "nothing"
        }
        fn enjoy(&mut self, _: &mut BreakContext<'_>) -> BreakResult {
            Ok(())
        }
    }

    #[test]
    fn breaks_are_due() {
        // (how often, iteration, epoch before it, epoch after it, due?)
        for (every, iteration, before, now, due) in [
            (Every::Iters(100), 0, 0, 0, true),
            (Every::Iters(100), 99, 0, 5, false),
            (Every::Iters(100), 200, 0, 0, true),
            (Every::Epochs(1), 0, 0, 0, true),
            (Every::Epochs(1), 937, 0, 0, false),
            (Every::Epochs(1), 938, 0, 1, true),
            (Every::Epochs(1), 939, 1, 1, false),
            (Every::Epochs(2), 938, 0, 1, false),
            (Every::Epochs(2), 1875, 1, 2, true),
            (Every::Epochs(2), 1, 0, 3, true),
        ] {
            let scheduled = Scheduled { coffee_break: Box::new(Nothing), every };
            assert_eq!(scheduled.is_due(iteration, before, now), due, "{every:?} at {iteration}");
        }
        let never = Scheduled { coffee_break: Box::new(Nothing), every: Every::Epochs(0) };
        let message = never.check().unwrap_err().to_string();
        assert_eq!(message, "how often coffee break `nothing` is taken is Epochs(0); expected every 1 or more");
    }
}
