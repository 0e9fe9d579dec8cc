//! `cvt` and `mov` between types.
//!
//! Opcodes are taken apart here rather than listed, since types, roundings and saturation combine to several hundred.
//! A float becomes an integer by saturation, and NaN becomes 0, as PTX says and as Rust's `as` does.

use super::{
    float::{canonical, flush, saturate},
    rounding::{Direction, round},
};
use crate::lanes::{Alu, Lane, unary};

/// `cvt[.rounding][.ftz][.sat].to.from`
pub(super) fn find(opcode: &str) -> Option<Alu> {
    let parts: Vec<&str> = opcode.strip_prefix("cvt.")?.split('.').collect();
    let (modifiers, [to, from]) = parts.split_last_chunk::<2>()?;
    let mut modifiers = modifiers.to_vec();
    let mut take = |name: &str| {
        let found = modifiers.iter().position(|other| *other == name);
        found.map(|at| modifiers.remove(at)).is_some()
    };
    let (ftz, sat) = (take("ftz"), take("sat"));
    let rounding = match modifiers[..] {
        [] => "",
        [rounding] => rounding,
        _ => return None,
    };
    match (is_float(to), is_float(from)) {
        (true, true) => float_to_float(to, from, rounding, ftz, sat),
        (false, true) => float_to_integer(to, from, rounding, ftz),
        (true, false) if rounding == "rn" && !sat && !ftz => integer_to_float(to, from),
        (false, false) if rounding.is_empty() && !ftz => integer_to_integer(to, from, sat),
        _ => None,
    }
}

fn is_float(ty: &str) -> bool {
    ty.starts_with('f')
}

/// The rounding to an integral value that a modifier asks for.
fn integral(rounding: &str) -> Option<fn(f64) -> f64> {
    Some(match rounding {
        "rni" => f64::round_ties_even,
        "rzi" => f64::trunc,
        "rmi" => f64::floor,
        "rpi" => f64::ceil,
        _ => return None,
    })
}

fn float_to_float(to: &str, from: &str, rounding: &str, ftz: bool, sat: bool) -> Option<Alu> {
    let flushed = move |x: f32| if ftz { flush(x) } else { x };
    let direction = match rounding {
        "rz" => Some(Direction::Zero),
        "rm" => Some(Direction::Down),
        "rp" => Some(Direction::Up),
        _ => None,
    };
    let limit = move |x: f32| if sat { saturate(x) } else { canonical(x) };
    Some(match (to, from, rounding) {
        ("f32", "f32", "") => unary(move |a: f32| limit(flushed(a))),
        ("f32", "f32", _) => {
            let integral = integral(rounding)?;
            unary(move |a: f32| limit(integral(flushed(a).into()) as f32))
        }
        ("f64", "f64", "") if !sat => unary(|a: f64| a),
        ("f64", "f64", _) if !sat => unary(integral(rounding)?),
        ("f64", "f32", "") if !sat => unary(move |a: f32| f64::from(flushed(a))),
        ("f32", "f64", "rn") => unary(move |a: f64| flushed(limit(a as f32))),
        ("f32", "f64", _) => {
            let direction = direction?;
            let cut = move |a: f64| if a.is_finite() && a != 0.0 { round(a, 0.0, direction) } else { a as f32 };
            unary(move |a: f64| flushed(limit(cut(a))))
        }
        _ => return None,
    })
}

fn float_to_integer(to: &str, from: &str, rounding: &str, ftz: bool) -> Option<Alu> {
    let integral = integral(rounding)?;
    match from {
        "f32" if ftz => float_into(to, move |a: f32| integral(flush(a).into())),
        "f32" => float_into(to, move |a: f32| integral(a.into())),
        "f64" if !ftz => float_into(to, integral),
        _ => None,
    }
}

fn float_into<A: Lane>(to: &str, value: impl Fn(A) -> f64 + Send + Sync + 'static) -> Option<Alu> {
    Some(match to {
        "u8" => unary(move |a| value(a) as u8),
        "s8" => unary(move |a| value(a) as i8),
        "u16" => unary(move |a| value(a) as u16),
        "s16" => unary(move |a| value(a) as i16),
        "u32" => unary(move |a| value(a) as u32),
        "s32" => unary(move |a| value(a) as i32),
        "u64" => unary(move |a| value(a) as u64),
        "s64" => unary(move |a| value(a) as i64),
        _ => return None,
    })
}

fn integer_to_float(to: &str, from: &str) -> Option<Alu> {
    Some(match (to, from) {
        ("f32", "u8") => unary(|a: u8| f32::from(a)),
        ("f32", "s8") => unary(|a: i8| f32::from(a)),
        ("f32", "u16") => unary(|a: u16| f32::from(a)),
        ("f32", "s16") => unary(|a: i16| f32::from(a)),
        ("f32", "u32") => unary(|a: u32| a as f32),
        ("f32", "s32") => unary(|a: i32| a as f32),
        ("f32", "u64") => unary(|a: u64| a as f32),
        ("f32", "s64") => unary(|a: i64| a as f32),
        ("f64", "u8") => unary(|a: u8| f64::from(a)),
        ("f64", "s8") => unary(|a: i8| f64::from(a)),
        ("f64", "u16") => unary(|a: u16| f64::from(a)),
        ("f64", "s16") => unary(|a: i16| f64::from(a)),
        ("f64", "u32") => unary(|a: u32| f64::from(a)),
        ("f64", "s32") => unary(|a: i32| f64::from(a)),
        ("f64", "u64") => unary(|a: u64| a as f64),
        ("f64", "s64") => unary(|a: i64| a as f64),
        _ => return None,
    })
}

fn integer_to_integer(to: &str, from: &str, sat: bool) -> Option<Alu> {
    match from {
        "u8" => integer_into::<u8>(to, sat),
        "u16" => integer_into::<u16>(to, sat),
        "u32" => integer_into::<u32>(to, sat),
        "u64" => integer_into::<u64>(to, sat),
        "s8" => integer_into::<i8>(to, sat),
        "s16" => integer_into::<i16>(to, sat),
        "s32" => integer_into::<i32>(to, sat),
        "s64" => integer_into::<i64>(to, sat),
        _ => None,
    }
}

fn integer_into<A: Lane + Into<i128>>(to: &str, sat: bool) -> Option<Alu> {
    // `to_lane` extends a value over the lane by its own sign, so cutting that is the conversion.
    Some(match (to, sat) {
        ("u8", false) => unary(|a: A| a.to_lane() as u8),
        ("u16", false) => unary(|a: A| a.to_lane() as u16),
        ("u32", false) => unary(|a: A| a.to_lane() as u32),
        ("u64" | "s64", false) => unary(|a: A| a.to_lane()),
        ("s8", false) => unary(|a: A| a.to_lane() as i8),
        ("s16", false) => unary(|a: A| a.to_lane() as i16),
        ("s32", false) => unary(|a: A| a.to_lane() as i32),
        ("u8", true) => unary(|a: A| a.into().clamp(0, 0xff) as u8),
        ("u16", true) => unary(|a: A| a.into().clamp(0, 0xffff) as u16),
        ("u32", true) => unary(|a: A| a.into().clamp(0, u32::MAX.into()) as u32),
        ("u64", true) => unary(|a: A| a.into().clamp(0, u64::MAX.into()) as u64),
        ("s8", true) => unary(|a: A| a.into().clamp(i8::MIN.into(), i8::MAX.into()) as i8),
        ("s16", true) => unary(|a: A| a.into().clamp(i16::MIN.into(), i16::MAX.into()) as i16),
        ("s32", true) => unary(|a: A| a.into().clamp(i32::MIN.into(), i32::MAX.into()) as i32),
        ("s64", true) => unary(|a: A| a.into().clamp(i64::MIN.into(), i64::MAX.into()) as i64),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::testing::{Case, apply, check};

    const M1: u64 = u64::MAX;
    const NAN: u64 = 0x7fc0_0000;

    /// One case for each kind of source, target, rounding and saturation.
    const CASES: &[Case] = &[
        ("cvt.u64.u32", &[0xffff_ffff_0000_0001], 1),
        ("cvt.s64.s32", &[0xffff_ffff], M1),
        ("cvt.u32.u64", &[0x1_0000_0005], 5),
        ("cvt.s64.s8", &[0x80], M1 << 7),
        ("cvt.u16.u32", &[0x1_2345], 0x2345),
        ("cvt.s32.s16", &[0xffff], 0xffff_ffff),
        ("cvt.u32.s16", &[0xffff], 0xffff_ffff),
        ("cvt.u32.u16", &[0xffff], 0xffff),
        ("cvt.u8.u32", &[0x123], 0x23),
        ("cvt.s8.s32", &[0x80], 0x80),
        ("cvt.u16.u8", &[0x1ff], 0xff),
        ("cvt.s16.s8", &[0xff], 0xffff),
        ("cvt.sat.u8.s32", &[M1], 0),
        ("cvt.sat.s8.s32", &[200], 127),
        ("cvt.sat.u16.s32", &[70_000], 0xffff),
        ("cvt.sat.s16.s32", &[70_000], 0x7fff),
        ("cvt.sat.u32.s64", &[M1], 0),
        ("cvt.sat.s32.u32", &[M1], 0x7fff_ffff),
        ("cvt.sat.u64.s64", &[M1], 0),
        ("cvt.sat.s64.u64", &[M1], M1 >> 1),
        ("cvt.rn.f32.s32", &[0xffff_ffff], 0xbf80_0000),
        ("cvt.rn.f32.u32", &[0xffff_ffff], 0x4f80_0000),
        ("cvt.rn.f32.s64", &[M1], 0xbf80_0000),
        ("cvt.rn.f32.u64", &[M1], 0x5f80_0000),
        ("cvt.rn.f32.u8", &[0x1ff], 0x437f_0000),
        ("cvt.rn.f32.s8", &[0xff], 0xbf80_0000),
        ("cvt.rn.f32.u16", &[0xffff], 0x477f_ff00),
        ("cvt.rn.f32.s16", &[0xffff], 0xbf80_0000),
        ("cvt.rn.f64.s32", &[0xffff_ffff], 0xbff0_0000_0000_0000),
        ("cvt.rn.f64.u32", &[1], 0x3ff0_0000_0000_0000),
        ("cvt.rn.f64.s64", &[M1], 0xbff0_0000_0000_0000),
        ("cvt.rn.f64.u64", &[M1], 0x43f0_0000_0000_0000),
        ("cvt.rzi.s32.f32", &[0xbfc0_0000], 0xffff_ffff),
        ("cvt.rni.s32.f32", &[0x4020_0000], 2),
        ("cvt.rmi.s32.f32", &[0xbfc0_0000], 0xffff_fffe),
        ("cvt.rpi.s32.f32", &[0x3fc0_0000], 2),
        ("cvt.rzi.s32.f32", &[NAN], 0),
        ("cvt.rzi.s32.f32", &[0x7f80_0000], 0x7fff_ffff),
        ("cvt.rzi.u32.f32", &[0xbf80_0000], 0),
        ("cvt.rzi.ftz.u32.f32", &[1], 0),
        ("cvt.rpi.u32.f32", &[1], 1),
        ("cvt.rzi.u64.f32", &[0x5f80_0000], M1),
        ("cvt.rzi.s64.f64", &[0xc008_0000_0000_0000], M1 - 2),
        ("cvt.rni.s32.f64", &[0x3ff8_0000_0000_0000], 2),
        ("cvt.rzi.u8.f32", &[0x4380_0000], 255),
        ("cvt.rzi.s16.f32", &[0xc7ff_ff00], 0x8000),
        ("cvt.f64.f32", &[1], 0x36a0_0000_0000_0000),
        ("cvt.ftz.f64.f32", &[1], 0),
        ("cvt.rn.f32.f64", &[0x3ff0_0000_1000_0000], 0x3f80_0000),
        ("cvt.rn.f32.f64", &[0x3ff0_0000_3000_0000], 0x3f80_0002),
        ("cvt.rz.f32.f64", &[0x3ff0_0000_3fff_ffff], 0x3f80_0001),
        ("cvt.rm.f32.f64", &[0xbff0_0000_0000_0001], 0xbf80_0001),
        ("cvt.rp.f32.f64", &[0x3ff0_0000_0000_0001], 0x3f80_0001),
        ("cvt.sat.f32.f32", &[0x4000_0000], 0x3f80_0000),
        ("cvt.sat.f32.f32", &[NAN], 0),
        ("cvt.ftz.f32.f32", &[1], 0),
        ("cvt.rn.sat.f32.f64", &[0x4000_0000_0000_0000], 0x3f80_0000),
        ("cvt.rni.f32.f32", &[0x4020_0000], 0x4000_0000),
        ("cvt.rzi.f32.f32", &[0xbfc0_0000], 0xbf80_0000),
        ("cvt.rmi.f32.f32", &[0xbfc0_0000], 0xc000_0000),
        ("cvt.rpi.f32.f32", &[0x3fc0_0000], 0x4000_0000),
        ("cvt.rni.f64.f64", &[0x3ff8_0000_0000_0000], 0x4000_0000_0000_0000),
        ("cvt.rmi.f64.f64", &[0x3ff8_0000_0000_0000], 0x3ff0_0000_0000_0000),
    ];

    #[test]
    fn kinds() {
        check(find, "", CASES);
    }

    #[test]
    fn refused() {
        for opcode in ["cvt.f32.f16", "cvt.rn.s32.f32", "cvt.rz.f32.s32", "cvt.f32.f64", "cvt.rni.s32.s32", "cvt.u32"] {
            assert!(find(opcode).is_none(), "{opcode}");
        }
    }

    #[test]
    fn every_pair_of_integers() {
        let types = ["u8", "s8", "u16", "s16", "u32", "s32", "u64", "s64"];
        for from in types {
            for to in types {
                for value in [0, 1, 0x7f, 0x80, 0xff, 0x8000, 0xffff, 1 << 31, 0xffff_ffff, 1 << 63, M1] {
                    let found = apply(find, &format!("cvt.{to}.{from}"), &[value]);
                    let width = |ty: &str| ty[1..].parse::<u32>().unwrap();
                    let shift = 64 - width(from);
                    let wide = if from.starts_with('s') {
                        ((value << shift) as i64 >> shift) as u64
                    } else {
                        value << shift >> shift
                    };
                    let mask = M1 >> (64 - width(to));
                    assert_eq!(found & mask, wide & mask, "cvt.{to}.{from} of {value:#x}");
                }
            }
        }
    }
}
