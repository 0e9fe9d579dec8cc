//! Criterion with the units that are wanted here: GFLOP/s with per cent of the measured peak, iterations, samples.
//!
//! Time is measured as usual; only what is printed differs. Criterion would print "elements".
#![allow(dead_code)] // each bench prints one of the units

use criterion::{
    Criterion, Throughput,
    measurement::{Measurement, ValueFormatter, WallTime},
};
use std::time::{Duration, Instant};

/// What `Throughput::Elements` counts.
#[derive(Clone, Copy)]
pub(crate) enum Elements {
    /// Floating point operations, of which the machine does so many in a second at best, in units of 10^9.
    Operations { peak_gflops: f64 },
    /// Anything else, by the unit of its rate: `it/s`.
    Things(&'static str),
}

/// Short measurements, printed in these units.
pub(crate) fn criterion(elements: Elements) -> Criterion<Speed> {
    let (warm_up, measurement) = (Duration::from_millis(500), Duration::from_secs(3));
    let criterion = Criterion::default().sample_size(20).warm_up_time(warm_up).measurement_time(measurement);
    criterion.with_measurement(Speed(elements))
}

/// Wall time; see the module.
pub(crate) struct Speed(Elements);

impl Measurement for Speed {
    type Intermediate = Instant;
    type Value = Duration;

    fn start(&self) -> Instant {
        WallTime.start()
    }

    fn end(&self, start: Instant) -> Duration {
        WallTime.end(start)
    }

    fn add(&self, a: &Duration, b: &Duration) -> Duration {
        *a + *b
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, time: &Duration) -> f64 {
        WallTime.to_f64(time)
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        self
    }
}

/// All values are nanoseconds.
impl ValueFormatter for Speed {
    fn format_throughput(&self, throughput: &Throughput, time: f64) -> String {
        match (throughput, self.0) {
            (&Throughput::Elements(operations), Elements::Operations { peak_gflops }) => {
                let gflops = operations as f64 / time;
                format!("{gflops:.1} GFLOP/s = {:.0} % of the peak", 100.0 * gflops / peak_gflops)
            }
            (&Throughput::Elements(things), Elements::Things(unit)) => {
                let rate = things as f64 / time * 1e9;
                format!("{rate:.*} {unit}", if rate < 1000.0 { 1 } else { 0 })
            }
            _ => WallTime.formatter().format_throughput(throughput, time),
        }
    }

    fn scale_values(&self, typical: f64, values: &mut [f64]) -> &'static str {
        WallTime.formatter().scale_values(typical, values)
    }

    fn scale_throughputs(&self, typical: f64, throughput: &Throughput, values: &mut [f64]) -> &'static str {
        WallTime.formatter().scale_throughputs(typical, throughput, values)
    }

    fn scale_for_machines(&self, values: &mut [f64]) -> &'static str {
        WallTime.formatter().scale_for_machines(values)
    }
}
