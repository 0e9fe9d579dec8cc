//! Faults that the fake commits on demand.

/// Numbers that a test sets, by environment variable (`FAKE_CUDA_` and the name in capitals) or by `Control::set`.
#[derive(Debug, Clone)]
pub(crate) struct Faults {
    values: Vec<(&'static str, Option<u64>)>,
}

/// Every name, and what its number means.
pub(crate) const NAMES: [&str; 11] = [
    "fail_allocation",    // allocations fail from this one on, counted from 1
    "fail_launch",        // this kernel fails while it runs
    "refuse_launch",      // this launch is refused when it is asked for
    "lose_device",        // after so many launches every call fails
    "driver_version",     // as cuDriverGetVersion says it: 11080 is CUDA 11.8
    "blas_version",       // cuBLAS's major version
    "compute_capability", // 75 is 7.5
    "memory",             // bytes of the device
    "devices",            // number of devices
    "order",              // seed of a random order of threads
    "check",              // 0 switches off the search for races and unwritten memory
];

impl Faults {
    /// As the environment says.
    pub(crate) fn from_environment() -> Self {
        let value = |name: &&'static str| {
            let variable = format!("FAKE_CUDA_{}", name.to_uppercase());
            (*name, std::env::var(variable).ok().and_then(|text| text.parse().ok()))
        };
        Faults { values: NAMES.iter().map(value).collect() }
    }

    pub(crate) fn get(&self, name: &str) -> Option<u64> {
        self.values.iter().find(|(other, _)| *other == name)?.1
    }

    /// False if nothing has this name.
    pub(crate) fn set(&mut self, name: &str, value: u64) -> bool {
        let found = self.values.iter_mut().find(|(other, _)| *other == name);
        found.map(|(_, old)| *old = Some(value)).is_some()
    }
}
