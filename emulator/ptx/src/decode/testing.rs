//! Runs one opcode on given operands, and finds opcodes that no case tries.

use crate::lanes::{Alu, LANES};

/// Opcode, operands, expected result. It is compared over the width of the opcode's first type.
pub(crate) type Case = (&'static str, &'static [u64], u64);

/// Applies the cases. Every opcode that stands in the source before its tests must be among them.
pub(crate) fn check(find: fn(&str) -> Option<Alu>, source: &str, cases: &[Case]) {
    for (opcode, operands, expected) in cases {
        let found = apply(find, opcode, operands);
        let mask = if width(opcode) == 64 { u64::MAX } else { (1 << width(opcode)) - 1 };
        let name = format!("{opcode} {operands:x?}: {found:#x}, not {expected:#x}");
        assert_eq!(found & mask, expected & mask, "{name}");
    }
    let code = source.split("#[cfg(test)]").next().unwrap();
    let quoted = code.split('"').skip(1).step_by(2).filter(|text| text.contains('.') && !text.contains(' '));
    let untried: Vec<&str> = quoted.filter(|opcode| !cases.iter().any(|case| case.0 == *opcode)).collect();
    assert_eq!(untried, [""; 0], "opcodes without a case");
}

/// The result in one lane; the others get operands that must not disturb it.
pub(crate) fn apply(find: fn(&str) -> Option<Alu>, opcode: &str, operands: &[u64]) -> u64 {
    let alu = find(opcode).unwrap_or_else(|| panic!("`{opcode}` is unknown"));
    let row = |at: usize| {
        let mut row = [0; LANES];
        row[7] = operands.get(at).copied().unwrap_or(0);
        row
    };
    let rows = [row(0), row(1), row(2), row(3)];
    let mut to = [0; LANES];
    alu(&rows.each_ref(), &mut to);
    to[7]
}

/// Bits of the result.
fn width(opcode: &str) -> u32 {
    let parts: Vec<&str> = opcode.split('.').collect();
    let types: Vec<u32> = parts.iter().filter_map(|part| part.get(1..)?.parse().ok()).collect();
    match parts[0] {
        "setp" => 1,
        "popc" | "clz" | "bfind" => 32,
        _ if parts.contains(&"pred") => 1,
        _ if parts.contains(&"wide") => 2 * types[0],
        _ => types[0],
    }
}
