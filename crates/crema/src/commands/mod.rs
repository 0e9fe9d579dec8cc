//! One file for each command.

pub(crate) mod convert;
pub(crate) mod draw;
pub(crate) mod predict;
pub(crate) mod shell;
pub(crate) mod test;
pub(crate) mod train;
