//! Rules that look at one file at a time.

use super::{
    Violation,
    tree::{SourceFile, Tree},
};

/// The only modules in which `unsafe` may be written.
const UNSAFE_MODULES: &[&str] = &[
    "crates/backend-cpu/src/isa.rs",
    "crates/backend-cpu/src/memory.rs",
    "crates/backend-cpu/src/threads.rs",
    "crates/backend-cpu/src/threads/slices.rs",
    "crates/backend-cpu/src/vector.rs",
    "crates/backend-cuda/src/blas.rs",
    "crates/backend-cuda/src/driver.rs",
    "crates/backend-cuda/src/launch.rs",
    "crates/backend-cuda/src/libraries.rs",
    "emulator/fake-cuda/src/control.rs",
    "emulator/fake-cuda/src/exit.rs",
    "emulator/fake-cuda/src/ffi/commands.rs",
    "emulator/fake-cuda/src/ffi/cublas.rs",
    "emulator/fake-cuda/src/ffi/device.rs",
    "emulator/fake-cuda/src/ffi/memory.rs",
    "emulator/fake-cuda/src/ffi/mod.rs",
    "emulator/fake-cuda/src/ffi/module.rs",
    "emulator/fake-cuda/src/ffi/stream.rs",
    "emulator/fake-cuda/src/work.rs",
    "emulator/fake-cuda/tests/driver.rs", // calls of the driver
    "tests/tests/allocations.rs",         // a global allocator that counts
];

/// Crates that see no files, no clock and no other process.
const LOWER_FLOORS: &[&str] = &["crates/core-tensor/", "crates/backend-", "crates/layers/"];

const MAX_LINES: usize = 600;

/// Every Rust file opens with `//!`: why it exists and what was rejected.
pub(super) fn files_say_why_they_exist(tree: &Tree) -> Vec<Violation> {
    let silent = tree.files.iter().filter(|file| file.is_rust() && !file.text.starts_with("//! "));
    silent.map(|file| violation(file, 0, "the file does not open with `//!` and why it exists")).collect()
}

/// No source file is longer than [`MAX_LINES`].
pub(super) fn files_are_short(tree: &Tree) -> Vec<Violation> {
    let sources = tree.files.iter().filter(|file| [".rs", ".cu", ".cuh", ".py"].iter().any(|e| file.path.ends_with(e)));
    let long = sources.filter(|file| file.text.lines().count() > MAX_LINES);
    long.map(|file| violation(file, MAX_LINES, format!("the file goes on after {MAX_LINES} lines; divide it")))
        .collect()
}

/// `unsafe` stands in a few named modules, and every use says why it is sound or what its caller must keep.
pub(super) fn unsafe_code_is_confined_and_explained(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for file in tree.files.iter().filter(|file| file.is_rust()) {
        for (line, code) in file.code.lines().enumerate() {
            let Some(after) = words(code, "unsafe").next() else { continue };
            if !UNSAFE_MODULES.contains(&file.path.as_str()) {
                violations.push(violation(file, line, "`unsafe` outside the modules that tidy lists for it"));
            } else if !is_pointer_type(after)
                && !after.trim_start().starts_with("(no_mangle)")
                && !is_explained(file, line)
            {
                violations.push(violation(file, line, "`unsafe` without a `SAFETY:` comment or a `# Safety` section"));
            }
        }
    }
    violations
}

/// Libraries log or return; only programs print.
pub(super) fn libraries_do_not_print(tree: &Tree) -> Vec<Violation> {
    let macros = ["println", "eprintln", "print", "eprint", "dbg"];
    in_code(tree, SourceFile::is_library, |code| {
        let found = macros.iter().find(|name| words(code, name).any(|after| after.starts_with('!')))?;
        Some(format!("a library calls `{found}!`; return the text or log it"))
    })
}

/// Below `solver` nobody touches files, the clock, the network or other processes.
pub(super) fn lower_floors_do_not_look_outside(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    let low = |file: &&SourceFile| file.is_library() && LOWER_FLOORS.iter().any(|floor| file.path.starts_with(floor));
    for file in tree.files.iter().filter(low) {
        for (line, module) in std_modules(&file.code) {
            if line < file.lines_before_tests() && ["fs", "time", "process", "net"].contains(&module.as_str()) {
                violations.push(violation(file, line, format!("`std::{module}` below `solver`")));
            }
        }
    }
    violations
}

/// The library behind `io-hdf5` can be exchanged because nobody else names it.
pub(super) fn only_io_hdf5_names_hdf5(tree: &Tree) -> Vec<Violation> {
    let others = |file: &SourceFile| !file.path.starts_with("crates/io-hdf5/");
    in_code(tree, others, |code| {
        let named = words(code, "hdf5").any(|after| after.starts_with("::"));
        let named = named || ["hdf5_pure", "hdf5_metno"].iter().any(|name| words(code, name).next().is_some());
        named.then(|| "only `io-hdf5` knows an HDF5 library".into())
    })
}

/// No placeholder, no test that does not run, no test that passes by panicking.
pub(super) fn nothing_is_left_unfinished(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for file in tree.files.iter().filter(|file| file.is_rust()) {
        for (line, code) in file.code.lines().enumerate() {
            let stub =
                ["todo", "unimplemented"].iter().any(|name| words(code, name).any(|after| after.starts_with('!')));
            let attribute = code.trim_start().starts_with("#[");
            if stub {
                violations.push(violation(file, line, "a placeholder; finish it or leave it out"));
            } else if attribute && words(code, "ignore").next().is_some() {
                violations.push(violation(file, line, "a test that does not run"));
            } else if attribute && words(code, "should_panic").next().is_some() {
                violations.push(violation(file, line, "return an error and test for it instead of a panic"));
            }
        }
    }
    violations
}

/// Nothing names a folder that only one machine has.
pub(super) fn no_path_of_one_machine(tree: &Tree) -> Vec<Violation> {
    let folders = ["home", "root", "tmp", "work"].map(|name| format!("/{name}/"));
    let mut violations = Vec::new();
    for file in tree.files.iter().filter(|file| !file.is_test()) {
        let end = if file.is_rust() { file.lines_before_tests() } else { usize::MAX };
        for (line, text) in file.text.lines().enumerate().take(end) {
            // Within a longer path (`target/tmp/`) or an address the folder is not the machine's.
            let starts_path = |at: usize| !text[..at].ends_with(|c: char| c.is_alphanumeric() || "._-~$})".contains(c));
            if folders.iter().any(|folder| text.match_indices(folder.as_str()).any(|(at, _)| starts_path(at))) {
                violations.push(violation(file, line, "an absolute path of one machine"));
            }
        }
    }
    violations
}

/// The tutorial in the README is a test, line for line.
pub(super) fn the_tutorial_is_a_test(tree: &Tree) -> Vec<Violation> {
    let Some(readme) = tree.file("README.md") else { return Vec::new() };
    let test = tree.file("tests/tests/readme.rs").map_or("", |file| &file.text);
    let meaningful = |line: &&str| !line.is_empty();
    let compiled: Vec<&str> = test.lines().map(str::trim).filter(meaningful).collect();
    let mut violations = Vec::new();
    let mut lines = readme.text.lines().enumerate();
    while let Some((start, _)) = lines.by_ref().find(|(_, line)| *line == "```rust") {
        let block = lines.by_ref().map(|(_, line)| line.trim()).take_while(|line| *line != "```");
        let block: Vec<&str> = block.filter(meaningful).collect();
        if !compiled.windows(block.len().max(1)).any(|lines| lines == block) {
            violations.push(violation(readme, start, "this block does not stand in tests/tests/readme.rs"));
        }
    }
    violations
}

/// Applies `rule` to each line of code before the tests, in Rust files that `concerns` picks.
fn in_code(
    tree: &Tree,
    concerns: impl Fn(&SourceFile) -> bool,
    rule: impl Fn(&str) -> Option<String>,
) -> Vec<Violation> {
    let mut violations = Vec::new();
    for file in tree.files.iter().filter(|file| file.is_rust() && concerns(file)) {
        for (line, code) in file.code.lines().enumerate().take(file.lines_before_tests()) {
            violations.extend(rule(code).map(|message| violation(file, line, message)));
        }
    }
    violations
}

/// What follows each use of `word` as a word of its own.
fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = &'a str> {
    let in_name = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word)
        .map(move |(at, _)| (&code[..at], &code[at + word.len()..]))
        .filter(move |(before, after)| !before.ends_with(in_name) && !after.starts_with(in_name))
        .map(|(_, after)| after)
}

/// Whether `unsafe` belongs to the type of a function pointer: `unsafe fn(u8)`, `unsafe extern "C" fn(u8)`.
fn is_pointer_type(after: &str) -> bool {
    let after = after.trim_start();
    after.starts_with("fn(") || (after.starts_with("extern ") && after.contains(" fn("))
}

/// Whether the comment above a line (above the statement that it belongs to) speaks of safety, or that of the `unsafe impl`
/// around it.
fn is_explained(file: &SourceFile, line: usize) -> bool {
    let lines: Vec<&str> = file.text.lines().collect();
    let speaks = |line: &str| line.contains("SAFETY:") || line.contains("# Safety");
    let is_comment = |line: &str| line.starts_with("//") || line.starts_with("#[");
    let mut above = lines[..line].iter().rev().map(|line| line.trim());
    let ends = |line: &str| !is_comment(line) && (line.is_empty() || line.ends_with([';', '{', '}']));
    if speaks(lines[line]) || above.by_ref().take_while(|line| !ends(line)).any(speaks) {
        return true;
    }
    let indent = |line: &str| line.len() - line.trim_start().len();
    let around = |other: &usize| !lines[*other].trim().is_empty() && indent(lines[*other]) < indent(lines[line]);
    let outer = (0..line).rev().find(around);
    outer.is_some_and(|outer| lines[outer].trim_start().starts_with("unsafe impl") && is_explained(file, outer))
}

/// The modules of `std` that a file names, with their lines: from `std::fs::read` as from `use std::{fs, time::Instant}`.
fn std_modules(code: &str) -> Vec<(usize, String)> {
    let name = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut modules = Vec::new();
    for after in words(code, "std").filter_map(|after| after.strip_prefix("::")) {
        let start = code.len() - after.len();
        let line = |at: usize| code[..at].matches('\n').count();
        let Some(group) = after.strip_prefix('{') else {
            modules.push((line(start), name(after)));
            continue;
        };
        let (mut depth, mut expected) = (0, true);
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => expected = true,
                _ if expected && c.is_alphabetic() => {
                    modules.push((line(start + 1 + at), name(&group[at..])));
                    expected = false;
                }
                _ => {}
            }
        }
    }
    modules
}

fn violation(file: &SourceFile, line: usize, message: impl Into<String>) -> Violation {
    Violation { path: file.path.clone(), line: line + 1, message: message.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines (from 1) of one file that break a rule.
    #[track_caller]
    fn check(rule: fn(&Tree) -> Vec<Violation>, path: &str, text: &str, expected: &[usize]) {
        let found: Vec<usize> = rule(&Tree::of(&[(path, text)])).iter().map(|v| v.line).collect();
        assert_eq!(found, expected, "in {path}: {text}");
    }

    #[test]
    fn opening() {
        check(files_say_why_they_exist, "a.rs", "//! Why.\n", &[]);
        check(files_say_why_they_exist, "a.rs", "// Why.\n", &[1]);
        check(files_say_why_they_exist, "a.rs", "", &[1]);
        check(files_say_why_they_exist, "a.md", "", &[]);
    }

    #[test]
    fn length() {
        check(files_are_short, "a.rs", &"\n".repeat(600), &[]);
        check(files_are_short, "a.rs", &"\n".repeat(601), &[601]);
        check(files_are_short, "a.cu", &"\n".repeat(601), &[601]);
        check(files_are_short, "Cargo.lock", &"\n".repeat(6000), &[]);
    }

    #[test]
    fn unsafety() {
        let rule = unsafe_code_is_confined_and_explained;
        let allowed = UNSAFE_MODULES[0];
        check(rule, "a.rs", "// SAFETY: sound.\nunsafe { f() }", &[2]);
        check(rule, "a.rs", "// unsafe\n\"unsafe\"; #![deny(unsafe_code)]", &[]);
        check(rule, allowed, "unsafe { f() }", &[1]);
        check(rule, allowed, "g();\n// SAFETY: sound,\n// indeed.\nlet x =\n    unsafe { f() };", &[]);
        check(rule, allowed, "// SAFETY: sound.\ng();\nunsafe { f() }", &[3]);
        check(rule, allowed, "/// # Safety\n/// Do not.\n#[inline]\nunsafe fn f() {}", &[]);
        check(rule, allowed, "unsafe fn f() {}\nstruct S(unsafe fn(u8));", &[1]);
        check(rule, allowed, "type F = unsafe extern \"C\" fn(u8);\nunsafe extern \"C\" fn f(x: u8) {}", &[2]);
        check(rule, allowed, "unsafe { f() } // SAFETY: sound.", &[]);
        check(rule, allowed, "// SAFETY: sound.\nunsafe impl A for B {\n    unsafe fn f() {}\n}", &[]);
        check(rule, allowed, "unsafe impl A for B {\n    unsafe fn f() {}\n}", &[1, 2]);
        check(rule, allowed, "impl B {\n    unsafe fn f() {}\n}", &[2]);
    }

    #[test]
    fn printing() {
        let rule = libraries_do_not_print;
        check(rule, "crates/a/src/a.rs", "println!();\nx.print();\n// dbg!(x)\neprint!()", &[1, 4]);
        check(rule, "crates/a/src/a.rs", "#[cfg(test)]\nmod tests { fn f() { println!() } }", &[]);
        check(rule, "xtask/src/a.rs", "println!()", &[]);
        check(rule, "crates/a/examples/a.rs", "println!()", &[]);
    }

    #[test]
    fn lower_floors() {
        let rule = lower_floors_do_not_look_outside;
        check(rule, "crates/layers/src/a.rs", "std::fs::read(x);\nuse std::{fmt,\n time::{Instant, fs}};", &[1, 3]);
        check(rule, "crates/layers/src/a.rs", "use std::{sync::{fs}, io};\nuse std::fmt;", &[]);
        check(rule, "crates/solver/src/a.rs", "use std::time::Instant;", &[]);
        check(rule, "crates/layers/src/a.rs", "#[cfg(test)]\nmod tests { use std::fs; }", &[]);
    }

    #[test]
    fn hdf5_names() {
        let rule = only_io_hdf5_names_hdf5;
        check(rule, "crates/solver/src/a.rs", "use hdf5::File;\nuse io_hdf5::Hdf5Data;\nhdf5_metno::f();", &[1, 3]);
        check(rule, "crates/io-hdf5/src/a.rs", "use hdf5::File;", &[]);
    }

    #[test]
    fn placeholders() {
        let rule = nothing_is_left_unfinished;
        check(rule, "a.rs", "todo!()\nlet todo = 1;\n#[ignore = \"slow\"]\n// #[ignore]\n#[should_panic]", &[1, 3, 5]);
    }

    #[test]
    fn machine_paths() {
        let rule = no_path_of_one_machine;
        check(rule, "README.md", "see `/root/x`\nin target/tmp/x\nat https://a.b/home/x\n/work/y", &[1, 4]);
        check(rule, "a/tests/a.rs", "\"/tmp/x\"", &[]);
    }

    #[test]
    fn tutorial() {
        let readme = "```rust\na();\n\nb();\n```\n```sh\nls\n```\n```rust\nb();\nd();\n```\n";
        let test = ("tests/tests/readme.rs", "fn f() {\n    a();\n    b();\n    c();\n}\n");
        let violations = the_tutorial_is_a_test(&Tree::of(&[("README.md", readme), test]));
        assert_eq!(violations.iter().map(|v| v.line).collect::<Vec<_>>(), [9]);
    }
}
