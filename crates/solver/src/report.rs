//! What a run has come to, and how speeds and times are written.

use std::{fmt, time::Duration};

/// What a run has come to.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Iterations done in all, those before a resume included.
    pub iterations: u64,
    /// Iterations done in this run.
    pub iterations_in_this_run: u64,
    /// The objective value of the last iteration; `None` if this run did none.
    pub loss: Option<f64>,
    /// Why it ended.
    pub stopped: Stopped,
    /// How long this run took, coffee breaks included.
    pub elapsed: Duration,
    /// The speed of this run, coffee breaks left out; 0 if it did no iteration.
    pub iterations_per_second: f64,
}

/// Why a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stopped {
    /// `max_iter` was reached.
    MaxIter,
    /// The program's [`StopFlag`](crate::StopFlag) was set.
    Interrupted {
        /// The number that it was set to; a program that was asked to stop by a signal exits with 128 and this number.
        signal: usize,
    },
    /// A coffee break asked for it.
    CoffeeBreak {
        /// Its name.
        name: String,
    },
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match &self.stopped {
            Stopped::MaxIter => "done".to_owned(),
            Stopped::Interrupted { signal } => format!("interrupted by signal {signal}"),
            Stopped::CoffeeBreak { name } => format!("stopped by coffee break `{name}`"),
        };
        write!(f, "{why} after {} iterations", self.iterations)?;
        if let Some(loss) = self.loss {
            write!(f, ", obj-val = {loss:.8}")?;
        }
        let (speed, time) = (speed_text(self.iterations_per_second), time_text(self.elapsed));
        write!(f, ", {} iterations in {time} at {speed}", self.iterations_in_this_run)
    }
}

/// A speed as people read it: `412 it/s`, `7.3 it/s`, `0.042 it/s`.
pub(crate) fn speed_text(per_second: f64) -> String {
    let decimals = match per_second {
        fast if fast >= 10.0 => 0,
        slow if slow >= 0.1 => 1,
        _ => 3,
    };
    format!("{per_second:.decimals$} it/s")
}

/// A time as people read it: `00:20`, `1:02:03`.
pub(crate) fn time_text(time: Duration) -> String {
    let seconds = time.as_secs_f64().round() as u64;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours == 0 { format!("{minutes:02}:{seconds:02}") } else { format!("{hours}:{minutes:02}:{seconds:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        let time = |seconds| time_text(Duration::from_secs_f64(seconds));
        assert_eq!([time(0.2), time(19.7), time(3599.4), time(3723.0)], ["00:00", "00:20", "59:59", "1:02:03"]);
        assert_eq!([412.3, 10.0, 7.31, 0.0421].map(speed_text), ["412 it/s", "10 it/s", "7.3 it/s", "0.042 it/s"]);
    }
}
