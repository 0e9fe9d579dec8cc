//! `docs/ERRORS.md` against what users are really told, so that no message and no entry can rot.
//!
//! The document itself holds the expected texts. The crates `insta` and `expect-test` were rejected: they keep the texts in files
//! of their own or in the tests, and the document would say everything once more. Parts of texts instead of whole ones were
//! rejected too: they hide the half that reads badly.

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

/// The text of a mistake that cannot be made on this machine, e.g. a full disk without the right to mount one.
#[allow(dead_code)] // each test program uses a part
pub(crate) const CANNOT_BE_TRIED: &str = "this mistake cannot be made here";

/// The columns after which a message is broken in the document.
const WIDTH: usize = 120;

/// A mistake's heading, the message in the block below it, and what to do below that.
struct Entry {
    mistake: String,
    message: String,
    advice: String,
}

/// Compares all entries of a chapter with what was said, in the same order, before it fails; what is wrong is printed as it should
/// stand in the document. Paths are told without `folder`.
#[track_caller]
pub(crate) fn check(chapter: &str, folder: &Path, said: &[(&str, String)]) {
    let entries = entries(chapter);
    let folder = format!("{}/", folder.display());
    let mut wrong = String::new();
    for (mistake, text) in said {
        let entry = entries.iter().find(|entry| entry.mistake == *mistake);
        if text == CANNOT_BE_TRIED {
            // Past the test harness, which keeps what passing tests print to itself.
            let _ = writeln!(io::stderr(), "!! SKIPPED: `{mistake}` cannot be tried on this machine");
            assert!(entry.is_some(), "docs/ERRORS.md has no entry `{mistake}`");
            continue;
        }
        let message = wrap(text.replace(&folder, "").trim_end());
        let as_it_was = entry.is_some_and(|entry| entry.message == message && !entry.advice.is_empty());
        if !as_it_was {
            wrong += &format!("\n### {mistake}\n\n```text\n{message}\n```\n");
        }
    }
    assert!(wrong.is_empty(), "docs/ERRORS.md, {chapter}: these should read, each with what to do below it:\n{wrong}");
    let entries: Vec<&str> = entries.iter().map(|entry| entry.mistake.as_str()).collect();
    let tried: Vec<&str> = said.iter().map(|(mistake, _)| *mistake).collect();
    assert_eq!(entries, tried, "docs/ERRORS.md, {chapter}: the entries, and the mistakes that are tried");
}

/// The headings of the document's chapters.
#[allow(dead_code)]
pub(crate) fn chapters() -> Vec<String> {
    document().lines().filter_map(|line| line.strip_prefix("## ")).map(str::to_owned).collect()
}

/// What stands below the heading of a chapter.
fn entries(chapter: &str) -> Vec<Entry> {
    let document = document();
    let Some((_, chapter)) = document.split_once(&format!("\n## {chapter}\n")) else { return Vec::new() };
    let chapter = chapter.split("\n## ").next().unwrap_or_default();
    chapter.split("\n### ").skip(1).filter_map(entry).collect()
}

fn entry(text: &str) -> Option<Entry> {
    let (mistake, below) = text.split_once("\n\n```text\n")?;
    let (message, advice) = below.split_once("\n```\n")?;
    Some(Entry { mistake: mistake.into(), message: message.into(), advice: advice.trim().into() })
}

fn document() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|folder| folder.join("docs/ERRORS.md"));
    path.filter_map(|path| fs::read_to_string(path).ok()).next().unwrap_or_default()
}

/// Breaks lines at spaces; nothing else of the text changes.
fn wrap(text: &str) -> String {
    let mut wrapped = String::new();
    let mut column = 0;
    for (i, word) in text.split_inclusive([' ', '\n']).enumerate() {
        let len = word.trim_end().chars().count();
        if i > 0 && column + len > WIDTH && !wrapped.ends_with('\n') {
            wrapped.truncate(wrapped.trim_end_matches(' ').len());
            wrapped.push('\n');
            column = 0;
        }
        wrapped += word;
        column = if word.ends_with('\n') { 0 } else { column + word.chars().count() };
    }
    wrapped
}
