//! `setp`: comparisons. With NaN the plain ones are false, the unordered ones (`ltu`) true.

use crate::lanes::{Alu, Lane, binary};
use std::cmp::Ordering::{self, Equal, Greater, Less};

/// `setp.comparison[.ftz].type`, without the boolean operator that may follow the comparison.
pub(super) fn find(opcode: &str) -> Option<Alu> {
    let (comparison, ty) = opcode.strip_prefix("setp.")?.split_once('.')?;
    match ty {
        "u16" => integers::<u16>(unsigned(comparison)?),
        "u32" => integers::<u32>(unsigned(comparison)?),
        "u64" => integers::<u64>(unsigned(comparison)?),
        "s16" => integers::<i16>(signed(comparison)?),
        "s32" => integers::<i32>(signed(comparison)?),
        "s64" => integers::<i64>(signed(comparison)?),
        "b16" if equality(comparison) => integers::<u16>(comparison),
        "b32" if equality(comparison) => integers::<u32>(comparison),
        "b64" if equality(comparison) => integers::<u64>(comparison),
        "f32" => floats::<f32>(comparison),
        "f64" => floats::<f64>(comparison),
        _ => None,
    }
}

fn equality(comparison: &str) -> bool {
    matches!(comparison, "eq" | "ne")
}

fn signed(comparison: &str) -> Option<&str> {
    matches!(comparison, "eq" | "ne" | "lt" | "le" | "gt" | "ge").then_some(comparison)
}

/// Unsigned numbers have names of their own: lower, lower or same, higher, higher or same.
fn unsigned(comparison: &str) -> Option<&str> {
    match comparison {
        "lo" => Some("lt"),
        "ls" => Some("le"),
        "hi" => Some("gt"),
        "hs" => Some("ge"),
        other => signed(other),
    }
}

fn integers<T: Lane + Ord>(comparison: &str) -> Option<Alu> {
    Some(match comparison {
        "eq" => binary(|a: T, b: T| a == b),
        "ne" => binary(|a: T, b: T| a != b),
        "lt" => binary(|a: T, b: T| a < b),
        "le" => binary(|a: T, b: T| a <= b),
        "gt" => binary(|a: T, b: T| a > b),
        "ge" => binary(|a: T, b: T| a >= b),
        _ => return None,
    })
}

fn floats<T: Lane + PartialOrd>(comparison: &str) -> Option<Alu> {
    let holds: fn(Option<Ordering>) -> bool = match comparison {
        "eq" => |o| o == Some(Equal),
        "ne" => |o| matches!(o, Some(Less | Greater)),
        "lt" => |o| o == Some(Less),
        "le" => |o| matches!(o, Some(Less | Equal)),
        "gt" => |o| o == Some(Greater),
        "ge" => |o| matches!(o, Some(Greater | Equal)),
        "equ" => |o| matches!(o, None | Some(Equal)),
        "neu" => |o| o != Some(Equal),
        "ltu" => |o| matches!(o, None | Some(Less)),
        "leu" => |o| o != Some(Greater),
        "gtu" => |o| matches!(o, None | Some(Greater)),
        "geu" => |o| o != Some(Less),
        "num" => |o| o.is_some(),
        "nan" => |o| o.is_none(),
        _ => return None,
    };
    Some(binary(move |a: T, b: T| holds(a.partial_cmp(&b))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::testing::apply;

    /// Results for a < b, a = b, a > b, and NaN.
    const TABLE: &[(&str, [u64; 4])] = &[
        ("eq", [0, 1, 0, 0]),
        ("ne", [1, 0, 1, 0]),
        ("lt", [1, 0, 0, 0]),
        ("le", [1, 1, 0, 0]),
        ("gt", [0, 0, 1, 0]),
        ("ge", [0, 1, 1, 0]),
        ("lo", [1, 0, 0, 0]),
        ("ls", [1, 1, 0, 0]),
        ("hi", [0, 0, 1, 0]),
        ("hs", [0, 1, 1, 0]),
        ("equ", [0, 1, 0, 1]),
        ("neu", [1, 0, 1, 1]),
        ("ltu", [1, 0, 0, 1]),
        ("leu", [1, 1, 0, 1]),
        ("gtu", [0, 0, 1, 1]),
        ("geu", [0, 1, 1, 1]),
        ("num", [1, 1, 1, 0]),
        ("nan", [0, 0, 0, 1]),
    ];

    #[test]
    fn every_comparison_of_every_type() {
        let pairs: &[(&str, [u64; 2], Option<u64>)] = &[
            ("u16", [1, 0xffff], None),
            ("u32", [1, 0xffff_ffff], None),
            ("u64", [1, u64::MAX], None),
            ("s16", [0xffff, 1], None),
            ("s32", [0xffff_ffff, 1], None),
            ("s64", [u64::MAX, 1], None),
            ("b16", [1, 2], None),
            ("b32", [1, 2], None),
            ("b64", [1, 2], None),
            ("f32", [0xbf80_0000, 0x3f80_0000], Some(0x7fc0_0000)),
            ("f64", [(-1.0_f64).to_bits(), 1.0_f64.to_bits()], Some(f64::NAN.to_bits())),
        ];
        for (ty, [small, large], nan) in pairs {
            for (comparison, expected) in TABLE {
                let opcode = format!("setp.{comparison}.{ty}");
                let known = match ty.as_bytes()[0] {
                    b'u' => unsigned(comparison).is_some(),
                    b's' => signed(comparison).is_some(),
                    b'b' => equality(comparison),
                    _ => !matches!(*comparison, "lo" | "ls" | "hi" | "hs"),
                };
                assert_eq!(find(&opcode).is_some(), known, "{opcode}");
                if known {
                    let result = |a: u64, b: u64| apply(find, &opcode, &[a, b]);
                    assert_eq!(
                        [result(*small, *large), result(*small, *small), result(*large, *small)],
                        expected[..3],
                        "{opcode}"
                    );
                    if let Some(nan) = nan {
                        assert_eq!([result(*nan, *small), result(*large, *nan)], [expected[3]; 2], "{opcode} of NaN");
                    }
                }
            }
        }
    }
}
