//! Excerpts of our sources in `docs/cuda.md` are excerpts of our sources, so that the page cannot rot.

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
    let missing: Vec<&str> =
        page.split('`').skip(1).step_by(2).filter(is_path).filter(|name| !root.join(name).exists()).collect();
    assert_eq!(missing, [""; 0]);
}
