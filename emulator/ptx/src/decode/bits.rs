//! Logic, shifts and bit fields. A shift by the width or more gives zero, or the sign: amounts are clamped, not wrapped.

use crate::lanes::{Alu, Lane, binary, quaternary, ternary, unary};

pub(super) fn find(opcode: &str) -> Option<Alu> {
    Some(match opcode {
        "and.pred" => binary(|a: bool, b: bool| a & b),
        "and.b16" => binary(|a: u16, b: u16| a & b),
        "and.b32" => binary(|a: u32, b: u32| a & b),
        "and.b64" => binary(|a: u64, b: u64| a & b),
        "or.pred" => binary(|a: bool, b: bool| a | b),
        "or.b16" => binary(|a: u16, b: u16| a | b),
        "or.b32" => binary(|a: u32, b: u32| a | b),
        "or.b64" => binary(|a: u64, b: u64| a | b),
        "xor.pred" => binary(|a: bool, b: bool| a ^ b),
        "xor.b16" => binary(|a: u16, b: u16| a ^ b),
        "xor.b32" => binary(|a: u32, b: u32| a ^ b),
        "xor.b64" => binary(|a: u64, b: u64| a ^ b),
        "not.pred" => unary(|a: bool| !a),
        "not.b16" => unary(|a: u16| !a),
        "not.b32" => unary(|a: u32| !a),
        "not.b64" => unary(|a: u64| !a),
        "cnot.b32" => unary(|a: u32| u32::from(a == 0)),

        "shl.b16" => binary(|a: u16, by: u32| if by < 16 { a << by } else { 0 }),
        "shl.b32" => binary(|a: u32, by: u32| if by < 32 { a << by } else { 0 }),
        "shl.b64" => binary(|a: u64, by: u32| if by < 64 { a << by } else { 0 }),
        "shr.u16" | "shr.b16" => binary(|a: u16, by: u32| if by < 16 { a >> by } else { 0 }),
        "shr.u32" | "shr.b32" => binary(|a: u32, by: u32| if by < 32 { a >> by } else { 0 }),
        "shr.u64" | "shr.b64" => binary(|a: u64, by: u32| if by < 64 { a >> by } else { 0 }),
        "shr.s16" => binary(|a: i16, by: u32| a >> by.min(15)),
        "shr.s32" => binary(|a: i32, by: u32| a >> by.min(31)),
        "shr.s64" => binary(|a: i64, by: u32| a >> by.min(63)),
        "shf.l.wrap.b32" => ternary(|low: u32, high: u32, by: u32| (pair(low, high) << (by & 31) >> 32) as u32),
        "shf.r.wrap.b32" => ternary(|low: u32, high: u32, by: u32| (pair(low, high) >> (by & 31)) as u32),
        "shf.l.clamp.b32" => ternary(|low: u32, high: u32, by: u32| (pair(low, high) << by.min(32) >> 32) as u32),
        "shf.r.clamp.b32" => ternary(|low: u32, high: u32, by: u32| (pair(low, high) >> by.min(32)) as u32),

        "popc.b32" => unary(u32::count_ones),
        "popc.b64" => unary(u64::count_ones),
        "clz.b32" => unary(u32::leading_zeros),
        "clz.b64" => unary(u64::leading_zeros),
        "brev.b32" => unary(u32::reverse_bits),
        "brev.b64" => unary(u64::reverse_bits),
        "bfind.u32" => unary(|a: u32| 31_u32.wrapping_sub(a.leading_zeros())),
        "bfind.u64" => unary(|a: u64| 63_u32.wrapping_sub(a.leading_zeros())),
        "bfind.s32" => unary(|a: i32| 31_u32.wrapping_sub(significant(a.into(), 32))),
        "bfind.s64" => unary(|a: i64| 63_u32.wrapping_sub(significant(a, 64))),
        "bfind.shiftamt.u32" => unary(|a: u32| if a == 0 { u32::MAX } else { a.leading_zeros() }),
        "bfind.shiftamt.u64" => unary(|a: u64| if a == 0 { u32::MAX } else { a.leading_zeros() }),
        "bfe.u32" => ternary(|a: u32, at: u32, n: u32| field(a.into(), at & 255, n & 255, 32) as u32),
        "bfe.u64" => ternary(|a: u64, at: u32, n: u32| field(a, at & 255, n & 255, 64)),
        "bfe.s32" => ternary(|a: u32, at: u32, n: u32| signed_field(a.into(), at & 255, n & 255, 32) as u32),
        "bfe.s64" => ternary(|a: u64, at: u32, n: u32| signed_field(a, at & 255, n & 255, 64)),
        "bfi.b32" => {
            quaternary(|a: u32, b: u32, at: u32, n: u32| insert(a.into(), b.into(), at & 255, n & 255, 32) as u32)
        }
        "bfi.b64" => quaternary(|a: u64, b: u64, at: u32, n: u32| insert(a, b, at & 255, n & 255, 64)),
        "prmt.b32" => ternary(permute),
        "lop3.b32" => quaternary(look_up),
        "selp.b16" | "selp.u16" | "selp.s16" => select::<u16>(),
        "selp.b32" | "selp.u32" | "selp.s32" | "selp.f32" => select::<u32>(),
        "selp.b64" | "selp.u64" | "selp.s64" | "selp.f64" => select::<u64>(),
        "slct.u32.s32" | "slct.b32.s32" | "slct.f32.s32" => {
            ternary(|a: u32, b: u32, c: i32| if c >= 0 { a } else { b })
        }
        _ => return None,
    })
}

fn select<T: Lane>() -> Alu {
    ternary(|a: T, b: T, choose: bool| if choose { a } else { b })
}

fn pair(low: u32, high: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

/// Leading bits that equal the sign, within `width` bits.
fn significant(a: i64, width: u32) -> u32 {
    let magnitude = if a < 0 { !a } else { a };
    magnitude.leading_zeros() - (64 - width)
}

fn low_bits(n: u32) -> u64 {
    if n < 64 { (1 << n) - 1 } else { u64::MAX }
}

fn field(a: u64, at: u32, n: u32, width: u32) -> u64 {
    if at < width { a >> at & low_bits(n) } else { 0 }
}

/// The field's upper bits repeat its sign: that of its last bit, or of the whole number where the field goes beyond it.
fn signed_field(a: u64, at: u32, n: u32, width: u32) -> u64 {
    if n == 0 {
        return 0;
    }
    let last = (at + n - 1).min(width - 1);
    let sign = a >> last & 1 != 0;
    let kept = n.min(width.saturating_sub(at));
    let bits = field(a, at, kept, width);
    if sign { bits | !low_bits(kept) } else { bits }
}

fn insert(a: u64, b: u64, at: u32, n: u32, width: u32) -> u64 {
    if at >= width {
        return b;
    }
    let mask = low_bits(n) << at;
    b & !mask | a << at & mask
}

/// Four bytes, each chosen from the eight of `a` and `b` by four bits; the fourth bit repeats the byte's sign instead.
fn permute(a: u32, b: u32, choice: u32) -> u32 {
    let bytes = pair(a, b).to_le_bytes();
    let chosen = |at: u32| {
        let nibble = choice >> (4 * at) & 15;
        let byte = bytes[(nibble & 7) as usize];
        if nibble & 8 == 0 { byte } else { ((byte as i8) >> 7) as u8 }
    };
    u32::from_le_bytes([chosen(0), chosen(1), chosen(2), chosen(3)])
}

/// Any function of three bits, given as its table.
fn look_up(a: u32, b: u32, c: u32, table: u32) -> u32 {
    (0..8).filter(|entry| table >> entry & 1 != 0).fold(0, |result, entry| {
        let pick = |bits: u32, place: u32| if entry >> place & 1 != 0 { bits } else { !bits };
        result | pick(a, 2) & pick(b, 1) & pick(c, 0)
    })
}

#[cfg(test)]
mod tests {
    use crate::decode::testing::{Case, check};

    const M1: u64 = u64::MAX;
    const A: u64 = 0xf0f0_1234_8765_4321;
    const B: u64 = 0x00ff_ff00_0f0f_3c3c;

    const CASES: &[Case] = &[
        ("and.pred", &[1, 1], 1),
        ("and.b16", &[A, B], A & B),
        ("and.b32", &[A, B], A & B),
        ("and.b64", &[A, B], A & B),
        ("or.pred", &[0, 1], 1),
        ("or.b16", &[A, B], A | B),
        ("or.b32", &[A, B], A | B),
        ("or.b64", &[A, B], A | B),
        ("xor.pred", &[1, 1], 0),
        ("xor.b16", &[A, B], A ^ B),
        ("xor.b32", &[A, B], A ^ B),
        ("xor.b64", &[A, B], A ^ B),
        ("not.pred", &[1], 0),
        ("not.b16", &[A], !A),
        ("not.b32", &[A], !A),
        ("not.b64", &[A], !A),
        ("cnot.b32", &[0], 1),
        ("shl.b16", &[1, 15], 0x8000),
        ("shl.b32", &[3, 31], 0x8000_0000),
        ("shl.b32", &[3, 32], 0),
        ("shl.b64", &[3, 63], 1 << 63),
        ("shr.u16", &[0x8000, 15], 1),
        ("shr.b16", &[0x8000, 16], 0),
        ("shr.u32", &[0x8000_0000, 31], 1),
        ("shr.b32", &[0x8000_0000, 33], 0),
        ("shr.u64", &[M1, 63], 1),
        ("shr.b64", &[M1, 64], 0),
        ("shr.s16", &[0x8000, 20], M1),
        ("shr.s32", &[0x8000_0000, 4], 0xf800_0000),
        ("shr.s64", &[1 << 63, 99], M1),
        ("shf.l.wrap.b32", &[0x8000_0001, 0x1234_5678, 36], 0x2345_6788),
        ("shf.r.wrap.b32", &[0x1234_5678, 0xabcd_ef01, 4], 0x1123_4567),
        ("shf.l.clamp.b32", &[0x89ab_cdef, 0, 40], 0x89ab_cdef),
        ("shf.r.clamp.b32", &[0, 0x89ab_cdef, 40], 0x89ab_cdef),
        ("popc.b32", &[0xff00_00ff], 16),
        ("popc.b64", &[M1], 64),
        ("clz.b32", &[0], 32),
        ("clz.b64", &[1], 63),
        ("brev.b32", &[1], 0x8000_0000),
        ("brev.b64", &[1], 1 << 63),
        ("bfind.u32", &[0x100], 8),
        ("bfind.u32", &[0], 0xffff_ffff),
        ("bfind.u64", &[1 << 40], 40),
        ("bfind.s32", &[0xffff_feff], 8),
        ("bfind.s64", &[M1], 0xffff_ffff),
        ("bfind.shiftamt.u32", &[0x100], 23),
        ("bfind.shiftamt.u64", &[0], 0xffff_ffff),
        ("bfe.u32", &[0x1234_5678, 8, 12], 0x456),
        ("bfe.u32", &[0x1234_5678, 28, 12], 1),
        ("bfe.u64", &[A, 32, 64], A >> 32),
        ("bfe.s32", &[0x0000_f800, 8, 8], 0xffff_fff8),
        ("bfe.s32", &[0x8000_0000, 40, 8], 0xffff_ffff),
        ("bfe.s32", &[0x8000_0000, 0, 0], 0),
        ("bfe.s64", &[A, 60, 4], M1),
        ("bfi.b32", &[0xab, 0x1111_1111, 8, 8], 0x1111_ab11),
        ("bfi.b32", &[0xab, 0x1111_1111, 32, 8], 0x1111_1111),
        ("bfi.b64", &[0xab, 0, 56, 20], 0xab << 56),
        ("prmt.b32", &[0x3322_1180, 0x7766_5544, 0x8074], 0xff80_7744),
        ("lop3.b32", &[A, B, 0x5555, 0xe8], (A & B) | (A & 0x5555) | (B & 0x5555)),
        ("selp.b16", &[1, 2, 1], 1),
        ("selp.u16", &[1, 2, 0], 2),
        ("selp.s16", &[1, 2, 0], 2),
        ("selp.b32", &[1, 2, 1], 1),
        ("selp.u32", &[1, 2, 0], 2),
        ("selp.s32", &[1, 2, 1], 1),
        ("selp.f32", &[1, 2, 0], 2),
        ("selp.b64", &[M1, 2, 1], M1),
        ("selp.u64", &[1, M1, 0], M1),
        ("selp.s64", &[1, 2, 1], 1),
        ("selp.f64", &[1, M1, 0], M1),
        ("slct.u32.s32", &[1, 2, 0], 1),
        ("slct.b32.s32", &[1, 2, M1], 2),
        ("slct.f32.s32", &[1, 2, 5], 1),
    ];

    #[test]
    fn every_opcode() {
        check(super::find, include_str!("bits.rs"), CASES);
    }
}
