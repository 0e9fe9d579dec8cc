//! Rules about who depends on whom.

use super::{
    Violation,
    tree::{Crate, Tree},
};

/// What each library crate may be built on, besides crates of others. Tests may use any backend.
const ARROWS: &[(&str, &[&str])] = &[
    ("core-tensor", &[]),
    ("backend-cpu", &["core-tensor"]),
    ("backend-cuda", &["core-tensor"]),
    ("layers", &["core-tensor"]),
    ("solver", &["core-tensor", "layers"]),
    ("io-hdf5", &["core-tensor", "layers", "solver"]),
    ("picture", &["layers", "solver"]),
    ("exchange", &["core-tensor", "layers", "solver"]),
    ("images", &["core-tensor", "io-hdf5", "layers", "solver"]),
    ("page", &["layers", "picture", "solver"]),
    ("terminal", &["layers", "solver"]),
    (
        "crema",
        &[
            "backend-cpu",
            "backend-cuda",
            "core-tensor",
            "digits",
            "exchange",
            "images",
            "io-hdf5",
            "layers",
            "picture",
            "solver",
            "terminal",
        ],
    ),
];

/// Arrows between the crates of the house point one way, downward.
pub(super) fn arrows_point_one_way(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for library in tree.crates.iter().filter(|library| library.manifest.starts_with("crates/")) {
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == library.name) else {
            violations.push(violation(library, format!("`{}` has no place in tidy's list of arrows", library.name)));
            continue;
        };
        for dependency in &library.dependencies {
            let name = dependency.package.as_str();
            let ours = tree.crates.iter().any(|other| other.name == name);
            let for_tests = dependency.for_tests && name.starts_with("backend-");
            if ours && !for_tests && !allowed.contains(&name) {
                violations.push(violation(library, format!("`{}` must not depend on `{name}`", library.name)));
            }
        }
    }
    violations
}

/// Only `io-hdf5` depends on an HDF5 library, in tests too.
pub(super) fn only_io_hdf5_depends_on_hdf5(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for library in tree.crates.iter().filter(|library| library.name != "io-hdf5") {
        for dependency in library.dependencies.iter().filter(|dependency| dependency.package.starts_with("hdf5")) {
            violations.push(violation(library, format!("only `io-hdf5` may depend on `{}`", dependency.package)));
        }
    }
    violations
}

/// ARCHITECTURE.md says of every crate that we stand on why it is there.
pub(super) fn every_dependency_is_justified(tree: &Tree) -> Vec<Violation> {
    let manifest = tree.file("Cargo.toml").map_or("", |file| &file.text);
    let reasons = tree.file("ARCHITECTURE.md").map_or("", |file| &file.text);
    let mut violations = Vec::new();
    for (line, name) in workspace_dependencies(manifest) {
        if !reasons.lines().any(|row| row.starts_with(&format!("| `{name}`"))) {
            let message = format!("ARCHITECTURE.md has no row that says why `{name}` is used");
            violations.push(Violation { path: "Cargo.toml".into(), line: line + 1, message });
        }
    }
    violations
}

/// Crates of others in `[workspace.dependencies]`, with their lines.
fn workspace_dependencies(manifest: &str) -> Vec<(usize, &str)> {
    let lines = manifest.lines().enumerate().skip_while(|(_, line)| *line != "[workspace.dependencies]").skip(1);
    lines
        .take_while(|(_, line)| !line.starts_with('['))
        .filter(|(_, line)| !line.starts_with('#') && !line.contains("path = "))
        .filter_map(|(at, line)| Some((at, line.split_once('=')?.0.trim())))
        .collect()
}

fn violation(library: &Crate, message: String) -> Violation {
    Violation { path: library.manifest.clone(), line: 1, message }
}

#[cfg(test)]
mod tests {
    use super::{super::tree::Dependency, *};

    /// Each entry: crate, its dependencies, `dev ` in front of those for tests.
    fn tree(crates: &[(&str, &[&str])]) -> Tree {
        let dependency = |name: &&str| match name.strip_prefix("dev ") {
            Some(name) => Dependency { package: name.into(), for_tests: true },
            None => Dependency { package: (*name).into(), for_tests: false },
        };
        let crates = crates.iter().map(|(name, dependencies)| Crate {
            name: (*name).into(),
            manifest: format!("crates/{name}/Cargo.toml"),
            dependencies: dependencies.iter().map(dependency).collect(),
        });
        Tree { files: Vec::new(), crates: crates.collect() }
    }

    fn messages(violations: Vec<Violation>) -> Vec<String> {
        violations.into_iter().map(|violation| violation.message).collect()
    }

    #[test]
    fn arrows() {
        let good: &[(&str, &[&str])] =
            &[("core-tensor", &["serde"]), ("backend-cpu", &["core-tensor"]), ("layers", &["dev backend-cpu"])];
        assert_eq!(messages(arrows_point_one_way(&tree(good))), [""; 0]);
        let bad: &[(&str, &[&str])] =
            &[("core-tensor", &["dev layers"]), ("backend-cpu", &[]), ("layers", &["backend-cpu"]), ("misc", &[])];
        let expected = [
            "`core-tensor` must not depend on `layers`",
            "`layers` must not depend on `backend-cpu`",
            "`misc` has no place in tidy's list of arrows",
        ];
        assert_eq!(messages(arrows_point_one_way(&tree(bad))), expected);
    }

    #[test]
    fn hdf5() {
        let bad: &[(&str, &[&str])] = &[("io-hdf5", &["hdf5-pure"]), ("solver", &["dev hdf5-metno", "io-hdf5"])];
        assert_eq!(messages(only_io_hdf5_depends_on_hdf5(&tree(bad))), ["only `io-hdf5` may depend on `hdf5-metno`"]);
    }

    #[test]
    fn reasons() {
        let manifest =
            "[workspace.dependencies]\nours = { path = \"x\" }\n# Why.\nlog = \"1\"\nrand = \"1\"\n\n[lints]\n";
        let tree = Tree::of(&[("Cargo.toml", manifest), ("ARCHITECTURE.md", "| `log` | why |\n")]);
        let expected = ["ARCHITECTURE.md has no row that says why `rand` is used"];
        assert_eq!(messages(every_dependency_is_justified(&tree)), expected);
    }
}
