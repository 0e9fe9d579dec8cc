//! Tests that need the whole house: reference cases, determinism, allocations, real digits, error messages. Each file in
//! `tests/` is a test program of its own; this library is empty because a Cargo package needs one.
