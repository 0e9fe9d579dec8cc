//! Tests that need the whole house: reference cases, determinism, allocations, real digits, error messages. Each file in
//! `tests/` is a test program of its own; this library only holds documents whose code is compiled and run.

#[doc = include_str!("../../docs/coming-from.md")]
pub mod coming_from {}
