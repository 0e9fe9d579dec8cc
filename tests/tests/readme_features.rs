//! The table of features in README.md ("What there is") against the sources, so that it cannot rot: what is there is named, and
//! what is named is there.

#![allow(clippy::unwrap_used, clippy::panic)] // clippy.toml allows them in test functions, not in their helpers

use layers::Registry;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The second cell of each row by the first one.
fn table() -> BTreeMap<String, String> {
    let readme = read("README.md");
    let (_, section) = readme.split_once("\n## What there is\n").unwrap();
    let rows = section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let cells = |row: &str| {
        let (key, value) = row.trim_matches('|').split_once('|').unwrap();
        (key.trim().to_owned(), value.trim().to_owned())
    };
    rows.skip(2).map(cells).collect()
}

/// What stands in backticks, commands aside.
fn names(cell: &str) -> BTreeSet<&str> {
    cell.split('`').skip(1).step_by(2).filter(|name| !name.contains(' ')).collect()
}

/// The variants of an enum in a source file.
fn variants(path: &str, name: &str) -> Vec<String> {
    let source = read(path);
    let (_, body) = source.split_once(&format!("pub enum {name} {{\n")).unwrap();
    let body = body.split("\n}\n").next().unwrap();
    let variant = |line: &str| {
        let word = line.strip_prefix("    ")?.split([' ', ',']).next()?;
        word.starts_with(|c: char| c.is_ascii_uppercase()).then(|| word.to_owned())
    };
    body.lines().filter_map(variant).collect()
}

/// The types in these folders that implement a trait, those in tests and documentation aside, and those that only hand on to
/// another, such as `Box<dyn Method>`.
fn implementors(folder: &str, name: &str) -> Vec<String> {
    let head = format!("\nimpl {name} for ");
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join(folder)).unwrap() {
        let source = fs::read_to_string(entry.unwrap().path()).unwrap();
        found.extend(source.split(&head).skip(1).map(|rest| rest.split(' ').next().unwrap().to_owned()));
    }
    found.retain(|name: &String| !name.contains('<'));
    assert!(found.len() > 3, "{folder}: {found:?}");
    found
}

/// All sources of our crates.
fn sources() -> String {
    let mut folders: Vec<PathBuf> = vec![root().join("crates")];
    let mut text = String::new();
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                text += &fs::read_to_string(path).unwrap();
            }
        }
    }
    text
}

#[test]
fn what_is_named_is_there() {
    let sources = sources();
    let words: BTreeSet<&str> = sources.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    let table = table();
    assert!(table.len() > 12, "{table:?}");
    for (row, cell) in &table {
        for name in names(cell) {
            let there = words.contains(name) || root().join("crates").join(name).is_dir();
            assert!(there, "README.md, {row}: there is no `{name}`");
        }
    }
}

#[test]
fn what_is_there_is_named() {
    let table = table();
    let named: BTreeSet<String> = table.values().flat_map(|cell| names(cell)).map(str::to_lowercase).collect();
    let registry = Registry::standard();
    let kinds = registry.kinds().map(str::to_owned).chain(["Hdf5Data".into(), "Hdf5Output".into()]);
    let all = kinds
        .chain(implementors("crates/solver/src/methods", "Method"))
        .chain(implementors("crates/solver/src/coffee", "CoffeeBreak"))
        .chain(variants("crates/layers/src/param.rs", "Initializer"));
    for name in all {
        assert!(named.contains(&name.to_lowercase()), "README.md does not name {name}");
    }
    let neurons = names(&table["neurons"]).len();
    assert_eq!(neurons, variants("crates/core-tensor/src/ops/neuron.rs", "Neuron").len(), "neurons");
}

/// Policies are named in words: `MultiStep` as multi-step, `Exp` as exponential.
#[test]
fn policies_are_named_in_words() {
    for (row, path, name) in [
        ("learning rate", "crates/solver/src/policy/learning_rate.rs", "LrPolicy"),
        ("momentum", "crates/solver/src/policy/momentum.rs", "MomPolicy"),
    ] {
        let cell = table()[row].replace([' ', '-'], "");
        let words: Vec<&str> = cell.split(',').collect();
        let variants: Vec<String> = variants(path, name).iter().map(|variant| variant.to_lowercase()).collect();
        assert_eq!(words.len(), variants.len(), "README.md, {row}: {words:?}, {variants:?}");
        for variant in variants {
            assert!(words.iter().any(|word| word.starts_with(&variant)), "README.md, {row} lacks {variant}");
        }
    }
}
