//! The checker: what a kernel did wrong, found by watching every access.

pub(crate) mod region;
pub(crate) mod report;
