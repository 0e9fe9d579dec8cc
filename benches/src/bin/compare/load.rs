//! Who else uses the processor: a figure that was taken beside a running build is no figure.
//!
//! Linux tells it in `/proc`, in hundredths of a second; elsewhere nothing is known, and nothing is left out.

use std::{fs, time::Instant};

/// `/proc` counts in these, on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// Processor time used so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    at: Instant,
    /// Seconds in which a processor worked or was taken by another virtual machine, all processors together.
    machine: f64,
    /// Seconds of the processes that belong to the measurement.
    ours: f64,
}

impl Load {
    /// Now; `ours` are process numbers. `None` where the system does not tell.
    pub(crate) fn now(ours: &[u32]) -> Option<Self> {
        let machine = machine(&fs::read_to_string("/proc/stat").ok()?)?;
        let used = |process: &u32| process_time(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?);
        let ours = ours.iter().map(used).sum::<Option<f64>>()?;
        Some(Load { at: Instant::now(), machine, ours })
    }

    /// Cores that others have used on average since `before`.
    pub(crate) fn others_since(&self, before: &Load) -> f64 {
        let others = (self.machine - before.machine) - (self.ours - before.ours);
        (others / (self.at - before.at).as_secs_f64().max(1e-3)).max(0.0)
    }
}

/// From the first line of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal.
fn machine(stat: &str) -> Option<f64> {
    let numbers = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace().map(|field| field.parse::<f64>().ok());
    let numbers: Vec<f64> = numbers.collect::<Option<_>>()?;
    let idle = numbers.get(3)? + numbers.get(4)?;
    Some((numbers.iter().take(8).sum::<f64>() - idle) / TICKS_PER_SECOND)
}

/// From `/proc/PID/stat`: fields 14 to 17, the time of the process and of its children. The program's name in parentheses,
/// field 2, may hold spaces.
fn process_time(stat: &str) -> Option<f64> {
    let after_name = stat.rsplit_once(')')?.1;
    let times: Vec<f64> =
        after_name.split_whitespace().skip(11).take(4).map_while(|field| field.parse().ok()).collect();
    (times.len() == 4).then(|| times.iter().sum::<f64>() / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_is_read() {
        assert_eq!(machine("cpu  100 20 30 4000 50 6 7 8 9 10\ncpu0 1 2 3"), Some(1.71));
        assert_eq!(machine("nonsense"), None);
        let stat = "42 (a b) c) S 1 42 42 0 -1 4194560 100 0 0 0 150 50 7 3 20 0 1 0 999";
        assert_eq!(process_time(stat), Some(2.1));
    }

    #[test]
    fn our_own_work_is_not_that_of_others() {
        let ours = [std::process::id()];
        let Some(before) = Load::now(&ours) else { return };
        let mut after = before;
        while after.ours - before.ours < 0.1 {
            after = Load::now(&ours).unwrap();
        }
        let machine = after.machine - before.machine;
        assert!(machine > 0.08, "our own work of 0.1 s is {machine} s of the machine's");
    }
}
