//! Floating point arithmetic: IEEE 754, each operation rounded once, denormals kept unless `.ftz` is written.
//!
//! Results that are no number have the bits that PTX prescribes for f32 (0x7fffffff), whatever the host makes of them.

use super::rounding::{Direction, add_f32, add_f64, fma_f32, mul_f32};
use crate::lanes::{Alu, binary, ternary, unary};

pub(super) fn find(opcode: &str) -> Option<Alu> {
    Some(match opcode {
        "add.f32" | "add.rn.f32" => binary(|a: f32, b: f32| canonical(a + b)),
        "add.f64" | "add.rn.f64" => binary(|a: f64, b: f64| a + b),
        "add.ftz.f32" | "add.rn.ftz.f32" => binary(|a: f32, b: f32| flush(canonical(flush(a) + flush(b)))),
        "add.rz.f32" => binary(|a: f32, b: f32| canonical(add_f32(a, b, Direction::Zero))),
        "add.rm.f32" => binary(|a: f32, b: f32| canonical(add_f32(a, b, Direction::Down))),
        "add.rp.f32" => binary(|a: f32, b: f32| canonical(add_f32(a, b, Direction::Up))),
        "add.rz.f64" => binary(|a: f64, b: f64| add_f64(a, b, Direction::Zero)),
        "add.rm.f64" => binary(|a: f64, b: f64| add_f64(a, b, Direction::Down)),
        "add.rp.f64" => binary(|a: f64, b: f64| add_f64(a, b, Direction::Up)),
        "add.sat.f32" | "add.rn.sat.f32" => binary(|a: f32, b: f32| saturate(a + b)),
        "sub.f32" | "sub.rn.f32" => binary(|a: f32, b: f32| canonical(a - b)),
        "sub.f64" | "sub.rn.f64" => binary(|a: f64, b: f64| a - b),
        "sub.ftz.f32" | "sub.rn.ftz.f32" => binary(|a: f32, b: f32| flush(canonical(flush(a) - flush(b)))),
        "sub.sat.f32" | "sub.rn.sat.f32" => binary(|a: f32, b: f32| saturate(a - b)),
        "mul.f32" | "mul.rn.f32" => binary(|a: f32, b: f32| canonical(a * b)),
        "mul.f64" | "mul.rn.f64" => binary(|a: f64, b: f64| a * b),
        "mul.ftz.f32" | "mul.rn.ftz.f32" => binary(|a: f32, b: f32| flush(canonical(flush(a) * flush(b)))),
        "mul.rz.f32" => binary(|a: f32, b: f32| canonical(mul_f32(a, b, Direction::Zero))),
        "mul.rm.f32" => binary(|a: f32, b: f32| canonical(mul_f32(a, b, Direction::Down))),
        "mul.rp.f32" => binary(|a: f32, b: f32| canonical(mul_f32(a, b, Direction::Up))),
        "mul.sat.f32" | "mul.rn.sat.f32" => binary(|a: f32, b: f32| saturate(a * b)),
        "fma.rn.f32" | "mad.f32" | "mad.rn.f32" => ternary(|a: f32, b: f32, c: f32| canonical(a.mul_add(b, c))),
        "fma.rn.f64" | "mad.rn.f64" => ternary(f64::mul_add),
        "fma.rn.ftz.f32" => ternary(|a: f32, b: f32, c: f32| flush(canonical(flush(a).mul_add(flush(b), flush(c))))),
        "fma.rz.f32" => ternary(|a: f32, b: f32, c: f32| canonical(fma_f32(a, b, c, Direction::Zero))),
        "fma.rm.f32" => ternary(|a: f32, b: f32, c: f32| canonical(fma_f32(a, b, c, Direction::Down))),
        "fma.rp.f32" => ternary(|a: f32, b: f32, c: f32| canonical(fma_f32(a, b, c, Direction::Up))),
        "fma.rn.sat.f32" => ternary(|a: f32, b: f32, c: f32| saturate(a.mul_add(b, c))),
        "div.rn.f32" => binary(|a: f32, b: f32| canonical(a / b)),
        "div.rn.f64" => binary(|a: f64, b: f64| a / b),
        "rcp.rn.f32" => unary(|a: f32| canonical(1.0 / a)),
        "rcp.rn.f64" => unary(|a: f64| 1.0 / a),
        "sqrt.rn.f32" => unary(|a: f32| canonical(a.sqrt())),
        "sqrt.rn.f64" => unary(f64::sqrt),
        "abs.f32" => unary(f32::abs),
        "abs.f64" => unary(f64::abs),
        "neg.f32" => unary(|a: f32| -a),
        "neg.f64" => unary(|a: f64| -a),
        "min.f32" => binary(|a: f32, b: f32| canonical(if smaller(a.into(), b.into()) { a } else { b })),
        "min.f64" => binary(|a: f64, b: f64| if smaller(a, b) { a } else { b }),
        "max.f32" => binary(|a: f32, b: f32| canonical(if larger(a.into(), b.into()) { a } else { b })),
        "max.f64" => binary(|a: f64, b: f64| if larger(a, b) { a } else { b }),
        "copysign.f32" => binary(|a: f32, b: f32| b.copysign(a)),
        "copysign.f64" => binary(|a: f64, b: f64| b.copysign(a)),
        "testp.finite.f32" => unary(f32::is_finite),
        "testp.infinite.f32" => unary(f32::is_infinite),
        "testp.number.f32" => unary(|a: f32| !a.is_nan()),
        "testp.notanumber.f32" => unary(f32::is_nan),
        "testp.normal.f32" => unary(f32::is_normal),
        "testp.subnormal.f32" => unary(f32::is_subnormal),
        _ => return None,
    })
}

/// The only NaN that f32 arithmetic makes.
pub(super) fn canonical(x: f32) -> f32 {
    if x.is_nan() { f32::from_bits(0x7fff_ffff) } else { x }
}

/// Denormals become zero with their sign.
pub(super) fn flush(x: f32) -> f32 {
    if x.is_subnormal() { 0.0_f32.copysign(x) } else { x }
}

/// Into 0 to 1; NaN becomes 0.
pub(super) fn saturate(x: f32) -> f32 {
    if x > 0.0 { x.min(1.0) } else { 0.0 }
}

/// Whether `min` takes `a`: a number goes before NaN, and -0 is smaller than 0.
fn smaller(a: f64, b: f64) -> bool {
    b.is_nan() || a < b || (a == b && a.is_sign_negative())
}

fn larger(a: f64, b: f64) -> bool {
    b.is_nan() || a > b || (a == b && a.is_sign_positive())
}

#[cfg(test)]
mod tests {
    use crate::decode::testing::{Case, check};

    const NAN: u64 = 0x7fc0_0001;
    const CANON: u64 = 0x7fff_ffff;
    const ONE: u64 = 0x3f80_0000;
    const TWO: u64 = 0x4000_0000;
    const THREE: u64 = 0x4040_0000;
    const INF: u64 = 0x7f80_0000;
    /// The smallest denormal, and 2^-24, half a unit in the last place of 1.
    const TINY: u64 = 1;
    const HALF_ULP: u64 = 0x3380_0000;
    const NEG: u64 = 0x8000_0000;
    const D1: u64 = 0x3ff0_0000_0000_0000;
    const D2: u64 = 0x4000_0000_0000_0000;
    const D3: u64 = 0x4008_0000_0000_0000;
    const DNAN: u64 = 0x7ff8_0000_0000_0000;
    const DNEG: u64 = 1 << 63;
    const DMAX: u64 = 0x7fef_ffff_ffff_ffff;

    const CASES: &[Case] = &[
        ("add.f32", &[ONE, TWO], THREE),
        ("add.f32", &[NAN, ONE], CANON),
        ("add.f32", &[TINY, TINY], 2),
        ("add.rn.f32", &[ONE, HALF_ULP], ONE),
        ("add.f64", &[D1, D2], D3),
        ("add.rn.f64", &[D1, D1], D2),
        ("add.ftz.f32", &[TINY, TINY], 0),
        ("add.rn.ftz.f32", &[TINY, ONE], ONE),
        ("add.rz.f32", &[ONE, HALF_ULP + 1], ONE),
        ("add.rz.f32", &[INF, INF | NEG], CANON),
        ("add.rm.f32", &[ONE, TINY | NEG], ONE - 1),
        ("add.rm.f32", &[ONE, ONE | NEG], NEG),
        ("add.rp.f32", &[ONE, TINY], ONE + 1),
        ("add.rz.f64", &[D1, 1 | DNEG], D1 - 1),
        ("add.rz.f64", &[DMAX, DMAX], DMAX),
        ("add.rm.f64", &[D1, 1], D1),
        ("add.rm.f64", &[D1, D1 | DNEG], DNEG),
        ("add.rp.f64", &[D1, 1], D1 + 1),
        ("add.rp.f64", &[DMAX | DNEG, DMAX | DNEG], DMAX | DNEG),
        ("add.sat.f32", &[ONE, TWO], ONE),
        ("add.rn.sat.f32", &[NAN, TWO], 0),
        ("sub.f32", &[THREE, ONE], TWO),
        ("sub.rn.f32", &[INF, INF], CANON),
        ("sub.f64", &[D3, D1], D2),
        ("sub.rn.f64", &[D2, D1], D1),
        ("sub.ftz.f32", &[TINY | NEG, 0], NEG),
        ("sub.rn.ftz.f32", &[ONE, TINY], ONE),
        ("sub.sat.f32", &[ONE, TWO], 0),
        ("sub.rn.sat.f32", &[THREE, ONE], ONE),
        ("mul.f32", &[ONE, THREE], THREE),
        ("mul.f32", &[0, INF], CANON),
        ("mul.rn.f32", &[0x0080_0000, 0x3f00_0000], 0x0040_0000),
        ("mul.f64", &[D1, D3], D3),
        ("mul.rn.f64", &[D1, D2], D2),
        ("mul.ftz.f32", &[0x0080_0000, 0x3f00_0000], 0),
        ("mul.rn.ftz.f32", &[TINY, THREE], 0),
        ("mul.rz.f32", &[ONE + 1, ONE + 1], ONE + 2),
        ("mul.rm.f32", &[ONE + 1, (ONE + 1) | NEG], (ONE + 3) | NEG),
        ("mul.rp.f32", &[ONE + 1, ONE + 1], ONE + 3),
        ("mul.sat.f32", &[TWO, TWO], ONE),
        ("mul.rn.sat.f32", &[TWO, TWO | NEG], 0),
        // (1 + u)(1 - u) - 1 = -u*u, which two roundings would lose.
        ("fma.rn.f32", &[ONE + 1, ONE - 2, ONE | NEG], 0xa880_0000),
        ("mad.f32", &[TWO, ONE, ONE], THREE),
        ("mad.rn.f32", &[ONE, ONE, ONE], TWO),
        ("fma.rn.f64", &[D1, D2, D1], D3),
        ("mad.rn.f64", &[D1, D1, D1], D2),
        ("fma.rn.ftz.f32", &[TINY, ONE, 0], 0),
        ("fma.rz.f32", &[ONE, ONE, TINY | NEG], ONE - 1),
        ("fma.rm.f32", &[ONE, ONE, TINY], ONE),
        ("fma.rp.f32", &[ONE, ONE, TINY], ONE + 1),
        ("fma.rn.sat.f32", &[TWO, TWO, ONE], ONE),
        ("div.rn.f32", &[ONE, THREE], 0x3eaa_aaab),
        ("div.rn.f64", &[D1, D3], 0x3fd5_5555_5555_5555),
        ("rcp.rn.f32", &[THREE], 0x3eaa_aaab),
        ("rcp.rn.f32", &[NEG], INF | NEG),
        ("rcp.rn.f64", &[D3], 0x3fd5_5555_5555_5555),
        ("sqrt.rn.f32", &[TWO], 0x3fb5_04f3),
        ("sqrt.rn.f32", &[ONE | NEG], CANON),
        ("sqrt.rn.f64", &[D2], 0x3ff6_a09e_667f_3bcd),
        ("abs.f32", &[ONE | NEG], ONE),
        ("abs.f64", &[D1 | DNEG], D1),
        ("neg.f32", &[ONE], ONE | NEG),
        ("neg.f64", &[D1], D1 | DNEG),
        ("min.f32", &[NAN, ONE], ONE),
        ("min.f32", &[0, NEG], NEG),
        ("min.f32", &[NAN, NAN], CANON),
        ("min.f64", &[D1, DNAN], D1),
        ("max.f32", &[ONE, NAN], ONE),
        ("max.f32", &[NEG, 0], 0),
        ("max.f64", &[D1, D2], D2),
        ("copysign.f32", &[NEG, ONE], ONE | NEG),
        ("copysign.f64", &[DNEG, D1], D1 | DNEG),
        ("testp.finite.f32", &[ONE], 1),
        ("testp.infinite.f32", &[INF], 1),
        ("testp.number.f32", &[NAN], 0),
        ("testp.notanumber.f32", &[NAN], 1),
        ("testp.normal.f32", &[TINY], 0),
        ("testp.subnormal.f32", &[TINY], 1),
    ];

    #[test]
    fn every_opcode() {
        check(super::find, include_str!("float.rs"), CASES);
    }
}
