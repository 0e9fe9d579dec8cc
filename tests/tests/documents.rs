//! Excerpts of our sources in `docs/cuda.md` are excerpts of our sources, and our names in `docs/coming-from.md` are ours, so that the
//! pages cannot rot. That the latter's code compiles is checked as a documentation test of this package.

#![allow(clippy::unwrap_used, clippy::panic)] // clippy.toml allows them in test functions, not in their helpers

use std::{fs, path::Path};

/// The lines of a text without indentation.
fn lines(text: &str) -> Vec<&str> {
    text.lines().map(str::trim).collect()
}

#[test]
fn excerpts_stand_in_the_file_that_is_named_before_them() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = fs::read_to_string(root.join("docs/cuda.md")).unwrap();
    let (mut file, mut excerpts) = (None, 0);
    let mut page = page.lines().map(str::trim);
    while let Some(line) = page.next() {
        // The first path in backticks of a step.
        if line.contains(". **") {
            file = line.split('`').skip(1).step_by(2).find(|name| name.contains('/'));
        }
        if line != "```rust" && line != "```cuda" {
            continue;
        }
        let excerpt: Vec<&str> = page.by_ref().take_while(|line| *line != "```").collect();
        let file = file.unwrap_or_else(|| panic!("no file is named before {excerpt:#?}"));
        let source = fs::read_to_string(root.join(file)).unwrap();
        let stands = lines(&source).windows(excerpt.len()).any(|part| part == excerpt);
        assert!(stands, "docs/cuda.md: this is not in {file}:\n{}", excerpt.join("\n"));
        excerpts += 1;
    }
    assert_eq!(excerpts, 5);
}

#[test]
fn files_that_the_page_names_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = fs::read_to_string(root.join("docs/cuda.md")).unwrap();
    let is_path = |name: &&str| name.contains('/') && !name.contains(' ') && !name.contains('*');
    let missing: Vec<&str> = in_backticks(&page).filter(is_path).filter(|name| !root.join(name).exists()).collect();
    assert_eq!(missing, [""; 0]);
}

#[test]
fn names_that_stand_for_those_of_others_are_ours() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = fs::read_to_string(root.join("docs/coming-from.md")).unwrap();
    let (_, table) = page.split_once("| here | Mocha | Caffe | PyTorch |").unwrap();
    let rows = table.lines().skip(1).take_while(|line| line.starts_with('|'));
    let ours: Vec<&str> = rows.filter_map(|row| row.split('|').nth(1)).flat_map(in_backticks).collect();
    assert!(ours.len() > 40, "only {} names", ours.len());
    let sources = sources(&root.join("crates"));
    let is_word = |name: &str| {
        let in_name = |c: char| c.is_alphanumeric() || c == '_';
        sources
            .match_indices(name)
            .any(|(at, _)| !sources[..at].ends_with(in_name) && !sources[at + name.len()..].starts_with(in_name))
    };
    for name in ours.iter().flat_map(|name| name.split("::")) {
        assert!(is_word(name), "docs/coming-from.md: `{name}` is in none of our crates");
    }
}

fn in_backticks(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// All Rust sources below a folder.
fn sources(folder: &Path) -> String {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: std::path::PathBuf| match path.extension() {
        _ if path.is_dir() => sources(&path),
        Some(extension) if extension == "rs" => fs::read_to_string(path).unwrap(),
        _ => String::new(),
    };
    entries.map(read).collect()
}
