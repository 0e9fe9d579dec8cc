//! How many predictions were right: what the layers that count them report.

use crate::Statistic;

/// Right predictions, and all of them, since the statistics were reset.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) right: u64,
    pub(super) total: u64,
}

impl Tally {
    /// `<name>-accuracy`, which people read under this title, and, if asked for, `<name>-error`; nothing before the first
    /// prediction.
    pub(super) fn statistics(self, name: &str, title: &str, report_error: bool) -> Vec<Statistic> {
        if self.total == 0 {
            return Vec::new();
        }
        let statistic = |quantity: &str, title: &str, count: u64| {
            let value = count as f64 / self.total as f64;
            let text = format!("  {title} (avg over {}) = {:.4}%", self.total, 100.0 * value);
            Statistic { key: format!("{name}-{quantity}"), value, text }
        };
        let mut statistics = vec![statistic("accuracy", title, self.right)];
        if report_error {
            statistics.push(statistic("error", "Error", self.total - self.right));
        }
        statistics
    }
}
