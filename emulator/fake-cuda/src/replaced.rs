//! Kernels in place of a module's own, so that a test can try some with a mistake behind a host code that knows nothing of it.

/// The module with those of its entry points replaced that `replacement` has too.
pub(crate) fn replace(module: &str, replacement: &str) -> String {
    let mut text = module.to_owned();
    for (name, entry) in entries(replacement) {
        if let Some((_, own)) = entries(module).into_iter().find(|(other, _)| *other == name) {
            text = text.replacen(own, entry, 1);
        }
    }
    text
}

/// The entry points of a piece of PTX: names, and texts from `.visible .entry` to the closing brace.
fn entries(ptx: &str) -> Vec<(&str, &str)> {
    const BEGIN: &str = "\n.visible .entry ";
    const END: &str = "\n}\n";
    let begins = ptx.match_indices(BEGIN).map(|(at, _)| at);
    let entry = |at: usize| {
        let text = &ptx[at + 1..at + ptx[at..].find(END)? + END.len()];
        let name = text[BEGIN.len() - 1..].split('(').next()?;
        Some((name.trim(), text))
    };
    begins.filter_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_entry_points_of_the_same_name_are_replaced() {
        let module = ".version 7.8\n.visible .entry a(.param .u64 p)\n{\nret;\n}\n.visible .entry ab()\n{\nret;\n}\n";
        let replacement = "// made\n.visible .entry ab()\n{\ntrap;\n}\n.visible .entry c()\n{\nret;\n}\n";
        let expected = module.replace("ab()\n{\nret;", "ab()\n{\ntrap;");
        assert_eq!(replace(module, replacement), expected);
        assert_eq!(replace(module, ""), module);
    }
}
