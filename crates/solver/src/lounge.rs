//! The coffee lounge: where coffee breaks leave the numbers that they gather, and from where a file is kept up to date.
//!
//! Statistics are kept in memory and written as a whole, atomically, by the store; appending to an open file would be
//! cheaper, but no other process could read it at any moment. A snapshot carries its own copy, which is the authority when a
//! run resumes: the file may be ahead of the snapshot, or behind it.

use crate::{Error, Result, Statistics, StatisticsStore};
use serde::Deserialize;
use std::{collections::BTreeMap, sync::Arc};

/// What to do when a run starts from scratch and the statistics file exists. In JSON `"merge"`, `"overwrite"` or `"refuse"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IfExists {
    /// Keep what it has up to the iteration that the run starts at; what comes after is made anew by this run. A resumed run
    /// then ends with the statistics of one that never stopped.
    #[default]
    Merge,
    /// Begin with no statistics but those of the snapshot that is resumed, if one is.
    Overwrite,
    /// End with an error, so that nothing is lost. A *resumed* run merges: the file is its own.
    Refuse,
}

/// The statistics of a run, by name and iteration. [`Solver::coffee_lounge`](crate::Solver::coffee_lounge) gives it a file.
///
/// ```no_run
/// # fn example(file: std::sync::Arc<dyn solver::StatisticsStore>) {
/// use solver::{IfExists, Sgd, Solver};
/// let mut solver = Solver::new(Sgd::new());
/// // `file` is e.g. io_hdf5::statistics("statistics.hdf5").
/// solver.coffee_lounge(file).every_n_iter(1000).if_exists(IfExists::Refuse);
/// # }
/// ```
#[derive(Debug)]
pub struct CoffeeLounge {
    store: Option<Arc<dyn StatisticsStore>>,
    every_n_iter: u64,
    if_exists: IfExists,
    statistics: Statistics,
    unsaved: bool,
    /// By statistic, the break that alone records it in this run: its number, and words for it.
    claims: BTreeMap<String, (usize, String)>,
}

impl CoffeeLounge {
    pub(crate) fn new() -> Self {
        CoffeeLounge {
            store: None,
            every_n_iter: 1,
            if_exists: IfExists::default(),
            statistics: Statistics::new(),
            unsaved: false,
            claims: BTreeMap::new(),
        }
    }

    pub(crate) fn keep_in(&mut self, store: Arc<dyn StatisticsStore>) {
        self.store = Some(store);
    }

    /// How often the file is written, if there is anything new; by default after each iteration. It is always written when a
    /// run ends.
    pub fn every_n_iter(&mut self, iterations: u64) -> &mut Self {
        self.every_n_iter = iterations;
        self
    }

    /// What to do when the file exists.
    pub fn if_exists(&mut self, choice: IfExists) -> &mut Self {
        self.if_exists = choice;
        self
    }

    /// All statistics so far.
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// The values of one statistic by iteration, e.g. of `obj_val`.
    pub fn get(&self, name: &str) -> Option<&BTreeMap<u64, f64>> {
        self.statistics.get(name)
    }

    /// Gets ready for a run that starts after iteration `start`, with the statistics of the snapshot that it resumes, if any.
    pub(crate) fn open(&mut self, start: u64, resumed: Option<Statistics>) -> Result<()> {
        if self.every_n_iter == 0 {
            return Err(Error::Value {
                what: "the coffee lounge's every_n_iter".into(),
                found: "0".into(),
                expected: "at least 1".into(),
            });
        }
        let fresh = resumed.is_none();
        let mut old = Statistics::new();
        if let Some(store) = &self.store {
            store.prepare()?;
            if self.if_exists != IfExists::Overwrite
                && let Some(found) = store.load()?
            {
                if fresh && self.if_exists == IfExists::Refuse {
                    return Err(Error::File {
                        path: store.path(),
                        message: "the statistics file exists, and the coffee lounge was told to refuse that; move it \
                                  away, or choose IfExists::Merge or IfExists::Overwrite"
                            .into(),
                        source: None,
                    });
                }
                old = found;
                let dropped = drop_after(start, &mut old);
                let path = store.path();
                let path = path.display();
                match (dropped, fresh) {
                    (0, _) => {}
                    (n, true) => log::warn!(
                        "{path} has {n} values of an earlier run's iterations after {start}: this run will replace them"
                    ),
                    (n, false) => log::info!("{path} has {n} values after iteration {start}, which are made anew"),
                }
            }
        }
        for (name, values) in resumed.unwrap_or_default() {
            old.entry(name).or_default().extend(values);
        }
        (self.statistics, self.unsaved) = (old, !fresh);
        self.claims.clear();
        Ok(())
    }

    /// Gives a statistic to one coffee break, so that a second one does not replace its numbers unnoticed.
    pub(crate) fn claim(&mut self, name: &str, number: usize, owner: &str) -> Result<()> {
        let claim = self.claims.entry(name.to_owned()).or_insert_with(|| (number, owner.to_owned()));
        if claim.0 == number {
            return Ok(());
        }
        Err(Error::Value {
            what: format!("the statistic `{name}` of the validation net `{owner}`"),
            found: format!("recorded by the validation net `{}` too", claim.1),
            expected: "one name for each; give the layers that gather statistics different names".into(),
        })
    }

    /// Keeps one number; a later one of the same name and iteration takes its place.
    pub(crate) fn record(&mut self, name: &str, iteration: u64, value: f64) {
        match self.statistics.get_mut(name) {
            Some(values) => values.insert(iteration, value),
            None => self.statistics.entry(name.to_owned()).or_default().insert(iteration, value),
        };
        self.unsaved = true;
    }

    /// Writes the file if its time has come and there is something new.
    pub(crate) fn save_when_due(&mut self, iteration: u64) -> Result<()> {
        if iteration.is_multiple_of(self.every_n_iter) { self.save() } else { Ok(()) }
    }

    /// Writes the file if there is something new.
    pub(crate) fn save(&mut self) -> Result<()> {
        if let Some(store) = self.store.as_ref().filter(|_| self.unsaved) {
            store.save(&self.statistics)?;
            self.unsaved = false;
        }
        Ok(())
    }
}

/// Drops all values of iterations after `last`, and names that have no values left; says how many values.
fn drop_after(last: u64, statistics: &mut Statistics) -> usize {
    let count = |statistics: &Statistics| statistics.values().map(BTreeMap::len).sum::<usize>();
    let before = count(statistics);
    statistics.retain(|_, values| {
        values.retain(|&iteration, _| iteration <= last);
        !values.is_empty()
    });
    before - count(statistics)
}
