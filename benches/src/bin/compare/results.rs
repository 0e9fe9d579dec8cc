//! What was measured, and the folder that keeps it between two runs of this program.

use crema_benches::{Result, median};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Repetitions that must remain for the disturbed ones to be left out.
const ENOUGH: usize = 5;
/// The part of a core that others may use during a repetition.
const QUIET: f64 = 0.05;

/// One repetition of one contender.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Repetition {
    /// Iterations or calls per second.
    pub(crate) rate: f64,
    pub(crate) peak_rss_mb: Option<f64>,
    /// The cores that other processes used meanwhile, or that other virtual machines took; `None` where the system does not
    /// tell.
    pub(crate) others: Option<f64>,
}

/// What a contest has come to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// Operations of one iteration or call, by the definition.
    pub(crate) flops: f64,
    /// The peak in GFLOP/s for each number of threads, the best of those measured between the rounds.
    pub(crate) peaks: BTreeMap<usize, f64>,
    /// The repetitions of each contender, in the contest's order.
    pub(crate) repetitions: Vec<Vec<Repetition>>,
}

/// A contender's figures.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Figures {
    /// Per second.
    pub(crate) best: f64,
    /// Per second.
    pub(crate) median: f64,
    /// Repetitions counted.
    pub(crate) counted: usize,
    /// Those among them during which others used the processor, since too few would be left without them.
    pub(crate) disturbed: usize,
    /// The most cores that others used during a repetition that counts.
    pub(crate) others: f64,
    pub(crate) peak_rss_mb: Option<f64>,
}

impl Figures {
    /// Leaves disturbed repetitions out if enough others remain. `None` if there are none at all.
    pub(crate) fn of(repetitions: &[Repetition]) -> Option<Self> {
        let quiet = |repetition: &&Repetition| repetition.others.is_none_or(|others| others <= QUIET);
        let undisturbed: Vec<&Repetition> = repetitions.iter().filter(quiet).collect();
        let counted = if undisturbed.len() >= ENOUGH { undisturbed.clone() } else { repetitions.iter().collect() };
        let rates: Vec<f64> = counted.iter().map(|repetition| repetition.rate).collect();
        let rss = repetitions.iter().filter_map(|repetition| repetition.peak_rss_mb);
        Some(Figures {
            best: rates.iter().copied().reduce(f64::max)?,
            counted: counted.len(),
            disturbed: counted.len() - undisturbed.len(),
            others: counted.iter().filter_map(|repetition| repetition.others).fold(0.0, f64::max),
            median: median(rates),
            peak_rss_mb: rss.reduce(f64::max),
        })
    }
}

/// The folder `target/compare`.
#[derive(Debug)]
pub(crate) struct Store(PathBuf);

impl Store {
    /// Makes the folder if need be.
    pub(crate) fn open() -> Result<Self> {
        let folder = target().join("compare");
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(Store(folder))
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.0
    }

    /// Forgets all that was measured.
    pub(crate) fn clear(&self) -> Result<()> {
        for entry in fs::read_dir(&self.0)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    pub(crate) fn save(&self, contest: &str, outcome: &Outcome) -> Result<()> {
        let path = self.path(contest);
        Ok(fs::write(&path, serde_json::to_vec_pretty(outcome)?).map_err(|e| format!("{}: {e}", path.display()))?)
    }

    /// `None` if the contest was not run yet.
    pub(crate) fn load(&self, contest: &str) -> Result<Option<Outcome>> {
        let path = self.path(contest);
        if !path.is_file() {
            return Ok(None);
        }
        let outcome = serde_json::from_slice(&fs::read(&path)?);
        Ok(Some(outcome.map_err(|e| format!("{}: {e}; remove it and run the contest again", path.display()))?))
    }

    fn path(&self, contest: &str) -> PathBuf {
        self.0.join(contest).with_extension("json")
    }
}

/// The workspace's `target`.
pub(crate) fn target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("target")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repetitions(rates_and_others: &[(f64, f64)]) -> Vec<Repetition> {
        let one = |&(rate, others)| Repetition { rate, peak_rss_mb: Some(rate), others: Some(others) };
        rates_and_others.iter().map(one).collect()
    }

    #[test]
    fn disturbed_repetitions_are_left_out_if_enough_remain() {
        let mut rates: Vec<(f64, f64)> = [10.0, 12.0, 11.0, 13.0].map(|rate| (rate, 0.0)).into();
        rates.push((2.0, 0.5));
        let few = Figures::of(&repetitions(&rates)).unwrap();
        assert_eq!((few.best, few.median, few.counted, few.disturbed), (13.0, 11.0, 5, 1));
        assert_eq!(few.others, 0.5);
        rates.push((14.0, 0.04));
        let enough = Figures::of(&repetitions(&rates)).unwrap();
        assert_eq!((enough.best, enough.median, enough.counted, enough.disturbed), (14.0, 12.0, 5, 0));
        assert!(enough.others == 0.04 && Figures::of(&[]).is_none());
    }
}
