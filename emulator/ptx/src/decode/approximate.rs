//! The `.approx` instructions. A device computes them to about two units in the last place; here they are computed in double
//! precision and rounded once, so results differ from a device's by as much. Tests must not ask for equal bits.

use super::float::{canonical, flush};
use crate::lanes::{Alu, binary, unary};

pub(super) fn find(opcode: &str) -> Option<Alu> {
    Some(match opcode {
        "ex2.approx.f32" => unary(|a: f32| by_double(a, f64::exp2)),
        "ex2.approx.ftz.f32" => unary(|a: f32| flush(by_double(flush(a), f64::exp2))),
        "lg2.approx.f32" => unary(|a: f32| by_double(a, f64::log2)),
        "lg2.approx.ftz.f32" => unary(|a: f32| flush(by_double(flush(a), f64::log2))),
        "sin.approx.f32" => unary(|a: f32| by_double(a, f64::sin)),
        "sin.approx.ftz.f32" => unary(|a: f32| flush(by_double(flush(a), f64::sin))),
        "cos.approx.f32" => unary(|a: f32| by_double(a, f64::cos)),
        "cos.approx.ftz.f32" => unary(|a: f32| flush(by_double(flush(a), f64::cos))),
        "tanh.approx.f32" => unary(|a: f32| by_double(a, f64::tanh)),
        "rcp.approx.f32" => unary(|a: f32| canonical(1.0 / a)),
        "rcp.approx.ftz.f32" => unary(|a: f32| flush(canonical(1.0 / flush(a)))),
        "rcp.approx.ftz.f64" => unary(upper_half_of_reciprocal),
        "rsqrt.approx.f32" => unary(|a: f32| by_double(a, |a| 1.0 / a.sqrt())),
        "rsqrt.approx.ftz.f32" => unary(|a: f32| flush(by_double(flush(a), |a| 1.0 / a.sqrt()))),
        "rsqrt.approx.f64" => unary(|a: f64| 1.0 / a.sqrt()),
        "sqrt.approx.f32" => unary(|a: f32| by_double(a, f64::sqrt)),
        "sqrt.approx.ftz.f32" => unary(|a: f32| flush(by_double(flush(a), f64::sqrt))),
        "div.approx.f32" | "div.full.f32" => binary(|a: f32, b: f32| canonical(a / b)),
        "div.approx.ftz.f32" | "div.full.ftz.f32" => binary(|a: f32, b: f32| flush(canonical(flush(a) / flush(b)))),
        _ => return None,
    })
}

fn by_double(a: f32, f: impl Fn(f64) -> f64) -> f32 {
    canonical(f(a.into()) as f32)
}

/// Only the upper half of operand and result counts; Newton's iteration that follows makes it exact.
fn upper_half_of_reciprocal(a: f64) -> f64 {
    let upper = |x: f64| f64::from_bits(x.to_bits() & 0xffff_ffff_0000_0000);
    let flushed = |x: f64| if x.is_subnormal() { 0.0_f64.copysign(x) } else { x };
    upper(flushed(1.0 / flushed(upper(a))))
}

#[cfg(test)]
mod tests {
    use crate::decode::testing::{Case, check};

    const ONE: u64 = 0x3f80_0000;
    const TWO: u64 = 0x4000_0000;
    const FOUR: u64 = 0x4080_0000;
    const HALF: u64 = 0x3f00_0000;
    const INF: u64 = 0x7f80_0000;
    const NEG: u64 = 0x8000_0000;

    const CASES: &[Case] = &[
        ("ex2.approx.f32", &[ONE], TWO),
        ("ex2.approx.f32", &[0xc310_0000], 0x20), // 2^-144, a denormal
        ("ex2.approx.ftz.f32", &[0xc310_0000], 0),
        ("lg2.approx.f32", &[FOUR], TWO),
        ("lg2.approx.f32", &[ONE | NEG], 0x7fff_ffff),
        ("lg2.approx.ftz.f32", &[1], INF | NEG),
        ("sin.approx.f32", &[ONE], 0x3f57_6aa4),
        ("sin.approx.ftz.f32", &[1], 0),
        ("cos.approx.f32", &[ONE], 0x3f0a_5140),
        ("cos.approx.ftz.f32", &[1], ONE),
        ("tanh.approx.f32", &[ONE], 0x3f42_f7d6),
        ("rcp.approx.f32", &[TWO], HALF),
        ("rcp.approx.ftz.f32", &[1], INF),
        ("rcp.approx.ftz.f64", &[0x4008_0000_0000_0001], 0x3fd5_5555_0000_0000),
        ("rsqrt.approx.f32", &[FOUR], HALF),
        ("rsqrt.approx.ftz.f32", &[1], INF),
        ("rsqrt.approx.f64", &[0x4010_0000_0000_0000], 0x3fe0_0000_0000_0000),
        ("sqrt.approx.f32", &[FOUR], TWO),
        ("sqrt.approx.ftz.f32", &[1], 0),
        ("div.approx.f32", &[ONE, TWO], HALF),
        ("div.full.f32", &[TWO, ONE], TWO),
        ("div.approx.ftz.f32", &[1, ONE], 0),
        ("div.full.ftz.f32", &[ONE, TWO], HALF),
    ];

    #[test]
    fn every_opcode() {
        check(super::find, include_str!("approximate.rs"), CASES);
    }
}
