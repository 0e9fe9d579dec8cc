//! Runs the finished program in a folder of its own, and looks at what it prints.
#![allow(dead_code)] // each test file uses a part

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The example that the documents speak of.
pub(crate) const LENET: &str = include_str!("../../../../examples/lenet.toml");

/// A folder with MNIST's sample in `data`, as `cargo xtask fetch-mnist` lays it out, and `lenet.toml`.
pub(crate) struct Folder(tempfile::TempDir);

/// What a run printed, and how it ended.
pub(crate) struct Output {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::rename(digits::unpack(folder.path()).unwrap(), folder.path().join("data")).unwrap();
        fs::write(folder.path().join("lenet.toml"), LENET).unwrap();
        Folder(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file and returns where it is.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// Writes `lenet.toml` with a text in place of another, which must be there.
    pub(crate) fn edit(&self, from: &str, to: &str) {
        assert!(LENET.contains(from), "{from}");
        self.write("lenet.toml", LENET.replacen(from, to, 1));
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_crema"));
        command.args(args).current_dir(self.path()).env_remove("RUST_LOG").stdin(Stdio::null());
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Output { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Runs, and expects success without complaints. Returns what it printed.
    pub(crate) fn succeed(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{args:?}: {}", output.stdout);
        output.stdout
    }

    /// Runs, and expects an error with all of these texts.
    pub(crate) fn fail(&self, args: &[&str], texts: &[&str]) {
        let output = self.run(args);
        assert_eq!(output.code, Some(1), "{args:?}: {}{}", output.stdout, output.stderr);
        assert!(output.stderr.starts_with("error: "), "{}", output.stderr);
        for text in texts {
            assert!(output.stderr.contains(text), "{args:?} says {:?}, without {text:?}", output.stderr);
        }
    }
}
