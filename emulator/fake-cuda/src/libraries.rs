//! A folder with the fake libraries, whole or with a part missing, and a test that runs itself again on them.

use std::{
    env,
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// The names under which programs look for them.
const NAMES: [(&str, &str); 2] = [("cuda", "libcuda.so"), ("cublas", "libcublas.so")];
/// The file that cargo makes of this crate.
const FILE: &str = "libfake_cuda.so";

/// Builds a folder of fake libraries.
///
/// ```no_run
/// let folder = fake_cuda::Libraries::new().without_symbol("cuLaunchKernel").build()?;
/// let output = fake_cuda::rerun(folder.path(), "a_missing_function_is_named", &[])?;
/// assert!(output.status.success());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Libraries {
    left_out: Vec<String>,
    renamed: Vec<String>,
}

impl Libraries {
    /// Driver and cuBLAS, both complete.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Leaves out `cuda` or `cublas`.
    #[must_use]
    pub fn without_library(mut self, name: &str) -> Self {
        self.left_out.push(name.into());
        self
    }

    /// Takes a function away, as in a library that is too old for it.
    #[must_use]
    pub fn without_symbol(mut self, name: &str) -> Self {
        self.renamed.push(name.into());
        self
    }

    /// Makes the folder, which lives as long as the value.
    ///
    /// # Errors
    ///
    /// If the library has not been built, a function to be taken away is not in it, or the disk refuses.
    pub fn build(&self) -> io::Result<tempfile::TempDir> {
        let folder = tempfile::tempdir()?;
        let mut library = fs::read(find()?)?;
        for symbol in &self.renamed {
            rename(&mut library, symbol)?;
        }
        // One file under several names is loaded once, so that driver and cuBLAS share their state.
        let file = folder.path().join(FILE);
        fs::write(&file, library)?;
        for (name, file_name) in NAMES.iter().filter(|(name, _)| !self.left_out.iter().any(|other| other == name)) {
            debug_assert!(file_name.contains(name));
            std::os::unix::fs::symlink(&file, folder.path().join(file_name))?;
        }
        Ok(folder)
    }
}

/// Runs one test of the calling test program again, in a process that finds its libraries in `folder`, with further environment
/// variables. In that process the variable `FAKE_CUDA` is set, so that the test can tell.
///
/// # Errors
///
/// If the program cannot be started.
pub fn rerun(folder: &Path, test: &str, environment: &[(&str, &str)]) -> io::Result<Output> {
    Command::new(env::current_exe()?)
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env("LD_LIBRARY_PATH", folder)
        .env("FAKE_CUDA", "1")
        .envs(environment.iter().copied())
        .output()
}

/// The library that cargo has built with the running test: beside it, or one folder up.
fn find() -> io::Result<PathBuf> {
    let program = env::current_exe()?;
    let folders = program.ancestors().skip(1).take(3);
    let found = folders.map(|folder| folder.join(FILE)).find(|file| file.is_file());
    let missing = || io::Error::new(io::ErrorKind::NotFound, format!("{FILE} is not beside {}", program.display()));
    found.ok_or_else(missing)
}

/// Changes the first letter of an exported name. The loader compares names, so the function is gone.
fn rename(library: &mut [u8], symbol: &str) -> io::Result<()> {
    let wanted: Vec<u8> = [b"\0", symbol.as_bytes(), b"\0"].concat();
    let places: Vec<usize> =
        library.windows(wanted.len()).enumerate().filter(|(_, bytes)| *bytes == wanted).map(|(at, _)| at + 1).collect();
    if places.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, format!("the fake exports no `{symbol}`")));
    }
    for at in places {
        library[at] = b'_';
    }
    Ok(())
}

/// Whether this process was started by [`rerun`].
#[must_use]
pub fn is_rerun() -> bool {
    env::var_os("FAKE_CUDA").as_deref() == Some(OsStr::new("1"))
}
