//! Reads the kernels' names and parameter lists from PTX.
//!
//! Only the heads of `.entry` functions are read; for the rest the driver has a compiler. The grammar is in NVIDIA's "Parallel
//! Thread Execution ISA", section 5.4.

use crate::launch::Kind;

/// A kernel's name and the kinds of its parameters, in order; a parameter of another kind is `None`.
pub(crate) type Entry<'a> = (&'a str, Vec<Option<Kind>>);

/// All kernels of a PTX text.
pub(crate) fn entries(ptx: &str) -> impl Iterator<Item = Entry<'_>> {
    ptx.split(".entry ").skip(1).filter_map(|text| {
        let (name, rest) = text.split_once('(')?;
        let (parameters, _) = rest.split_once(')')?;
        let parameters = parameters.split(',').map(str::trim).filter(|parameter| !parameter.is_empty());
        Some((name.trim(), parameters.map(kind).collect()))
    })
}

/// `.param .u64 name`, or `.param .align 4 .b8 name[48]` for a structure.
fn kind(parameter: &str) -> Option<Kind> {
    let mut words = parameter.split_whitespace();
    match (words.next()?, words.next()?) {
        (".param", ".u64") => Some(Kind::Address),
        (".param", ".u32") => Some(Kind::Count),
        (".param", ".f64") => Some(Kind::Coefficient),
        (".param", ".align") => {
            let (_, size) = parameter.split_once('[')?;
            size.strip_suffix(']')?.parse().ok().map(Kind::Structure)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_of_kernels_are_read() {
        let ptx = ".version 7.8\n.visible .entry a_f32(\n\t.param .u64 a_0,\n\t.param .u32 a_1,\n\t.param .f64 a_2\n)\n{ ret; }
            .visible .entry b_f32(\n\t.param .align 4 .b8 b_0[48],\n\t.param .f32 b_1\n)\n{ ret; }\n.entry c()\n{ }";
        let expected: [Entry; 3] = [
            ("a_f32", vec![Some(Kind::Address), Some(Kind::Count), Some(Kind::Coefficient)]),
            ("b_f32", vec![Some(Kind::Structure(48)), None]),
            ("c", vec![]),
        ];
        assert_eq!(entries(ptx).collect::<Vec<_>>(), expected);
    }
}
