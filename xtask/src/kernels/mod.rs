//! `kernels`: CUDA sources to PTX, and PTX to machine code for a report.
//!
//! `kernels/FAMILY.cu` becomes `crates/backend-cuda/ptx/FAMILY.ptx`, which is checked in, so that `cargo build` needs no CUDA. It
//! is PTX 7.8 for compute capability 5.0, which every driver since 520 turns into code for any card from Maxwell on. A build
//! script that calls nvcc was rejected: what is tested would then depend on the machine.

mod assemble;
mod wheels;

use crate::{
    error::{About, Error, Result},
    flags::Kernels,
    say,
};
use sha2::{Digest, Sha256};
use std::{
    fs,
    path::{Path, PathBuf},
};
use wheels::{NVRTC, PTXAS, python};

/// For NVRTC.
const OPTIONS: &[&str] = &["--gpu-architecture=compute_50", "--std=c++14"];

/// Builds or verifies all kernels.
pub(crate) fn run(flags: &Kernels) -> Result<()> {
    let root = root()?;
    let families = families(&root)?;
    for family in &families {
        if flags.verify {
            check_hash(&root, family)?;
        }
    }
    let wanted = if flags.assemble { vec![&NVRTC, &PTXAS] } else { vec![&NVRTC] };
    for wheel in wanted {
        if flags.install
            && let Err(error) = wheel.install(&root)
        {
            say::line(&error);
        }
    }
    let Some(nvrtc) = NVRTC.installed(&root) else {
        let missing = format!("{} is not installed; `cargo xtask kernels --install` fetches it", NVRTC.name);
        if flags.verify {
            say::line(format_args!("SKIPPED: compiling the kernels to compare them, since {missing}"));
            return Ok(());
        }
        return Err(Error(missing));
    };
    for family in &families {
        let built = build(&root, &nvrtc, family)?;
        let path = ptx_path(&root, family);
        if !flags.verify {
            fs::write(&path, built).about(path.display())?;
        } else if fs::read_to_string(&path).about(path.display())? != built {
            return Err(Error(format!("{}: {} makes another PTX from its source", path.display(), NVRTC.name)));
        }
    }
    let done = if flags.verify { "are what their sources give" } else { "compiled to crates/backend-cuda/ptx" };
    say::line(format_args!("{} kernel families {done}", families.len()));
    match PTXAS.installed(&root) {
        Some(ptxas) if flags.assemble => assemble::report(&root, &ptxas, &families),
        None if flags.assemble => {
            say::line(format_args!("SKIPPED: assembling, since {} is not installed; add --install", PTXAS.name));
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The workspace that this program was built from.
fn root() -> Result<PathBuf> {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().about("the workspace")
}

/// The stems of `kernels/*.cu`, sorted.
fn families(root: &Path) -> Result<Vec<String>> {
    let families: Vec<String> =
        sources(root)?.iter().filter_map(|name| Some(name.strip_suffix(".cu")?.into())).collect();
    if families.is_empty() { Err(Error::new("there are no .cu files in kernels/")) } else { Ok(families) }
}

/// The names of all files in `kernels/`, sorted.
fn sources(root: &Path) -> Result<Vec<String>> {
    let folder = root.join("kernels");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).about(folder.display())? {
        names.push(entry.about(folder.display())?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

fn ptx_path(root: &Path, family: &str) -> PathBuf {
    root.join(format!("crates/backend-cuda/ptx/{family}.ptx"))
}

/// The PTX of one family, with a header that says where it comes from.
fn build(root: &Path, nvrtc: &Path, family: &str) -> Result<String> {
    let folder = root.join("kernels");
    let source = folder.join(format!("{family}.cu"));
    let mut compiler = python();
    compiler.arg(root.join("xtask/src/kernels/nvrtc.py")).args([nvrtc, &folder, &source]).args(OPTIONS);
    let output = compiler.output().about("python3")?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() || !said.trim().is_empty() {
        return Err(Error(format!("{}: NVRTC says\n{}", source.display(), said.trim())));
    }
    let ptx = String::from_utf8(output.stdout).about(source.display())?;
    Ok(header(root, family)? + &ptx)
}

/// The first lines of a PTX file.
fn header(root: &Path, family: &str) -> Result<String> {
    Ok(format!(
        "// Made by `cargo xtask kernels` from kernels/{family}.cu with {} {}; do not edit.\n// sources: SHA-256 {}\n",
        NVRTC.name,
        OPTIONS.join(" "),
        hash(root, family)?
    ))
}

/// The SHA-256 of a family's source and of all headers.
fn hash(root: &Path, family: &str) -> Result<String> {
    let mut hasher = Sha256::new();
    let own = format!("{family}.cu");
    for name in sources(root)?.into_iter().filter(|name| *name == own || name.ends_with(".cuh")) {
        let path = root.join("kernels").join(&name);
        hasher.update(fs::read(&path).about(path.display())?);
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Compares the hash of the sources with the one in the PTX file's header; that needs no compiler.
fn check_hash(root: &Path, family: &str) -> Result<()> {
    let path = ptx_path(root, family);
    let ptx = fs::read_to_string(&path).about(path.display())?;
    if ptx.starts_with(&header(root, family)?) {
        return Ok(());
    }
    Err(Error(format!(
        "{}: it was made from other sources than kernels/{family}.cu and the headers; run `cargo xtask kernels`",
        path.display()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checked_in_ptx_is_up_to_date() {
        let root = root().unwrap();
        for family in families(&root).unwrap() {
            check_hash(&root, &family).unwrap();
        }
    }

    #[test]
    fn no_ptx_without_a_source() {
        let root = root().unwrap();
        for entry in fs::read_dir(root.join("crates/backend-cuda/ptx")).unwrap() {
            let name = entry.unwrap().file_name().to_string_lossy().replace(".ptx", ".cu");
            assert!(root.join("kernels").join(&name).exists(), "kernels/{name} is missing");
        }
    }
}
