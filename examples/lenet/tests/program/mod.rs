//! Runs the finished program in a folder of its own, and looks at what it prints.
#![allow(dead_code)] // each test file uses a part

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, ChildStderr, ChildStdout, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_lenet-example");

/// A command line and the empty folder that it runs in.
pub(crate) struct Program {
    args: Vec<String>,
    folder: tempfile::TempDir,
}

/// What a run printed, and how it ended; `code` is `None` after a kill.
pub(crate) struct Output {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A run that goes on.
pub(crate) struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    stderr: ChildStderr,
    seen: String,
}

impl Program {
    pub(crate) fn new() -> Self {
        Program { args: Vec::new(), folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn args<'a>(mut self, args: impl IntoIterator<Item = &'a str>) -> Self {
        self.args.extend(args.into_iter().map(str::to_owned));
        self
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs other arguments in the same folder.
    pub(crate) fn run_with(&self, args: &[impl AsRef<OsStr>]) -> Output {
        spawn(self.folder(), PROGRAM, args).wait()
    }

    /// Runs other arguments in the same folder by way of another program, which gets ours and its arguments after its own.
    pub(crate) fn run_under(&self, other: &[&str], args: &[&str]) -> Output {
        let args = [&other[1..], &[PROGRAM], args].concat();
        spawn(self.folder(), other[0], &args).wait()
    }

    pub(crate) fn run(&self) -> Output {
        self.start().wait()
    }

    pub(crate) fn start(&self) -> Running {
        spawn(self.folder(), PROGRAM, &self.args)
    }
}

fn spawn(folder: &Path, program: &str, args: &[impl AsRef<OsStr>]) -> Running {
    let mut command = Command::new(program);
    command.args(args).current_dir(folder).env_remove("RUST_LOG").stdin(Stdio::null());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    Running { child, stdout: BufReader::new(stdout), stderr, seen: String::new() }
}

impl Running {
    /// Whether it ends by itself in this time.
    pub(crate) fn ends_within(&mut self, time: Duration) -> bool {
        let end = Instant::now() + time;
        while Instant::now() < end {
            if self.child.try_wait().unwrap().is_some() {
                return true;
            }
            thread::sleep(Duration::from_millis(2));
        }
        false
    }

    /// Reads on until a line has this text, and returns it.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            assert!(self.stdout.read_line(&mut line).unwrap() > 0, "it ended without {text:?}:\n{}", self.seen);
            self.seen.push_str(&line);
        }
        line
    }

    /// Reads nothing more: what is written from now on meets a broken pipe.
    pub(crate) fn stop_reading(self) -> Output {
        let Running { mut child, stdout, mut stderr, seen } = self;
        drop(stdout);
        let mut errors = String::new();
        stderr.read_to_string(&mut errors).unwrap();
        Output { code: child.wait().unwrap().code(), stdout: seen, stderr: errors }
    }

    /// Waits for the end. What fits in a pipe's buffer is read only now, which is enough for these runs.
    pub(crate) fn wait(mut self) -> Output {
        let mut stderr = String::new();
        self.stdout.read_to_string(&mut self.seen).unwrap();
        self.stderr.read_to_string(&mut stderr).unwrap();
        Output { code: self.child.wait().unwrap().code(), stdout: self.seen, stderr }
    }
}

/// Sends a signal by name, e.g. `TERM`.
pub(crate) fn kill(running: &Running, signal: &str) {
    let pid = running.child.id().to_string();
    assert!(Command::new("kill").args([&format!("-{signal}"), &pid]).status().unwrap().success());
}
