//! The Python that has PyTorch and onnxruntime: where it is, and how it gets there.

use crema_benches::Result;
use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// `h5py` reads the files that Crema trains on.
const PACKAGES: [&str; 5] = ["torch", "onnxruntime", "onnx", "numpy", "h5py"];

/// A Python interpreter with the packages.
#[derive(Debug)]
pub(crate) struct Python(PathBuf);

impl Python {
    /// This interpreter.
    pub(crate) fn at(file: &Path) -> Result<Self> {
        let python = Python(file.to_owned());
        python.versions()?;
        Ok(python)
    }

    /// The interpreter of `target/compare-python`.
    pub(crate) fn installed() -> Result<Self> {
        let file = environment().join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
        if file.is_file() {
            return Self::at(&file);
        }
        let help =
            "`cargo xtask compare --install` gets PyTorch and onnxruntime (3 GB), `--python FILE` takes another Python";
        Err(format!("there is no {}: {help}", file.display()).into())
    }

    /// Makes the environment, or completes it.
    pub(crate) fn install() -> Result<Self> {
        let folder = environment();
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        let python = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
        run(Command::new(python).args(["-m", "pip", "install"]).args(PACKAGES))?;
        Self::installed()
    }

    /// A command that runs a script of `benches/python`.
    pub(crate) fn script(&self, name: &str) -> Command {
        let mut command = Command::new(&self.0);
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("python").join(name));
        command
    }

    /// The packages' versions, e.g. `torch 2.15.0, onnxruntime 1.32.0`.
    pub(crate) fn versions(&self) -> Result<String> {
        let code = "import sys; from importlib.metadata import version as v; \
                    print(', '.join(f'{package} {v(package)}' for package in sys.argv[1:]))";
        let output = Command::new(&self.0).args(["-c", code]).args(PACKAGES).output();
        let output = output.map_err(|error| format!("{}: {error}", self.0.display()))?;
        if !output.status.success() {
            let error = String::from_utf8_lossy(&output.stderr);
            let missing = error.lines().last().unwrap_or_default();
            let help = "`cargo xtask compare --install` completes target/compare-python";
            return Err(format!("{} lacks a package: {missing}; {help}", self.0.display()).into());
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

fn environment() -> PathBuf {
    crate::results::target().join("compare-python")
}

fn run(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.status().map_err(|error| format!("{program}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{program} has failed, see above").into()) }
}
