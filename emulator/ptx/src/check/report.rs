//! What the checker reports.

use crate::parse::syntax::Space;
use std::fmt;

/// What a kernel did wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    /// An access outside every allocation, or outside the shared memory of the launch.
    OutOfBounds,
    /// An access to memory that has been freed.
    UseAfterFree,
    /// An address that is no multiple of the access's size.
    Misaligned,
    /// A write to constant memory or to the arguments.
    ReadOnly,
    /// A read of bytes that nobody has written.
    Uninitialised,
    /// Two threads touch the same bytes, at least one writes, and no barrier lies between.
    Race,
    /// A barrier that not all threads of the block reach, or not the same one.
    DivergentBarrier,
    /// A warp's exchange whose mask names threads that do not take part, or leaves out one that does.
    DivergentWarp,
    /// `trap`.
    Trap,
    /// More instructions than the launch was allowed.
    Endless,
}

/// One finding: what, where and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What went wrong.
    pub fault: Fault,
    /// The kernel's name.
    pub kernel: String,
    /// The PTX file's name.
    pub file: String,
    /// Line in the PTX file.
    pub line: u32,
    /// The block's index (x, y, z).
    pub block: [u32; 3],
    /// The thread's index within its block (x, y, z).
    pub thread: [u32; 3],
    /// Memory and address of the access, if it was one.
    pub address: Option<(Space, u64)>,
    /// The allocation, and what else helps.
    pub what: String,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { fault, kernel, file, line, block, thread, .. } = self;
        write!(f, "{fault:?}: kernel `{kernel}`, {file}:{line}, block {block:?}, thread {thread:?}")?;
        if let Some((space, address)) = self.address {
            let space = format!("{space:?}").to_lowercase();
            write!(f, ", {space} address {address:#x}")?;
        }
        write!(f, ": {}", self.what)
    }
}
