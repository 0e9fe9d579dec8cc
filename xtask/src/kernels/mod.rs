//! `kernels`: CUDA sources to PTX, and PTX to machine code for a report.
//!
//! `kernels/FAMILY.cu` becomes `crates/backend-cuda/ptx/FAMILY.ptx`, which is checked in, so that `cargo build` needs no CUDA. It
//! is PTX 7.8 for compute capability 5.0, which every driver since 520 turns into code for any card from Maxwell on. A build
//! script that calls nvcc was rejected: what is tested would then depend on the machine.

mod assemble;
mod seeded;
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
    let (families, bugs) = (families(&root)?, seeded::bugs(&root)?);
    if flags.verify {
        for family in &families {
            check_header(&ptx_path(&root, family), &header(&root, &Source::of(family))?)?;
        }
        for bug in &bugs {
            check_header(&bug.path(&root), &bug.header(&root)?)?;
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
        let built = header(&root, &Source::of(family))? + &compile(&root, &nvrtc, &root.join("kernels"), family)?;
        write_or_compare(&ptx_path(&root, family), built, flags.verify)?;
    }
    for bug in &bugs {
        write_or_compare(&bug.path(&root), bug.build(&root, &nvrtc)?, flags.verify)?;
    }
    let done = if flags.verify { "are what their sources give" } else { "compiled" };
    say::line(format_args!(
        "{} kernel families, and {} with a mistake for the tests, {done}",
        families.len(),
        bugs.len()
    ));
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

/// Writes a file, or says how it differs from what it should be.
fn write_or_compare(path: &Path, built: String, verify: bool) -> Result<()> {
    if !verify {
        fs::write(path, built).about(path.display())
    } else if fs::read_to_string(path).about(path.display())? == built {
        Ok(())
    } else {
        Err(Error(format!("{}: {} makes another PTX from its source", path.display(), NVRTC.name)))
    }
}

/// The PTX of one family, whose sources are in this folder.
fn compile(root: &Path, nvrtc: &Path, folder: &Path, family: &str) -> Result<String> {
    let source = folder.join(format!("{family}.cu"));
    let mut compiler = python();
    compiler.arg(root.join("xtask/src/kernels/nvrtc.py")).args([nvrtc, folder, &source]).args(OPTIONS);
    let output = compiler.output().about("python3")?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() || !said.trim().is_empty() {
        return Err(Error(format!("{}: NVRTC says\n{}", source.display(), said.trim())));
    }
    String::from_utf8(output.stdout).about(source.display())
}

/// What a PTX file is made from.
struct Source<'a> {
    family: &'a str,
    /// What is edited before, if anything.
    edit: &'a [&'a str],
}

impl<'a> Source<'a> {
    fn of(family: &'a str) -> Self {
        Source { family, edit: &[] }
    }
}

/// The first lines of a PTX file.
fn header(root: &Path, source: &Source<'_>) -> Result<String> {
    let edited = if source.edit.is_empty() { "" } else { " and an edit in tests/seeded/bugs.json" };
    Ok(format!(
        "// Made by `cargo xtask kernels` from kernels/{}.cu{edited} with {} {}; do not edit.\n// sources: SHA-256 {}\n",
        source.family,
        NVRTC.name,
        OPTIONS.join(" "),
        hash(root, source)?
    ))
}

/// The SHA-256 of a family's source, of all headers, and of the edit.
fn hash(root: &Path, source: &Source<'_>) -> Result<String> {
    let mut hasher = Sha256::new();
    let own = format!("{}.cu", source.family);
    for name in sources(root)?.into_iter().filter(|name| *name == own || name.ends_with(".cuh")) {
        let path = root.join("kernels").join(&name);
        hasher.update(fs::read(&path).about(path.display())?);
    }
    source.edit.iter().for_each(|part| hasher.update(part));
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Compares the hash of the sources with the one in the PTX file's header; that needs no compiler.
fn check_header(path: &Path, header: &str) -> Result<()> {
    if fs::read_to_string(path).about(path.display())?.starts_with(header) {
        return Ok(());
    }
    Err(Error(format!("{}: it was made from other sources; run `cargo xtask kernels`", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checked_in_ptx_is_up_to_date() {
        let root = root().unwrap();
        for family in families(&root).unwrap() {
            check_header(&ptx_path(&root, &family), &header(&root, &Source::of(&family)).unwrap()).unwrap();
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
