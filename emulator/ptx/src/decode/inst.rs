//! Instructions in the form in which they are executed: names are gone, operands are numbers of rows.

use crate::{lanes::Alu, parse::syntax::Space};

/// Number of a row among a warp's registers.
pub(crate) type RowId = u32;

/// An instruction.
pub(crate) struct Inst {
    /// Line in the PTX file.
    pub(crate) line: u32,
    /// Lanes take part where this predicate differs from the flag.
    pub(crate) guard: Option<(RowId, bool)>,
    pub(crate) op: Op,
}

/// What an instruction does.
pub(crate) enum Op {
    /// Rows to a row.
    Alu { f: Alu, to: RowId, from: [RowId; 4] },
    /// Memory to registers, several for a vector.
    Load { place: Place, to: Vec<RowId> },
    /// Registers to memory.
    Store { place: Place, from: Vec<RowId> },
    /// Reads and writes one place in one step; `f` makes the new value from the old one and two operands.
    Atomic { place: Place, f: Update, to: Option<RowId>, from: [RowId; 2] },
    /// Goes to another instruction.
    Branch { target: usize },
    /// Ends the thread.
    Exit,
    /// Stops the kernel.
    Trap,
    /// Waits for all threads of the block.
    Barrier { reduce: Option<Reduce> },
    /// Waits for the threads of the warp that the mask names.
    Warp { mask: RowId, what: Exchange },
    /// Which threads are here.
    ActiveMask { to: RowId },
}

/// From the old value and two operands to the new value.
pub(crate) type Update = fn(u64, u64, u64) -> u64;

/// Where in memory.
pub(crate) struct Place {
    pub(crate) space: Space,
    /// Bytes of one element.
    pub(crate) size: usize,
    /// Whether a loaded value's sign is extended.
    pub(crate) signed: bool,
    pub(crate) base: RowId,
    pub(crate) offset: i64,
}

/// What `bar.red` computes over a block.
pub(crate) struct Reduce {
    pub(crate) how: Reduction,
    pub(crate) to: RowId,
    pub(crate) from: RowId,
    pub(crate) negated: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reduction {
    Count,
    And,
    Or,
}

/// What threads of a warp do together.
pub(crate) enum Exchange {
    /// Nothing but waiting.
    Sync,
    Shuffle {
        mode: Shuffle,
        to: RowId,
        inside: Option<RowId>,
        from: RowId,
        lane: RowId,
        clamp: RowId,
    },
    Vote {
        mode: Vote,
        to: RowId,
        from: RowId,
        negated: bool,
    },
}

#[derive(Clone, Copy)]
pub(crate) enum Shuffle {
    Up,
    Down,
    Butterfly,
    Index,
}

#[derive(Clone, Copy)]
pub(crate) enum Vote {
    All,
    Any,
    Uniform,
    Ballot,
}
