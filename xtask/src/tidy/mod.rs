//! `tidy`: the house rules of ARCHITECTURE.md as far as a program can check them.
//!
//! Each rule is a function from the tree to what breaks it, with a test that shows that it can fail. Rules read text with
//! comments and strings blanked out rather than syntax trees: a parser (`syn`) would be exact, but for these rules it would
//! only be longer.

mod crates;
mod text;
mod tree;

use crate::{
    error::{Error, Result},
    say,
};
use std::fmt;
use tree::Tree;

/// The rules, in the order in which they report.
const RULES: &[fn(&Tree) -> Vec<Violation>] = &[
    text::files_say_why_they_exist,
    text::files_are_short,
    text::unsafe_code_is_confined_and_explained,
    text::libraries_do_not_print,
    text::lower_floors_do_not_look_outside,
    text::only_io_hdf5_names_hdf5,
    text::nothing_is_left_unfinished,
    text::no_path_of_one_machine,
    text::the_tutorial_is_a_test,
    crates::arrows_point_one_way,
    crates::only_io_hdf5_depends_on_hdf5,
    crates::every_dependency_is_justified,
];

/// A place that breaks a rule.
#[derive(Debug, PartialEq, Eq)]
struct Violation {
    path: String,
    line: usize,
    message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// Applies all rules to the working tree.
pub(crate) fn run() -> Result<()> {
    let tree = Tree::read()?;
    let violations: Vec<Violation> = RULES.iter().flat_map(|rule| rule(&tree)).collect();
    for violation in &violations {
        say::line(violation);
    }
    if !violations.is_empty() {
        return Err(Error(format!("{} places break a house rule", violations.len())));
    }
    say::line(format_args!("{} files keep all {} rules", tree.files.len(), RULES.len()));
    Ok(())
}
