//! The working tree as rules see it: files as text, and crates with what they depend on.

use crate::error::{About, Error, Result};
use serde_json::Value;
use std::{fs, path::Path, process::Command};

/// All files that git tracks or would add, and all crates of the workspace.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) files: Vec<SourceFile>,
    pub(super) crates: Vec<Crate>,
}

/// A text file.
#[derive(Debug)]
pub(super) struct SourceFile {
    /// From the root of the workspace, with slashes.
    pub(super) path: String,
    pub(super) text: String,
    /// For Rust: the text with comments, strings and characters blanked out, line for line.
    pub(super) code: String,
}

/// A crate of the workspace.
#[derive(Debug)]
pub(super) struct Crate {
    pub(super) name: String,
    /// The path of its Cargo.toml from the root.
    pub(super) manifest: String,
    pub(super) dependencies: Vec<Dependency>,
}

/// What a crate depends on.
#[derive(Debug)]
pub(super) struct Dependency {
    /// The package's own name, whatever it is renamed to.
    pub(super) package: String,
    /// Whether only tests, benches or examples see it.
    pub(super) for_tests: bool,
}

impl Tree {
    /// Reads the workspace that this program was built from.
    pub(super) fn read() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().about("the workspace")?;
        Ok(Tree { files: read_files(&root)?, crates: read_crates(&root)? })
    }

    /// A tree of these files, for tests.
    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|&(path, text)| SourceFile::new(path, text.into())).collect();
        Tree { files, crates: Vec::new() }
    }

    /// The file at this path.
    pub(super) fn file(&self, path: &str) -> Option<&SourceFile> {
        self.files.iter().find(|file| file.path == path)
    }
}

impl SourceFile {
    fn new(path: &str, text: String) -> Self {
        let code = if path.ends_with(".rs") { code_only(&text) } else { String::new() };
        SourceFile { path: path.into(), text, code }
    }

    pub(super) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Whether the file is code of a library; examples and benchmarks beside it are programs.
    pub(super) fn is_library(&self) -> bool {
        self.is_rust() && self.path.starts_with("crates/") && self.path.contains("/src/")
    }

    /// Whether the whole file is for tests.
    pub(super) fn is_test(&self) -> bool {
        self.path.split('/').any(|part| part == "tests" || part == "tests.rs")
    }

    /// How many lines stand before the tests, which are at a file's end.
    pub(super) fn lines_before_tests(&self) -> usize {
        if self.is_test() {
            return 0;
        }
        let lines: Vec<&str> = self.text.lines().collect();
        let starts = |pair: &[&str]| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod ");
        lines.windows(2).position(starts).unwrap_or(lines.len())
    }
}

impl Crate {
    fn new(package: &Value, root: &Path) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let manifest = text(&package["manifest_path"]);
        let relative = Path::new(&manifest).strip_prefix(root).map(|path| path.display().to_string());
        let dependencies = package["dependencies"].as_array().map(Vec::as_slice).unwrap_or_default();
        let dependencies = dependencies
            .iter()
            .map(|d| Dependency { package: text(&d["name"]), for_tests: d["kind"].as_str() == Some("dev") });
        Crate {
            name: text(&package["name"]),
            manifest: relative.unwrap_or(manifest),
            dependencies: dependencies.collect(),
        }
    }
}

/// Asks git, which knows what belongs to the tree.
fn read_files(root: &Path) -> Result<Vec<SourceFile>> {
    let flags = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"];
    let listed = output(Command::new("git").current_dir(root).args(flags))?;
    let paths = listed.split('\0').filter(|path| !path.is_empty());
    // What is no text has no rules, and what is deleted but still in git's index is gone.
    Ok(paths.filter_map(|path| Some(SourceFile::new(path, fs::read_to_string(root.join(path)).ok()?))).collect())
}

/// Asks cargo, which knows how workspace-wide settings are inherited.
fn read_crates(root: &Path) -> Result<Vec<Crate>> {
    let flags = ["metadata", "--format-version=1", "--no-deps", "--offline"];
    let metadata = output(Command::new(env!("CARGO")).current_dir(root).args(flags))?;
    let metadata: Value = serde_json::from_str(&metadata).about("cargo metadata")?;
    let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    Ok(packages.iter().map(|package| Crate::new(package, root)).collect())
}

fn output(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().about(&program)?;
    if !output.status.success() {
        return Err(Error(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim())));
    }
    String::from_utf8(output.stdout).about(program)
}

/// Blanks out comments, strings and characters; newlines stay, so that line numbers do.
fn code_only(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let after_name = code.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let skipped = match next {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => block_comment(rest),
            '"' => quoted(rest, '"'),
            '\'' => character(rest),
            'r' if !after_name || code.ends_with('b') => raw_string(rest),
            _ => 0,
        };
        if skipped == 0 {
            code.push(next);
            rest = &rest[next.len_utf8()..];
        } else {
            code.extend(rest[..skipped].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
            rest = &rest[skipped..];
        }
    }
    code
}

/// The length of a block comment, with the comments within it.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        match &text.as_bytes()[at..text.len().min(at + 2)] {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" if depth == 1 => return at + 2,
            b"*/" => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    text.len()
}

/// The length of a string or character that starts and ends with `quote`.
fn quoted(text: &str, quote: char) -> usize {
    let mut characters = text.char_indices().skip(1);
    while let Some((at, c)) = characters.next() {
        if c == '\\' {
            characters.next();
        } else if c == quote {
            return at + 1;
        }
    }
    text.len()
}

/// The length of a character; 0 for a lifetime.
fn character(text: &str) -> usize {
    let mut characters = text.chars().skip(1);
    match (characters.next(), characters.next()) {
        (Some('\\'), _) | (Some(_), Some('\'')) => quoted(text, '\''),
        _ => 0,
    }
}

/// The length of a raw string; 0 if there is none.
fn raw_string(text: &str) -> usize {
    let hashes = text[1..].bytes().take_while(|&byte| byte == b'#').count();
    if !text[1 + hashes..].starts_with('"') {
        return 0;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let start = hashes + 2;
    text[start..].find(&end).map_or(text.len(), |at| start + at + end.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_is_left() {
        let table = [
            ("a // b\nc", "a     \nc"),
            ("a /* b /* c */ \n d */ e", "a              \n      e"),
            (r#"f("x // \" y", 'c', '\'', b'z')"#, "f(           ,    ,     , b   )"),
            ("fn f<'a>(x: &'a str)", "fn f<'a>(x: &'a str)"),
            ("let x = r#\"a \" b\"#; y", "let x =           ; y"),
            ("let var = br\"\\\"; y", "let var = b    ; y"),
            ("'é' \"é\nè\" z", "      \n   z"),
        ];
        for (text, code) in table {
            assert_eq!(code_only(text).trim_end(), code.trim_end(), "of {text}");
        }
    }

    #[test]
    fn tests_are_found_at_the_end() {
        let file = SourceFile::new("a.rs", "//! A.\nfn f() {}\n#[cfg(test)]\nmod tests {}\n".into());
        assert_eq!(file.lines_before_tests(), 2);
        assert_eq!(SourceFile::new("tests/a.rs", "fn f() {}\n".into()).lines_before_tests(), 0);
    }

    #[test]
    fn crates_and_what_they_depend_on_are_read() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap();
        let crates = read_crates(&root).unwrap();
        let xtask = crates.iter().find(|c| c.name == "xtask").unwrap();
        assert_eq!(xtask.manifest, "xtask/Cargo.toml");
        assert!(xtask.dependencies.iter().any(|d| d.package == "clap" && !d.for_tests));
    }
}
