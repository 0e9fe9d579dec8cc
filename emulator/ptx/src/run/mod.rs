//! Runs kernels: a grid of blocks, one after the other.

mod access;
mod block;
mod exchange;
mod order;
mod warp;

pub use order::Order;

use crate::{
    check::{
        region::{Region, Who},
        report::{Fault, Report},
    },
    decode::Kernel,
    memory::Memory,
    parse::syntax::Space,
};
use order::Shuffler;

/// Threads that a block may have.
const MAX_THREADS: u64 = 1024;
/// Shared memory that a block may have, in bytes.
const MAX_SHARED: usize = 48 * 1024;

/// What to run.
#[derive(Clone, Copy)]
pub struct Launch<'a> {
    /// The kernel.
    pub kernel: &'a Kernel,
    /// Blocks in x, y, z.
    pub grid: [u32; 3],
    /// Threads of a block in x, y, z.
    pub block: [u32; 3],
    /// Shared memory besides what the kernel declares, in bytes.
    pub shared_bytes: usize,
    /// The arguments, as [`arguments`](crate::arguments) lays them out.
    pub arguments: &'a [u8],
}

/// How to run it.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// The order of threads.
    pub order: Order,
    /// Whether to look for races and reads of unwritten memory. Bounds, alignment and barriers are always checked.
    pub check: bool,
    /// Instructions of warps after which a launch is taken to hang.
    pub max_instructions: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { order: Order::Natural, check: true, max_instructions: 10_000_000_000 }
    }
}

/// What came out, besides what is in memory.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// What the kernel did wrong: each fault of each line once. Empty for a good kernel.
    pub reports: Vec<Report>,
    /// Whether the launch ended early because of the last report.
    pub stopped: bool,
    /// Instructions executed, each counted once for a warp.
    pub instructions: u64,
}

/// Runs a kernel on `memory`.
///
/// # Errors
///
/// If the launch itself is wrong: no threads or too many, too much shared memory, arguments of another size. What the kernel does
/// wrong is in the outcome.
pub fn launch(launch: &Launch<'_>, memory: &mut Memory, settings: &Settings) -> Result<Outcome, String> {
    let Launch { kernel, grid, block, shared_bytes, arguments } = *launch;
    let threads = block.iter().map(|n| u64::from(*n)).product::<u64>();
    let blocks = grid.iter().map(|n| u64::from(*n)).product::<u64>();
    let shared = kernel.shared_bytes.next_multiple_of(16) + shared_bytes;
    let refuse = |what: String| Err(format!("kernel `{}`: {what}", kernel.name));
    if threads == 0 || threads > MAX_THREADS || block[2] > 64 {
        return refuse(format!("a block of {block:?} threads; 1 to {MAX_THREADS} can be, at most 64 in z"));
    }
    if blocks == 0 || grid[0] > i32::MAX as u32 || grid[1] > 65535 || grid[2] > 65535 {
        return refuse(format!("a grid of {grid:?} blocks; none may be 0, y and z at most 65535"));
    }
    if shared > MAX_SHARED {
        return refuse(format!("{shared} bytes of shared memory; a block has {MAX_SHARED}"));
    }
    if arguments.len() != kernel.param_bytes {
        return refuse(format!("{} bytes of arguments instead of {}", arguments.len(), kernel.param_bytes));
    }
    let first = memory.number_blocks(blocks).ok_or("too many blocks for the checker to number")?;
    let mut run = Run {
        launch: *launch,
        memory,
        shared: Region::new(shared),
        settings: *settings,
        shuffler: Shuffler::new(settings.order),
        outcome: Outcome::default(),
        first,
        who: Who::default(),
        block: [0; 3],
        nearest: 0,
    };
    run.blocks(blocks as usize);
    Ok(run.outcome)
}

/// A launch under way.
struct Run<'a> {
    launch: Launch<'a>,
    memory: &'a mut Memory,
    shared: Region,
    settings: Settings,
    shuffler: Shuffler,
    outcome: Outcome,
    /// Number of the launch's first block, for the checker.
    first: u32,
    /// Block and epoch of what is running.
    who: Who,
    block: [u32; 3],
    /// The allocation that was accessed last.
    nearest: usize,
}

/// Ends a launch; the reason is the outcome's last report.
struct Stop;

/// Where a report points to.
#[derive(Clone, Copy)]
struct Spot {
    line: u32,
    thread: u32,
    address: Option<(Space, u64)>,
}

impl Run<'_> {
    fn blocks(&mut self, count: usize) {
        let mut order: Vec<usize> = (0..count).collect();
        self.shuffler.shuffle(&mut order);
        let mut warps = self.warps();
        let [x, y, _] = self.launch.grid;
        for number in order {
            let at = number as u64;
            let (x, y) = (u64::from(x), u64::from(y));
            self.block = [at % x, at / x % y, at / (x * y)].map(|index| index as u32);
            self.who = Who { block: self.first + number as u32, ..Who::default() };
            self.shared.reset();
            if self.run_block(&mut warps).is_err() {
                self.outcome.stopped = true;
                return;
            }
        }
    }

    /// Notes what went wrong; each fault of a line once.
    fn report(&mut self, fault: Fault, spot: Spot, what: String) {
        let known = |report: &Report| (report.fault, report.line) == (fault, spot.line);
        if self.outcome.reports.iter().any(known) {
            return;
        }
        let kernel = self.launch.kernel;
        let thread = self.thread_index(spot.thread);
        self.outcome.reports.push(Report {
            fault,
            kernel: kernel.name.clone(),
            file: kernel.file.clone(),
            line: spot.line,
            block: self.block,
            thread,
            address: spot.address,
            what,
        });
    }

    fn stop(&mut self, fault: Fault, spot: Spot, what: String) -> Stop {
        self.report(fault, spot, what);
        Stop
    }

    fn thread_index(&self, thread: u32) -> [u32; 3] {
        let [x, y, _] = self.launch.block;
        [thread % x, thread / x % y, thread / (x * y)]
    }
}
