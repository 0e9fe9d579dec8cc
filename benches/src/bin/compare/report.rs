//! The table: every contest, every contender, with all that is needed to judge a figure.

use crate::{
    contests::{Contest, Work},
    python::Python,
    results::{Figures, Outcome},
};
use crema_benches::{Result, cpu, table as lines_up};
use std::fs;

/// A contest's figures, ready to be shown.
pub(crate) struct Standing {
    /// In the contest's order.
    pub(crate) figures: Vec<Option<Figures>>,
    /// The first contender's median rate divided by that of the best peer.
    pub(crate) ratio: Option<f64>,
    /// The best peer's median rate.
    pub(crate) best_peer: Option<f64>,
}

impl Standing {
    pub(crate) fn of(contest: &Contest, outcome: &Outcome) -> Self {
        let figures: Vec<Option<Figures>> =
            contest.contenders.iter().enumerate().map(|(i, _)| Figures::of(outcome.repetitions.get(i)?)).collect();
        let peers = contest.contenders.iter().zip(&figures).skip(1).filter(|(contender, _)| contender.is_peer);
        let best_peer = peers.filter_map(|(_, figures)| Some(figures.as_ref()?.median)).reduce(f64::max);
        let first = figures.first().and_then(Option::as_ref).map(|figures| figures.median);
        Standing { ratio: first.zip(best_peer).map(|(first, peer)| first / peer), best_peer, figures }
    }
}

/// All outcomes as a Markdown table, and what has to be said about them.
pub(crate) fn table(outcomes: &[(&Contest, Outcome)]) -> String {
    let header = ["contest", "who", "threads", "best", "median", "unit", "n", "ratio", "% of limit", "peak", "MB"];
    let mut rows: Vec<[String; 11]> = Vec::new();
    let mut notes = String::new();
    for (contest, outcome) in outcomes {
        let standing = Standing::of(contest, outcome);
        for (i, (contender, figures)) in contest.contenders.iter().zip(&standing.figures).enumerate() {
            let Some(figures) = figures else { continue };
            let peak = outcome.peaks.get(&contender.threads).copied().unwrap_or(f64::NAN);
            let ratio = standing.ratio.filter(|_| i == 0);
            rows.push([
                if i == 0 { contest.title.into() } else { String::new() },
                contender.name.clone(),
                contender.threads.to_string(),
                speed(contest, figures.best),
                speed(contest, figures.median),
                unit(contest.work).into(),
                figures.counted.to_string(),
                ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}")),
                format!("{:.0}", 100.0 * figures.median * outcome.flops / (peak * 1e9)),
                format!("{peak:.0}"),
                figures.peak_rss_mb.map_or_else(String::new, |mb| format!("{mb:.0}")),
            ]);
            if figures.disturbed > 0 {
                notes += &format!(
                    "DISTURBED: {}, {}, during {} of {} repetitions, by up to {:.2} cores of other processes.\n",
                    contest.title, contender.name, figures.disturbed, figures.counted, figures.others
                );
            }
        }
    }
    format!(
        "{}\nratio: median of the first line of a contest to that of the best of its peers. limit: the operations of the \
         definition at the measured peak, in GFLOP/s. MB: peak resident size, data included.\n{notes}",
        lines_up(header, 2, &rows)
    )
}

/// Where it was measured, and with what.
pub(crate) fn machine(python: &Python) -> Result<String> {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let model = model.map_or("unknown processor", |(_, name)| name.trim());
    let cpu = cpu(None, None)?;
    Ok(format!("{model}, {} processors, {}; {}", cpu.threads(), cpu.level(), python.versions()?))
}

/// The contests and their contenders.
pub(crate) fn list(contests: &[Contest]) -> String {
    let row = |contest: &Contest| {
        let names = contest.contenders.iter().map(|contender| format!("{} ({})", contender.name, contender.threads));
        [contest.name.into(), contest.title.into(), names.collect::<Vec<_>>().join(", ")]
    };
    lines_up(["name", "contest", "contenders (threads)"], 3, &contests.iter().map(row).collect::<Vec<_>>())
}

/// A rate in the contest's unit.
pub(crate) fn speed(contest: &Contest, rate: f64) -> String {
    match contest.work {
        Work::Training => format!("{rate:.1}"),
        Work::Latency => format!("{:.1}", 1e6 / rate),
        Work::Throughput => format!("{:.0}", rate * contest.batch as f64),
    }
}

pub(crate) fn unit(work: Work) -> &'static str {
    match work {
        Work::Training => "it/s",
        Work::Latency => "us",
        Work::Throughput => "images/s",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{contests::contests, results::Repetition};

    #[test]
    fn ratio_is_to_the_best_peer() {
        let all = contests(2);
        let contest = all.iter().find(|contest| contest.name == "latency").unwrap();
        let quiet = |rate| vec![Repetition { rate, peak_rss_mb: None, others: None }; 5];
        let repetitions = vec![quiet(20_000.0), quiet(10_000.0), quiet(8_000.0), quiet(2_000.0)];
        let outcome = Outcome { flops: 4.586e6, peaks: [(1, 100.0), (2, 200.0)].into(), repetitions };
        let table = table(&[(contest, outcome)]);
        let line = table.lines().nth(2).unwrap();
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let expected = ["LeNet inference, batch 1", "Crema", "2", "50.0", "50.0", "us", "5", "2.00", "46", "200", ""];
        assert_eq!(cells[1..12], expected);
    }
}
