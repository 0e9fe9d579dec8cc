//! Special registers: rows that are set before a block runs.

use super::inst::RowId;

/// Their names; a register's position is its row.
pub(crate) const SPECIAL: [&str; 20] = [
    "%tid.x",
    "%tid.y",
    "%tid.z",
    "%ntid.x",
    "%ntid.y",
    "%ntid.z",
    "%ctaid.x",
    "%ctaid.y",
    "%ctaid.z",
    "%nctaid.x",
    "%nctaid.y",
    "%nctaid.z",
    "%laneid",
    "%warpid",
    "%nwarpid",
    "%lanemask_eq",
    "%lanemask_lt",
    "%lanemask_le",
    "%lanemask_gt",
    "%lanemask_ge",
];

pub(super) fn row(name: &str) -> Option<RowId> {
    SPECIAL.iter().position(|other| *other == name).map(|row| row as RowId)
}
