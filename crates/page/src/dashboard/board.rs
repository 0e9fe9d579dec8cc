//! What the training thread and the server share: the state of the run, and what the buttons ask for.

use picture::LearningCurve;
use serde::Serialize;
use serde_json::{Value, json};
use solver::Statistics;
use std::{
    collections::{BTreeMap, VecDeque},
    ops::Bound,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// A curve has at most so many points; of a longer one each is the mean of as many values.
const POINTS: usize = 600;
/// Who has not asked for so long has gone away.
const AWAY: Duration = Duration::from_secs(4);

type Log = Box<dyn Fn() -> Vec<String> + Send + Sync>;

/// What both sides share.
#[derive(Default)]
pub(super) struct Board {
    state: Mutex<State>,
    orders: Mutex<VecDeque<Order>>,
    /// Whether there are any, without a lock for each iteration.
    has_orders: AtomicBool,
    looked: Mutex<Option<Instant>>,
    end_seen: AtomicBool,
    log: Mutex<Option<Log>>,
}

/// What a button asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Pause,
    GoOn,
    Snapshot,
    Stop,
}

/// How the run goes.
#[derive(Debug, Default, Clone, Serialize)]
pub(super) struct State {
    /// `running`, `paused` or `ended`.
    pub(super) run: &'static str,
    pub(super) net: String,
    pub(super) iteration: u64,
    pub(super) started_at: u64,
    pub(super) max_iter: Option<u64>,
    pub(super) loss: Option<f64>,
    pub(super) learning_rate: f64,
    /// Iterations a second of late, without coffee breaks.
    pub(super) speed: Option<f64>,
    pub(super) seconds_left: Option<u64>,
    pub(super) has_snapshots: bool,
    pub(super) filters: Option<Filters>,
    /// The picture of the net.
    #[serde(skip)]
    pub(super) network: String,
    #[serde(skip)]
    pub(super) statistics: Statistics,
}

/// The filters of the first convolution, scaled to -127 to 127 by the largest.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Filters {
    pub(super) name: String,
    /// Filters, channels, height, width.
    pub(super) shape: [usize; 4],
    pub(super) values: Vec<i8>,
}

impl Board {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    pub(super) fn show_log(&self, log: Log) {
        *lock(&self.log) = Some(log);
    }

    /// Asks the run for something, after its present iteration.
    pub(super) fn order(&self, order: Order) {
        lock(&self.orders).push_back(order);
        self.has_orders.store(true, Ordering::Release);
    }

    /// Asks for something before all else.
    pub(super) fn order_first(&self, order: Order) {
        lock(&self.orders).push_front(order);
        self.has_orders.store(true, Ordering::Release);
    }

    pub(super) fn has_orders(&self) -> bool {
        self.has_orders.load(Ordering::Acquire)
    }

    /// The oldest order.
    pub(super) fn take_order(&self) -> Option<Order> {
        let mut orders = lock(&self.orders);
        let order = orders.pop_front();
        self.has_orders.store(!orders.is_empty(), Ordering::Release);
        order
    }

    /// Whether a browser has asked lately.
    pub(super) fn is_watched(&self) -> bool {
        lock(&self.looked).is_some_and(|looked| looked.elapsed() < AWAY)
    }

    /// Whether a browser has been told that the run has ended.
    pub(super) fn end_was_seen(&self) -> bool {
        self.end_seen.load(Ordering::Acquire)
    }

    /// All that a browser shows.
    pub(super) fn look(&self) -> Value {
        *lock(&self.looked) = Some(Instant::now());
        let (mut found, thinned) = {
            let state = self.state();
            if state.run == "ended" {
                self.end_seen.store(true, Ordering::Release);
            }
            let thinned = state.statistics.iter().map(|(name, values)| (name.clone(), thin(values)));
            (json!(*state), thinned.collect::<Statistics>())
        };
        found["curve"] = curve(&thinned);
        found["log"] = lock(&self.log).as_ref().map(|log| log()).into();
        found
    }
}

impl State {
    /// Takes over what has been recorded since the last time.
    pub(super) fn append(&mut self, all: &Statistics) {
        for (name, values) in all {
            if !self.statistics.contains_key(name) {
                self.statistics.insert(name.clone(), values.clone());
                continue;
            }
            let Some(ours) = self.statistics.get_mut(name) else { continue };
            let from = ours.last_key_value().map_or(Bound::Unbounded, |(&last, _)| Bound::Excluded(last));
            ours.extend(values.range((from, Bound::Unbounded)));
        }
    }
}

/// Loss and accuracy (in per cent) as points; empty until there are two losses.
fn curve(statistics: &Statistics) -> Value {
    LearningCurve::new("", statistics).map_or(Value::Null, |curve| {
        json!({ "raw": curve.objective_values(), "low_pass": curve.smoothed_values(), "accuracy": curve.accuracies() })
    })
}

/// At most [`POINTS`] values: means over equally many values, at the last of their iterations.
fn thin(values: &BTreeMap<u64, f64>) -> BTreeMap<u64, f64> {
    let each = values.len().div_ceil(POINTS).max(1);
    let mut thinned = BTreeMap::new();
    let (mut sum, mut count) = (0.0, 0);
    for (at, (&iteration, &value)) in values.iter().enumerate() {
        (sum, count) = (sum + value, count + 1);
        if count == each || at + 1 == values.len() {
            thinned.insert(iteration, sum / count as f64);
            (sum, count) = (0.0, 0);
        }
    }
    thinned
}

/// What a thread that has panicked leaves behind is whole: nothing here is changed in two steps that belong together.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_curves_are_thinned_by_means_and_short_ones_left() {
        let values = |n: u64| (1..=n).map(|i| (i, i as f64)).collect::<BTreeMap<_, _>>();
        assert_eq!(thin(&values(600)), values(600));
        assert_eq!(thin(&BTreeMap::new()), BTreeMap::new());
        let thinned = thin(&values(1501));
        assert_eq!(thinned.len(), 501);
        assert_eq!(thinned.first_key_value(), Some((&3, &2.0)));
        assert_eq!(thinned.last_key_value(), Some((&1501, &1501.0)));
    }

    #[test]
    fn statistics_grow_by_what_is_new() {
        let mut state = State::default();
        let mut all = Statistics::from([("obj_val".into(), [(1, 0.5), (2, 0.25)].into())]);
        state.append(&all);
        all.entry("obj_val".into()).or_default().insert(3, 0.125);
        all.insert("test-accuracy".into(), [(3, 0.9)].into());
        state.append(&all);
        assert_eq!(state.statistics, all);
        let curve = curve(&state.statistics);
        assert_eq!(curve["raw"], json!([[1.0, 0.5], [2.0, 0.25], [3.0, 0.125]]));
        assert_eq!(curve["accuracy"], json!([[3.0, 90.0]]));
    }

    #[test]
    fn orders_come_in_order() {
        let board = Board::default();
        assert!(!board.has_orders() && board.take_order().is_none());
        board.order(Order::Pause);
        board.order(Order::Stop);
        assert!(board.has_orders());
        assert_eq!([board.take_order(), board.take_order()], [Some(Order::Pause), Some(Order::Stop)]);
        assert!(!board.has_orders());
    }
}
