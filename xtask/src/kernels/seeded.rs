//! Kernels that ship with one mistake each, to see that the tests find it.
//!
//! `tests/seeded/bugs.json` lists the mistakes as edits: where `find` stands, once, in `file`, there stands `replace` instead.
//! The edited family is compiled like the one that ships, and the entry points that have become others go into
//! `tests/seeded/NAME.ptx`; `tests/tests/cuda/seeded.rs` puts them in place of those that ship. An edit whose `find` is gone, or
//! that changes nothing, is an error, so the list follows the sources. Rejected: editing the PTX, which no person would get wrong
//! in that way; and whole modules, which are ten times as long.

use super::{Source, header, ptx_path, sources};
use crate::error::{About, Error, Result};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A mistake.
pub(super) struct Bug {
    pub(super) name: String,
    /// The family in which it shows.
    family: String,
    /// The file that is edited: that of the family, or a header.
    file: String,
    find: String,
    replace: String,
}

/// The list.
pub(super) fn bugs(root: &Path) -> Result<Vec<Bug>> {
    let path = root.join("tests/seeded/bugs.json");
    let list: Value = serde_json::from_slice(&fs::read(&path).about(path.display())?).about(path.display())?;
    let bug = |bug: &Value| {
        let field = |name: &str| bug[name].as_str().map(String::from);
        let [name, family, file, find, replace] = ["name", "family", "file", "find", "replace"].map(field);
        Some(Bug { name: name?, family: family?, file: file?, find: find?, replace: replace? })
    };
    let bugs = list.as_array().and_then(|bugs| bugs.iter().map(bug).collect::<Option<Vec<_>>>());
    bugs.filter(|bugs| !bugs.is_empty()).ok_or_else(|| {
        let fields = "`name`, `family`, `file`, `find` and `replace`";
        Error(format!("{}: it must be a list of objects with the texts {fields}", path.display()))
    })
}

impl Bug {
    /// Where its PTX stands.
    pub(super) fn path(&self, root: &Path) -> PathBuf {
        root.join(format!("tests/seeded/{}.ptx", self.name))
    }

    /// The file with the mistake.
    fn edited(&self, root: &Path) -> Result<String> {
        let text = fs::read_to_string(root.join("kernels").join(&self.file)).about(&self.file)?;
        if text.matches(&self.find).count() != 1 {
            return Err(Error(format!(
                "tests/seeded/bugs.json: the text that `{}` replaces must stand once in kernels/{}; it stands there {} times",
                self.name,
                self.file,
                text.matches(&self.find).count()
            )));
        }
        Ok(text.replace(&self.find, &self.replace))
    }

    /// The first lines of its PTX; their hash is also over the edit.
    pub(super) fn header(&self, root: &Path) -> Result<String> {
        self.edited(root)?;
        header(root, &Source { family: &self.family, edit: &[&self.file, &self.find, &self.replace] })
    }

    /// Its PTX, with the entry points that differ from those that ship.
    pub(super) fn build(&self, root: &Path, nvrtc: &Path) -> Result<String> {
        let folder = tempfile::tempdir().about("a folder for edited kernels")?;
        for name in sources(root)? {
            let (from, to) = (root.join("kernels").join(&name), folder.path().join(&name));
            if name == self.file {
                fs::write(&to, self.edited(root)?).about(to.display())?;
            } else {
                fs::copy(&from, &to).about(to.display())?;
            }
        }
        let path = ptx_path(root, &self.family);
        let shipped = fs::read_to_string(&path).about(path.display())?;
        let built = super::compile(root, nvrtc, folder.path(), &self.family)?;
        let shipped = entries(&shipped);
        let changed: Vec<&str> = entries(&built).into_iter().filter(|entry| !shipped.contains(entry)).collect();
        if changed.is_empty() {
            return Err(Error(format!("tests/seeded/bugs.json: `{}` changes no kernel of {}", self.name, self.family)));
        }
        Ok(self.header(root)? + &changed.concat())
    }
}

/// The entry points of a module, each from `.visible .entry` to its closing brace.
fn entries(ptx: &str) -> Vec<&str> {
    let begins = ptx.match_indices("\n.visible .entry ").map(|(at, _)| at + 1);
    begins.filter_map(|begin| Some(&ptx[begin..begin + ptx[begin..].find("\n}\n")? + "\n}\n".len()])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_end_with_their_own_brace() {
        let ptx =
            ".version 7.8\n\n.visible .entry a(\n)\n{\n\t{ // call\n\t}\n}\n\t// .globl b\n.visible .entry b()\n{\n}\n";
        assert_eq!(entries(ptx), [".visible .entry a(\n)\n{\n\t{ // call\n\t}\n}\n", ".visible .entry b()\n{\n}\n"]);
    }

    #[test]
    fn checked_in_mistakes_are_up_to_date() {
        let root = super::super::root().unwrap();
        for bug in bugs(&root).unwrap() {
            let ptx = fs::read_to_string(bug.path(&root)).unwrap();
            assert!(ptx.starts_with(&bug.header(&root).unwrap()), "{}: run `cargo xtask kernels`", bug.name);
        }
    }

    #[test]
    fn an_edit_must_fit() {
        let root = super::super::root().unwrap();
        let [family, file] = ["range", "range.cu"].map(String::from);
        let bug = Bug { name: "b".into(), family, file, find: "no such text".into(), replace: String::new() };
        let message = bug.header(&root).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(
            message.contains("`b` replaces must stand once in kernels/range.cu; it stands there 0 times"),
            "{message}"
        );
    }
}
