//! Work that waits in a stream, and how it is done.

#![allow(unsafe_code)]

use crate::{
    blas::Product,
    codes::LAUNCH_FAILED,
    state::{Function, Handle, State},
};
use ptx::{Launch, Order, Settings};
use std::time::Instant;

/// A piece of work.
pub(crate) enum Task {
    Launch {
        function: Function,
        grid: [u32; 3],
        block: [u32; 3],
        shared_bytes: usize,
        arguments: Vec<u8>,
        number: u64,
    },
    /// To the device, from a copy that was made when it was asked for.
    Upload {
        to: u64,
        bytes: Vec<u8>,
    },
    /// To the device, from pinned memory as it is when the work is done.
    UploadPinned {
        to: u64,
        from: HostRange,
    },
    /// To the host.
    Download {
        to: HostRange,
        from: u64,
    },
    Copy {
        to: u64,
        from: u64,
        bytes: usize,
    },
    /// `count` times the same bytes.
    Set {
        to: u64,
        pattern: Vec<u8>,
        count: usize,
    },
    Free(u64),
    /// Reaches an event.
    Mark(Handle),
    /// Waits for an event of another stream.
    Wait(Handle),
    Product(Product),
}

/// Memory of the host that somebody else owns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HostRange {
    address: usize,
    bytes: usize,
}

impl HostRange {
    pub(crate) fn new(address: usize, bytes: usize) -> Self {
        HostRange { address, bytes }
    }

    pub(crate) fn read(self) -> Vec<u8> {
        // SAFETY: whoever asked for the copy keeps the range readable until it is done; that is the contract of cuMemcpy.
        unsafe { std::slice::from_raw_parts(self.address as *const u8, self.bytes) }.to_vec()
    }

    pub(crate) fn write(self, bytes: &[u8]) {
        let length = bytes.len().min(self.bytes);
        // SAFETY: as in `read`, for writing; `bytes` is the fake's own and cannot overlap it.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.address as *mut u8, length) };
    }
}

/// Memory that the fake owns and gives to the host.
pub(crate) struct HostMemory {
    words: Vec<u64>,
    bytes: usize,
}

impl HostMemory {
    pub(crate) fn new(bytes: usize) -> Self {
        HostMemory { words: vec![u64::MAX; bytes.div_ceil(8)], bytes }
    }

    pub(crate) fn address(&mut self) -> usize {
        self.words.as_mut_ptr() as usize
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl State {
    pub(crate) fn perform(&mut self, task: Task) {
        match task {
            Task::Launch { function, grid, block, shared_bytes, arguments, number } => {
                self.run(&function, grid, block, shared_bytes, &arguments, number);
            }
            Task::Upload { to, bytes } => self.store("copy to the device", to, &bytes),
            Task::UploadPinned { to, from } => self.store("copy to the device", to, &from.read()),
            Task::Download { to, from } => match self.memory.read(from, to.bytes) {
                Ok(bytes) => to.write(bytes),
                Err(error) => self.fail_access("copy to the host", &error),
            },
            Task::Copy { to, from, bytes } => match self.memory.read(from, bytes).map(<[u8]>::to_vec) {
                Ok(bytes) => self.store("copy on the device", to, &bytes),
                Err(error) => self.fail_access("copy on the device", &error),
            },
            Task::Set { to, pattern, count } => self.store("memset", to, &pattern.repeat(count)),
            Task::Free(address) => {
                // What is wrong with the address has been noted.
                let _ = self.free_now(address);
            }
            Task::Mark(event) => {
                if let Some(event) = self.events.get_mut(&event) {
                    event.reached = Some(Instant::now());
                }
            }
            Task::Wait(event) => self.reach(event),
            Task::Product(product) => {
                if let Err(message) = product.perform(&mut self.memory) {
                    self.fail(LAUNCH_FAILED, message);
                }
            }
        }
    }

    /// Does what comes before an event.
    pub(crate) fn reach(&mut self, event: Handle) {
        let pending = self.events.get(&event).filter(|event| event.reached.is_none()).and_then(|event| event.stream);
        if let Some(stream) = pending {
            self.drain(stream);
        }
    }

    fn store(&mut self, what: &str, to: u64, bytes: &[u8]) {
        if let Err(error) = self.memory.write(to, bytes) {
            self.fail_access(what, &error);
        }
    }

    fn run(
        &mut self,
        function: &Function,
        grid: [u32; 3],
        block: [u32; 3],
        shared_bytes: usize,
        arguments: &[u8],
        number: u64,
    ) {
        let name = &function.name;
        if self.faults.get("fail_launch") == Some(number) {
            self.sticky = Some(LAUNCH_FAILED);
            return;
        }
        let Some(kernel) = function.program.kernel(name) else { return };
        let order = self.faults.get("order").map_or(Order::Natural, |seed| Order::Random(seed.wrapping_add(number)));
        let check = self.faults.get("check") != Some(0);
        let settings = Settings { order, check, ..Settings::default() };
        let launch = Launch { kernel, grid, block, shared_bytes, arguments };
        match ptx::launch(&launch, &mut self.memory, &settings) {
            Ok(outcome) => {
                for report in outcome.reports {
                    self.fail(State::code_of(report.fault), format!("launch {number}: {report}"));
                }
            }
            Err(what) => self.fail(LAUNCH_FAILED, format!("launch {number}: {what}")),
        }
    }
}
