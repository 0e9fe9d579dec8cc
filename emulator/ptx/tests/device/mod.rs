//! A device with one program, for tests: uploads, launches, downloads.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, of which each test file uses a part"
)]

use ptx::{Argument, Fault, Kernel, Launch, Memory, Order, Outcome, Program, Settings};

/// The orders of threads in which every kernel is tried.
pub(crate) const ORDERS: [Order; 4] = [Order::Natural, Order::Random(1), Order::Random(2), Order::Random(3)];

pub(crate) struct Device {
    pub(crate) memory: Memory,
    pub(crate) program: Program,
    pub(crate) order: Order,
}

impl Device {
    pub(crate) fn new(file: &str, text: &str, order: Order) -> Self {
        let mut memory = Memory::new(1 << 30);
        let program = ptx::load(file, text, &mut memory).unwrap();
        Device { memory, program, order }
    }

    pub(crate) fn kernel(&self, name: &str) -> &Kernel {
        self.program.kernel(name).unwrap_or_else(|| panic!("no kernel `{name}`"))
    }

    /// Memory that nobody has written.
    pub(crate) fn fresh(&mut self, bytes: usize) -> u64 {
        self.memory.allocate(bytes as u64).unwrap()
    }

    pub(crate) fn floats(&mut self, values: &[f32]) -> u64 {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.upload(&bytes)
    }

    pub(crate) fn doubles(&mut self, values: &[f64]) -> u64 {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.upload(&bytes)
    }

    pub(crate) fn ints(&mut self, values: &[i32]) -> u64 {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.upload(&bytes)
    }

    pub(crate) fn upload(&mut self, bytes: &[u8]) -> u64 {
        let address = self.fresh(bytes.len());
        self.memory.write(address, bytes).unwrap();
        address
    }

    pub(crate) fn read_floats(&self, address: u64, count: usize) -> Vec<f32> {
        let bytes = self.memory.read(address, 4 * count).unwrap();
        bytes.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect()
    }

    pub(crate) fn read_doubles(&self, address: u64, count: usize) -> Vec<f64> {
        let bytes = self.memory.read(address, 8 * count).unwrap();
        bytes.chunks_exact(8).map(|bytes| f64::from_le_bytes(bytes.try_into().unwrap())).collect()
    }

    pub(crate) fn read_ints(&self, address: u64, count: usize) -> Vec<i32> {
        let bytes = self.memory.read(address, 4 * count).unwrap();
        bytes.chunks_exact(4).map(|bytes| i32::from_le_bytes(bytes.try_into().unwrap())).collect()
    }

    /// Launches with a one-dimensional grid.
    pub(crate) fn launch(
        &mut self,
        name: &str,
        grid: u32,
        block: u32,
        shared_bytes: usize,
        arguments: &[Argument],
    ) -> Outcome {
        let kernel = self.program.kernel(name).unwrap_or_else(|| panic!("no kernel `{name}`"));
        let bytes = ptx::arguments(kernel, arguments).unwrap();
        let launch = Launch { kernel, grid: [grid, 1, 1], block: [block, 1, 1], shared_bytes, arguments: &bytes };
        let settings = Settings { order: self.order, max_instructions: 1_000_000, ..Settings::default() };
        ptx::launch(&launch, &mut self.memory, &settings).unwrap()
    }

    /// Launches a kernel that must do nothing wrong.
    pub(crate) fn run(&mut self, name: &str, grid: u32, block: u32, shared_bytes: usize, arguments: &[Argument]) {
        let outcome = self.launch(name, grid, block, shared_bytes, arguments);
        let reports: Vec<String> = outcome.reports.iter().map(ToString::to_string).collect();
        assert!(reports.is_empty() && !outcome.stopped, "{:?}: {reports:#?}", self.order);
    }

    pub(crate) fn faults(outcome: &Outcome) -> Vec<Fault> {
        let mut faults: Vec<Fault> = outcome.reports.iter().map(|report| report.fault).collect();
        faults.sort_unstable();
        faults.dedup();
        faults
    }
}

/// Numbers between -1 and 1 that look random.
pub(crate) fn noise(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12345);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state
    };
    (0..count).map(|_| (next() >> 8) as f32 / (1 << 23) as f32 - 1.0).collect()
}
