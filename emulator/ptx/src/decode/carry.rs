//! Arithmetic with a carry: `add.cc`, `addc`, `sub.cc`, `subc`, `mad.cc`, `madc`. The carry is a row of its own.

use crate::lanes::{Alu, quaternary};

/// How a carrying instruction is made of plain ones: the result, and the carry if it is kept. Both take the operands (a and b,
/// or a, b and c) followed by the carry that comes in.
pub(super) struct Carrying {
    pub(super) operands: usize,
    pub(super) value: Alu,
    pub(super) carry: Option<Alu>,
}

pub(super) fn find(opcode: &str) -> Option<Carrying> {
    let parts: Vec<&str> = opcode.split('.').collect();
    let (name, ty) = (*parts.first()?, *parts.last()?);
    let keeps = parts.contains(&"cc");
    let high = parts.contains(&"hi");
    let known = match parts[1..parts.len() - 1] {
        [] | ["cc"] => matches!(name, "add" | "addc" | "sub" | "subc"),
        ["lo" | "hi"] | ["lo" | "hi", "cc"] => matches!(name, "mad" | "madc"),
        _ => false,
    };
    // Signed and unsigned sums have the same bits; the upper half of a product has not.
    let width = match ty {
        "u32" => 32,
        "s32" if !high => 32,
        "u64" => 64,
        "s64" if !high => 64,
        _ => return None,
    };
    if !known || !(keeps || name.ends_with('c')) {
        return None;
    }
    let takes = name.ends_with('c');
    let operands = if name.starts_with("mad") { 3 } else { 2 };
    let subtracts = name.starts_with("sub");
    // Exact in 128 bits: what lies above the width is the carry; below zero all of it is ones, of which one is the borrow.
    let exact = move |a: u64, b: u64, c: u64, d: u64| {
        let cut = |x: u64| u128::from(x) & ((1 << width) - 1);
        let coming_in = if operands == 3 { d } else { c };
        let carry = if takes { u128::from(coming_in & 1) } else { 0 };
        match (operands, high) {
            (3, false) => (cut(a) * cut(b)) % (1 << width) + cut(c) + carry,
            (3, true) => ((cut(a) * cut(b)) >> width) + cut(c) + carry,
            _ if subtracts => cut(a).wrapping_sub(cut(b)).wrapping_sub(carry),
            _ => cut(a) + cut(b) + carry,
        }
    };
    let value = quaternary(move |a: u64, b: u64, c: u64, d: u64| (exact(a, b, c, d) & ((1 << width) - 1)) as u64);
    let carry =
        keeps.then(|| quaternary(move |a: u64, b: u64, c: u64, d: u64| (exact(a, b, c, d) >> width) as u64 & 1));
    Some(Carrying { operands, value, carry })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lanes::LANES;

    /// Value and carry.
    fn apply(opcode: &str, operands: [u64; 4]) -> (u64, Option<u64>) {
        let found = find(opcode).unwrap_or_else(|| panic!("`{opcode}` is unknown"));
        let rows = operands.map(|operand| [operand; LANES]);
        let run = |alu: &Alu| {
            let mut to = [0; LANES];
            alu(&rows.each_ref(), &mut to);
            to[3]
        };
        (run(&found.value), found.carry.as_ref().map(run))
    }

    #[test]
    fn every_opcode() {
        const M: u64 = 0xffff_ffff;
        assert_eq!(apply("add.cc.u32", [M, 2, 9, 9]), (1, Some(1)));
        assert_eq!(apply("add.cc.s32", [3, 2, 1, 9]), (5, Some(0)));
        assert_eq!(apply("add.cc.u64", [u64::MAX, 2, 0, 0]), (1, Some(1)));
        assert_eq!(apply("addc.u32", [M, 2, 1, 0]), (2, None));
        assert_eq!(apply("addc.cc.u32", [M, 0, 1, 0]), (0, Some(1)));
        assert_eq!(apply("addc.cc.s64", [u64::MAX, 0, 1, 0]), (0, Some(1)));
        assert_eq!(apply("sub.cc.u32", [1, 2, 1, 0]), (M, Some(1)));
        assert_eq!(apply("sub.cc.u32", [2, 1, 1, 0]), (1, Some(0)));
        assert_eq!(apply("subc.u32", [5, 2, 1, 0]), (2, None));
        assert_eq!(apply("subc.cc.u32", [0, 0, 1, 0]), (M, Some(1)));
        assert_eq!(apply("subc.cc.u64", [0, 0, 1, 0]), (u64::MAX, Some(1)));
        assert_eq!(apply("mad.lo.cc.u32", [M, M, M, 1]), (0, Some(1)));
        assert_eq!(apply("mad.lo.cc.s32", [2, 3, 4, 1]), (10, Some(0)));
        assert_eq!(apply("mad.hi.cc.u32", [M, M, 2, 1]), (0, Some(1)));
        assert_eq!(apply("madc.lo.cc.u32", [2, 3, 4, 1]), (11, Some(0)));
        assert_eq!(apply("madc.hi.u32", [M, M, 1, 1]), (0, None));
        assert_eq!(apply("madc.hi.cc.u32", [M, M, 1, 1]), (0, Some(1)));
        assert_eq!(apply("madc.hi.cc.u64", [u64::MAX, u64::MAX, 1, 1]), (0, Some(1)));
        for refused in ["add.u32", "madc.hi.s32", "addc.wide.u32", "mul.cc.u32", "addc.u16"] {
            assert!(find(refused).is_none(), "{refused}");
        }
    }
}
