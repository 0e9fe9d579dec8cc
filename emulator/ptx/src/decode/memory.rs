//! `ld`, `st`, `atom`, `red`: which space, how wide, what an atomic operation computes.

use super::inst::Update;
use crate::{
    error::Flaw,
    lanes::Lane,
    parse::{
        size_of,
        syntax::{Instruction, Space},
    },
};

/// What an opcode says of an access.
pub(super) struct Access {
    pub(super) space: Space,
    pub(super) size: usize,
    pub(super) signed: bool,
    /// Elements of a vector.
    pub(super) count: usize,
}

/// `ld.global.nc.v2.f32`; caching modifiers change nothing here.
pub(super) fn access(inst: &Instruction) -> Result<Access, Flaw> {
    let unknown = || Flaw::new(inst.line, format!("unknown instruction `{}`", inst.full_opcode()));
    let (ty, modifiers) = inst.opcode[1..].split_last().ok_or_else(unknown)?;
    let size = size_of(ty).ok_or_else(unknown)?;
    let mut access = Access { space: Space::Generic, size, signed: ty.starts_with('s'), count: 1 };
    for modifier in modifiers {
        match modifier.as_str() {
            "v2" => access.count = 2,
            "v4" => access.count = 4,
            "nc" | "volatile" | "ca" | "cg" | "cs" | "cv" | "lu" | "wb" | "wt" => {}
            other => access.space = space(other).ok_or_else(unknown)?,
        }
    }
    Ok(access)
}

/// The function of an `atom` or `red`: from the old value and up to two operands to the new value.
pub(super) fn atomic(inst: &Instruction) -> Result<(Access, Update), Flaw> {
    let opcode = inst.full_opcode();
    let unknown = || Flaw::new(inst.line, format!("unknown instruction `{opcode}`"));
    let modifiers: Vec<&str> = inst.opcode[1..].iter().map(String::as_str).collect();
    // Ordering and scope weaken or widen what a single step of the interpreter does anyway.
    let modifiers = modifiers.into_iter().filter(|m| !matches!(*m, "relaxed" | "gpu" | "cta" | "sys" | "acq_rel"));
    let modifiers: Vec<&str> = modifiers.collect();
    let (space, operation, ty) = match modifiers[..] {
        [operation, ty] => (Space::Generic, operation, ty),
        [place, operation, ty] => (space(place).ok_or_else(unknown)?, operation, ty),
        _ => return Err(unknown()),
    };
    let f = function(operation, ty).ok_or_else(unknown)?;
    let size = size_of(ty).ok_or_else(unknown)?;
    Ok((Access { space, size, signed: ty.starts_with('s'), count: 1 }, f))
}

fn function(operation: &str, ty: &str) -> Option<Update> {
    Some(match (operation, ty) {
        ("add", "u32" | "s32") => |old, b, _| (old as u32).wrapping_add(b as u32).into(),
        ("add", "u64" | "s64") => |old, b, _| old.wrapping_add(b),
        ("add", "f32") => |old, b, _| (f32::from_lane(old) + f32::from_lane(b)).to_lane(),
        ("add", "f64") => |old, b, _| (f64::from_lane(old) + f64::from_lane(b)).to_lane(),
        ("min", "u32") => |old, b, _| (old as u32).min(b as u32).into(),
        ("min", "s32") => |old, b, _| (old as i32).min(b as i32).to_lane(),
        ("min", "u64") => |old, b, _| old.min(b),
        ("min", "s64") => |old, b, _| (old as i64).min(b as i64) as u64,
        ("max", "u32") => |old, b, _| (old as u32).max(b as u32).into(),
        ("max", "s32") => |old, b, _| (old as i32).max(b as i32).to_lane(),
        ("max", "u64") => |old, b, _| old.max(b),
        ("max", "s64") => |old, b, _| (old as i64).max(b as i64) as u64,
        ("inc", "u32") => |old, b, _| if old as u32 >= b as u32 { 0 } else { old + 1 },
        ("dec", "u32") => |old, b, _| if old as u32 == 0 || old as u32 > b as u32 { b } else { old - 1 },
        ("and", "b32" | "b64") => |old, b, _| old & b,
        ("or", "b32" | "b64") => |old, b, _| old | b,
        ("xor", "b32" | "b64") => |old, b, _| old ^ b,
        ("exch", "b32" | "b64") => |_, b, _| b,
        ("cas", "b32") => |old, b, c| if old as u32 == b as u32 { c } else { old },
        ("cas", "b64") => |old, b, c| if old == b { c } else { old },
        _ => return None,
    })
}

fn space(modifier: &str) -> Option<Space> {
    match modifier {
        "global" => Some(Space::Global),
        "const" => Some(Space::Const),
        "shared" | "shared::cta" => Some(Space::Shared),
        "local" => Some(Space::Local),
        "param" => Some(Space::Param),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn atomic_functions() {
        let m1 = 0xffff_ffff;
        let one = 0x3f80_0000;
        let cases: &[(&str, &str, [u64; 3], u64)] = &[
            ("add", "u32", [m1, 2, 0], 1),
            ("add", "s32", [5, m1, 0], 4),
            ("add", "u64", [u64::MAX, 2, 0], 1),
            ("add", "s64", [5, u64::MAX, 0], 4),
            ("add", "f32", [one, one, 0], 0x4000_0000),
            ("add", "f64", [1.0_f64.to_bits(), 2.0_f64.to_bits(), 0], 3.0_f64.to_bits()),
            ("min", "u32", [m1, 1, 0], 1),
            ("min", "s32", [m1, 1, 0], m1),
            ("min", "u64", [u64::MAX, 1, 0], 1),
            ("min", "s64", [u64::MAX, 1, 0], u64::MAX),
            ("max", "u32", [m1, 1, 0], m1),
            ("max", "s32", [m1, 1, 0], 1),
            ("max", "u64", [u64::MAX, 1, 0], u64::MAX),
            ("max", "s64", [u64::MAX, 1, 0], 1),
            ("inc", "u32", [7, 7, 0], 0),
            ("inc", "u32", [6, 7, 0], 7),
            ("dec", "u32", [0, 7, 0], 7),
            ("dec", "u32", [9, 7, 0], 7),
            ("dec", "u32", [3, 7, 0], 2),
            ("and", "b32", [6, 3, 0], 2),
            ("and", "b64", [6, 3, 0], 2),
            ("or", "b32", [6, 3, 0], 7),
            ("or", "b64", [6, 3, 0], 7),
            ("xor", "b32", [6, 3, 0], 5),
            ("xor", "b64", [6, 3, 0], 5),
            ("exch", "b32", [6, 3, 0], 3),
            ("exch", "b64", [6, 3, 0], 3),
            ("cas", "b32", [6, 6, 1], 1),
            ("cas", "b32", [6, 5, 1], 6),
            ("cas", "b64", [6, 6, 1], 1),
        ];
        for (operation, ty, [old, b, c], expected) in cases {
            let found = function(operation, ty).unwrap()(*old, *b, *c);
            let mask = if ty.ends_with("32") { 0xffff_ffff } else { u64::MAX };
            assert_eq!(found & mask, expected & mask, "{operation}.{ty}");
        }
        for (operation, ty) in [("min", "f32"), ("add", "u16"), ("and", "u32"), ("inc", "u64")] {
            assert!(function(operation, ty).is_none(), "{operation}.{ty}");
        }
    }
}
