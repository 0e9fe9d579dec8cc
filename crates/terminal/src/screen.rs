//! The live screen below the log: a bar with speed and time left, the loss as a sparkline, the newest validation.
//!
//! ```text
//! ██████████████████████░░░░░░░░░░░░░░░░░░  57 %  iteration 5700 of 10000  412 it/s  00:10 left
//! loss 0.0213 █▇▆▅▄▄▃▃▃▂▂▂▂▁▁▁  test-accuracy-accuracy 0.9897 at 5000
//! ```

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use solver::{BreakContext, BreakResult, CoffeeBreak, Statistics};
use std::{
    io::{self, IsTerminal},
    time::{Duration, Instant},
};

const STYLE: &str = "{bar:40} {percent:>3} %  iteration {pos} of {len}  {msg}";
const STYLE_WITHOUT_LIMIT: &str = "{spinner} iteration {pos}  {msg}";
/// The screen is drawn anew at most this often.
const REDRAW: Duration = Duration::from_millis(100);

/// A bar on a terminal; in a pipe one that is never drawn.
#[derive(Debug)]
pub(crate) struct Screen(ProgressBar);

impl Screen {
    pub(crate) fn new() -> Self {
        let seen = io::stdout().is_terminal() && io::stderr().is_terminal();
        let target = if seen { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Screen(ProgressBar::with_draw_target(None, target))
    }

    pub(crate) fn hidden() -> Self {
        Screen(ProgressBar::hidden())
    }

    pub(crate) fn is_seen(&self) -> bool {
        !self.0.is_hidden()
    }

    pub(crate) fn bar(&self) -> &ProgressBar {
        &self.0
    }

    pub(crate) fn coffee_break(&self) -> Live {
        Live { bar: self.0.clone(), losses: Sparkline::default(), drawn: None }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// The coffee break that draws the screen.
#[derive(Debug)]
pub(crate) struct Live {
    bar: ProgressBar,
    losses: Sparkline,
    drawn: Option<Instant>,
}

impl CoffeeBreak for Live {
    fn name(&self) -> &str {
        "screen"
    }

    fn init(&mut self, context: &mut BreakContext<'_>) -> BreakResult {
        let template = context.max_iter.map_or(STYLE_WITHOUT_LIMIT, |_| STYLE);
        self.bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        if let Some(max_iter) = context.max_iter {
            self.bar.set_length(max_iter);
        }
        self.bar.set_position(context.iteration);
        Ok(())
    }

    fn enjoy(&mut self, context: &mut BreakContext<'_>) -> BreakResult {
        if let Some(loss) = context.loss {
            self.losses.push(loss);
        }
        if self.drawn.is_none_or(|drawn| drawn.elapsed() >= REDRAW) {
            self.drawn = Some(Instant::now());
            self.bar.set_position(context.iteration);
            self.bar.set_message(self.message(context));
        }
        Ok(())
    }

    fn finish(&mut self, _: &mut BreakContext<'_>) -> BreakResult {
        self.bar.finish_and_clear();
        Ok(())
    }
}

impl Live {
    fn message(&self, context: &BreakContext<'_>) -> String {
        let done = (context.iteration - context.started_at) as f64;
        let speed = done / context.training.as_secs_f64().max(1e-9);
        let left =
            context.remaining().map(|rest| format!("  {:02}:{:02} left", rest.as_secs() / 60, rest.as_secs() % 60));
        let validation = validation(context.statistics()).map(|text| format!("  {text}")).unwrap_or_default();
        format!("{speed:.0} it/s{}\n{}{validation}", left.unwrap_or_default(), self.losses.text())
    }
}

/// The newest number that is not training's own: `test-accuracy-accuracy 0.9897 at 5000`.
fn validation(statistics: &Statistics) -> Option<String> {
    let of_training = ["obj_val", "learning_rate", "momentum"];
    let others = statistics.iter().filter(|(name, _)| !of_training.contains(&name.as_str()));
    let (name, (iteration, value)) =
        others.filter_map(|(name, values)| Some((name, values.last_key_value()?))).max_by_key(|(_, (i, _))| **i)?;
    Some(format!("{name} {value:.4} at {iteration}"))
}

/// A curve of any length in a line of text: a fixed number of buckets, each the mean of as many values. When all are full,
/// neighbours are merged and the width doubles.
#[derive(Debug)]
struct Sparkline {
    means: Vec<f64>,
    width: u32,
    sum: f64,
    count: u32,
    last: Option<f64>,
}

impl Sparkline {
    const BUCKETS: usize = 40;
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

    fn push(&mut self, value: f64) {
        self.last = Some(value);
        (self.sum, self.count) = (self.sum + value, self.count + 1);
        if self.count < self.width {
            return;
        }
        self.means.push(self.sum / f64::from(self.count));
        (self.sum, self.count) = (0.0, 0);
        if self.means.len() == Self::BUCKETS {
            self.means = self.means.chunks(2).map(|pair| pair.iter().sum::<f64>() / pair.len() as f64).collect();
            self.width *= 2;
        }
    }

    /// `loss 0.0213 █▇▅▂▁`, in logarithmic scale where all means are positive: most of a loss is lost early.
    fn text(&self) -> String {
        let Some(last) = self.last else { return String::new() };
        let logarithmic = self.means.iter().all(|&mean| mean > 0.0);
        let heights: Vec<f64> = self.means.iter().map(|&mean| if logarithmic { mean.ln() } else { mean }).collect();
        let lowest = heights.iter().copied().fold(f64::INFINITY, f64::min);
        let range = heights.iter().copied().fold(f64::NEG_INFINITY, f64::max) - lowest;
        let bar = |height: &f64| {
            let part = if range > 0.0 { (height - lowest) / range } else { 0.0 };
            Self::BARS[(part * (Self::BARS.len() - 1) as f64).round() as usize]
        };
        format!("loss {last:.4} {}", heights.iter().map(bar).collect::<String>())
    }
}

impl Default for Sparkline {
    fn default() -> Self {
        Sparkline { means: Vec::with_capacity(Self::BUCKETS), width: 1, sum: 0.0, count: 0, last: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_falling_loss_falls() {
        let mut line = Sparkline::default();
        (0..8).for_each(|i| line.push(0.5f64.powi(i)));
        assert_eq!(line.text(), "loss 0.0078 █▇▆▅▄▃▂▁");
    }

    #[test]
    fn a_long_run_fits_the_line_and_keeps_its_shape() {
        let mut line = Sparkline::default();
        (0..100_000).for_each(|i| line.push(f64::from(i)));
        assert!((20..40).contains(&line.means.len()), "{}", line.means.len());
        assert!(line.means.is_sorted());
        // The buckets and the one that is being filled hold all values.
        let held = line.means.len() as u32 * line.width + line.count;
        assert_eq!(held, 100_000);
    }

    #[test]
    fn odd_losses_do_no_harm() {
        for values in
            [vec![], vec![1.0], vec![0.0, 0.0], vec![-1.0, 2.0], vec![f64::NAN, 1.0], vec![f64::INFINITY, 1.0]]
        {
            let mut line = Sparkline::default();
            values.iter().for_each(|&value| line.push(value));
            assert_eq!(line.text().is_empty(), values.is_empty());
        }
    }

    #[test]
    fn validation_is_the_newest_number_of_others() {
        let statistics = Statistics::from([
            ("obj_val".into(), [(5100, 0.1)].into()),
            ("test-accuracy-accuracy".into(), [(4000, 0.98), (5000, 0.9897)].into()),
        ]);
        assert_eq!(validation(&statistics).as_deref(), Some("test-accuracy-accuracy 0.9897 at 5000"));
        assert_eq!(validation(&Statistics::new()), None);
    }
}
