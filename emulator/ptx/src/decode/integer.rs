//! Integer arithmetic. Division by zero gives all bits set, as on the device; it must not stop lanes that do not take part.

use crate::lanes::{Alu, binary, ternary, unary};

pub(super) fn find(opcode: &str) -> Option<Alu> {
    Some(match opcode {
        "add.u16" | "add.s16" => binary(u16::wrapping_add),
        "add.u32" | "add.s32" => binary(u32::wrapping_add),
        "add.u64" | "add.s64" => binary(u64::wrapping_add),
        "sub.u16" | "sub.s16" => binary(u16::wrapping_sub),
        "sub.u32" | "sub.s32" => binary(u32::wrapping_sub),
        "sub.u64" | "sub.s64" => binary(u64::wrapping_sub),
        "add.sat.s32" => binary(i32::saturating_add),
        "sub.sat.s32" => binary(i32::saturating_sub),

        "mul.lo.u16" | "mul.lo.s16" => binary(u16::wrapping_mul),
        "mul.lo.u32" | "mul.lo.s32" => binary(u32::wrapping_mul),
        "mul.lo.u64" | "mul.lo.s64" => binary(u64::wrapping_mul),
        "mul.hi.u32" => binary(|a: u32, b: u32| (wide_u32(a, b) >> 32) as u32),
        "mul.hi.s32" => binary(|a: i32, b: i32| (wide_s32(a, b) >> 32) as u32),
        "mul.hi.u64" => binary(high_u64),
        "mul.hi.s64" => binary(high_s64),
        "mul.wide.u16" => binary(|a: u16, b: u16| u32::from(a) * u32::from(b)),
        "mul.wide.s16" => binary(|a: i16, b: i16| (i32::from(a) * i32::from(b)) as u32),
        "mul.wide.u32" => binary(wide_u32),
        "mul.wide.s32" => binary(wide_s32),
        "mul24.lo.u32" => binary(|a: u32, b: u32| (a & 0xff_ffff).wrapping_mul(b & 0xff_ffff)),
        "mul24.lo.s32" => binary(|a: i32, b: i32| ((a << 8) >> 8).wrapping_mul((b << 8) >> 8) as u32),

        "mad.lo.u16" | "mad.lo.s16" => ternary(|a: u16, b: u16, c: u16| a.wrapping_mul(b).wrapping_add(c)),
        "mad.lo.u32" | "mad.lo.s32" => ternary(|a: u32, b: u32, c: u32| a.wrapping_mul(b).wrapping_add(c)),
        "mad.lo.u64" | "mad.lo.s64" => ternary(|a: u64, b: u64, c: u64| a.wrapping_mul(b).wrapping_add(c)),
        "mad.hi.u32" => ternary(|a: u32, b: u32, c: u32| ((wide_u32(a, b) >> 32) as u32).wrapping_add(c)),
        "mad.hi.s32" => ternary(|a: i32, b: i32, c: u32| ((wide_s32(a, b) >> 32) as u32).wrapping_add(c)),
        "mad.wide.u16" => ternary(|a: u16, b: u16, c: u32| (u32::from(a) * u32::from(b)).wrapping_add(c)),
        "mad.wide.s16" => ternary(|a: i16, b: i16, c: u32| ((i32::from(a) * i32::from(b)) as u32).wrapping_add(c)),
        "mad.wide.u32" => ternary(|a: u32, b: u32, c: u64| wide_u32(a, b).wrapping_add(c)),
        "mad.wide.s32" => ternary(|a: i32, b: i32, c: u64| wide_s32(a, b).wrapping_add(c)),

        "div.u16" => binary(|a: u16, b: u16| a.checked_div(b).unwrap_or(u16::MAX)),
        "div.s16" => binary(|a: i16, b: i16| if b == 0 { -1 } else { a.wrapping_div(b) }),
        "div.u32" => binary(|a: u32, b: u32| a.checked_div(b).unwrap_or(u32::MAX)),
        "div.s32" => binary(|a: i32, b: i32| if b == 0 { -1 } else { a.wrapping_div(b) }),
        "div.u64" => binary(|a: u64, b: u64| a.checked_div(b).unwrap_or(u64::MAX)),
        "div.s64" => binary(|a: i64, b: i64| if b == 0 { -1 } else { a.wrapping_div(b) }),
        "rem.u16" => binary(|a: u16, b: u16| a.checked_rem(b).unwrap_or(a)),
        "rem.s16" => binary(|a: i16, b: i16| if b == 0 { a } else { a.wrapping_rem(b) }),
        "rem.u32" => binary(|a: u32, b: u32| a.checked_rem(b).unwrap_or(a)),
        "rem.s32" => binary(|a: i32, b: i32| if b == 0 { a } else { a.wrapping_rem(b) }),
        "rem.u64" => binary(|a: u64, b: u64| a.checked_rem(b).unwrap_or(a)),
        "rem.s64" => binary(|a: i64, b: i64| if b == 0 { a } else { a.wrapping_rem(b) }),

        "abs.s16" => unary(i16::wrapping_abs),
        "abs.s32" => unary(i32::wrapping_abs),
        "abs.s64" => unary(i64::wrapping_abs),
        "neg.s16" => unary(i16::wrapping_neg),
        "neg.s32" => unary(i32::wrapping_neg),
        "neg.s64" => unary(i64::wrapping_neg),
        "min.u16" => binary(|a: u16, b: u16| a.min(b)),
        "min.s16" => binary(|a: i16, b: i16| a.min(b)),
        "min.u32" => binary(|a: u32, b: u32| a.min(b)),
        "min.s32" => binary(|a: i32, b: i32| a.min(b)),
        "min.u64" => binary(|a: u64, b: u64| a.min(b)),
        "min.s64" => binary(|a: i64, b: i64| a.min(b)),
        "max.u16" => binary(|a: u16, b: u16| a.max(b)),
        "max.s16" => binary(|a: i16, b: i16| a.max(b)),
        "max.u32" => binary(|a: u32, b: u32| a.max(b)),
        "max.s32" => binary(|a: i32, b: i32| a.max(b)),
        "max.u64" => binary(|a: u64, b: u64| a.max(b)),
        "max.s64" => binary(|a: i64, b: i64| a.max(b)),
        "sad.u32" => ternary(|a: u32, b: u32, c: u32| a.abs_diff(b).wrapping_add(c)),
        "sad.s32" => ternary(|a: i32, b: i32, c: u32| a.abs_diff(b).wrapping_add(c)),
        _ => return None,
    })
}

fn wide_u32(a: u32, b: u32) -> u64 {
    u64::from(a) * u64::from(b)
}

fn wide_s32(a: i32, b: i32) -> u64 {
    (i64::from(a) * i64::from(b)) as u64
}

fn high_u64(a: u64, b: u64) -> u64 {
    ((u128::from(a) * u128::from(b)) >> 64) as u64
}

fn high_s64(a: i64, b: i64) -> u64 {
    ((i128::from(a) * i128::from(b)) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use crate::decode::testing::{Case, check};

    const M1: u64 = u64::MAX;
    const MIN32: u64 = 0x8000_0000;

    /// Opcode, operands, expected.
    const CASES: &[Case] = &[
        ("add.u16", &[0xffff, 2], 1),
        ("add.s16", &[M1, 2], 1),
        ("add.u32", &[0xffff_ffff, 2], 1),
        ("add.s32", &[M1, 2], 1),
        ("add.u64", &[M1, 2], 1),
        ("add.s64", &[M1, 2], 1),
        ("sub.u16", &[1, 2], 0xffff),
        ("sub.s16", &[1, 2], 0xffff),
        ("sub.u32", &[1, 2], 0xffff_ffff),
        ("sub.s32", &[5, 2], 3),
        ("sub.u64", &[1, 2], M1),
        ("sub.s64", &[1, 2], M1),
        ("add.sat.s32", &[0x7fff_ffff, 1], 0x7fff_ffff),
        ("sub.sat.s32", &[MIN32, 1], MIN32),
        ("mul.lo.u16", &[0x100, 0x101], 0x100),
        ("mul.lo.s16", &[0xffff, 3], 0xfffd),
        ("mul.lo.u32", &[0x1_0001, 0x1_0001], 0x2_0001),
        ("mul.lo.s32", &[M1, 3], 0xffff_fffd),
        ("mul.lo.u64", &[1 << 63, 3], 1 << 63),
        ("mul.lo.s64", &[M1, 3], M1 - 2),
        ("mul.hi.u32", &[0xffff_ffff, 0xffff_ffff], 0xffff_fffe),
        ("mul.hi.s32", &[M1, 3], 0xffff_ffff),
        ("mul.hi.u64", &[M1, M1], M1 - 1),
        ("mul.hi.s64", &[M1, 3], M1),
        ("mul.wide.u16", &[0xffff, 0xffff], 0xfffe_0001),
        ("mul.wide.s16", &[0xffff, 2], 0xffff_fffe),
        ("mul.wide.u32", &[0xffff_ffff, 2], 0x1_ffff_fffe),
        ("mul.wide.s32", &[0xffff_ffff, 2], M1 - 1),
        ("mul24.lo.u32", &[0x0100_0003, 5], 15),
        ("mul24.lo.s32", &[0xff_ffff, 5], 0xffff_fffb),
        ("mad.lo.u16", &[2, 3, 0xffff], 5),
        ("mad.lo.s16", &[2, 3, 4], 10),
        ("mad.lo.u32", &[0x8000_0000, 2, 7], 7),
        ("mad.lo.s32", &[M1, 3, 4], 1),
        ("mad.lo.u64", &[M1, 3, 4], 1),
        ("mad.lo.s64", &[M1, 3, 2], M1),
        ("mad.hi.u32", &[0x8000_0000, 4, 1], 3),
        ("mad.hi.s32", &[M1, 1, 1], 0),
        ("mad.wide.u16", &[0xffff, 2, 1], 0x1_ffff),
        ("mad.wide.s16", &[0xffff, 2, 1], 0xffff_ffff),
        ("mad.wide.u32", &[0xffff_ffff, 2, 1 << 40], (1 << 40) + 0x1_ffff_fffe),
        ("mad.wide.s32", &[0xffff_ffff, 4, 100], 96),
        ("div.u16", &[7, 2], 3),
        ("div.s16", &[0xfff9, 2], M1 - 2),
        ("div.u32", &[0xffff_fff9, 2], 0x7fff_fffc),
        ("div.u32", &[1, 0], 0xffff_ffff),
        ("div.s32", &[0xffff_fff9, 2], 0xffff_fffd),
        ("div.s32", &[MIN32, M1], MIN32),
        ("div.s32", &[5, 0], 0xffff_ffff),
        ("div.u64", &[M1, 2], M1 >> 1),
        ("div.s64", &[M1 - 6, 2], M1 - 2),
        ("rem.u16", &[7, 4], 3),
        ("rem.s16", &[0xfff9, 4], M1 - 2),
        ("rem.u32", &[0xffff_ffff, 10], 5),
        ("rem.s32", &[0xffff_fff9, 4], 0xffff_fffd),
        ("rem.s32", &[7, 0], 7),
        ("rem.u64", &[M1, 10], 5),
        ("rem.s64", &[M1 - 6, 4], M1 - 2),
        ("abs.s16", &[0xfffb], 5),
        ("abs.s32", &[0xffff_fffb], 5),
        ("abs.s64", &[M1], 1),
        ("neg.s16", &[5], M1 - 4),
        ("neg.s32", &[MIN32], MIN32),
        ("neg.s64", &[5], M1 - 4),
        ("min.u16", &[0xffff, 1], 1),
        ("min.s16", &[0xffff, 1], M1),
        ("min.u32", &[0xffff_ffff, 1], 1),
        ("min.s32", &[0xffff_ffff, 1], 0xffff_ffff),
        ("min.u64", &[M1, 1], 1),
        ("min.s64", &[M1, 1], M1),
        ("max.u16", &[0xffff, 1], 0xffff),
        ("max.s16", &[0xffff, 1], 1),
        ("max.u32", &[0xffff_ffff, 1], 0xffff_ffff),
        ("max.s32", &[0xffff_ffff, 1], 1),
        ("max.u64", &[M1, 1], M1),
        ("max.s64", &[M1, 1], 1),
        ("sad.u32", &[3, 5, 10], 12),
        ("sad.s32", &[M1, 5, 10], 16),
    ];

    #[test]
    fn every_opcode() {
        check(super::find, include_str!("integer.rs"), CASES);
    }
}
