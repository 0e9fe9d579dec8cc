//! What a card's assembler makes of the PTX: registers, shared memory and spills, by architecture.
//!
//! A driver does this when it loads the PTX, on the user's machine; ptxas does it here, so that a kernel that does not assemble
//! or spills is seen before.

use crate::{
    error::{About, Error, Result},
    say,
};
use std::{fs, path::Path, process::Command};

/// From Turing to Blackwell: what ptxas 13 knows.
const ARCHITECTURES: &[&str] = &["sm_75", "sm_80", "sm_86", "sm_89", "sm_90", "sm_100", "sm_120"];

/// Assembles every family for every architecture and prints a line for each; spills are an error.
pub(super) fn report(root: &Path, ptxas: &Path, families: &[String]) -> Result<()> {
    let folder = root.join("target/cuda/cubin");
    fs::create_dir_all(&folder).about(folder.display())?;
    let mut spilling = Vec::new();
    for family in families {
        for architecture in ARCHITECTURES {
            let cubin = folder.join(format!("{family}.{architecture}.cubin"));
            let mut command = Command::new(ptxas);
            command.args(["--verbose", "--gpu-name", architecture, "--output-file"]).arg(&cubin);
            let output = command.arg(super::ptx_path(root, family)).output().about(ptxas.display())?;
            let text = String::from_utf8_lossy(&output.stderr);
            if !output.status.success() {
                return Err(Error(format!("ptxas refuses {family}.ptx for {architecture}:\n{}", text.trim())));
            }
            let usage = usage(&text);
            let bytes = fs::metadata(&cubin).about(cubin.display())?.len();
            say::line(format_args!(
                "{family:14} {architecture:7} {:2} kernels, at most {:3} registers, {:4} bytes of shared memory, {} of spills; {bytes} bytes",
                usage.kernels, usage.registers, usage.shared, usage.spills
            ));
            if usage.spills > 0 {
                spilling.push(format!("{family} on {architecture}"));
            }
        }
    }
    if spilling.is_empty() { Ok(()) } else { Err(Error(format!("registers spill: {}", spilling.join(", ")))) }
}

/// The largest of each figure over the kernels of a file.
#[derive(Debug, Default, PartialEq)]
struct Usage {
    kernels: usize,
    registers: u64,
    shared: u64,
    spills: u64,
}

/// Reads what `ptxas --verbose` says.
fn usage(text: &str) -> Usage {
    let mut usage = Usage::default();
    let before = |line: &str, unit: &str| -> u64 {
        let number = line.split(unit).next().and_then(|before| before.split_whitespace().next_back());
        number.filter(|_| line.contains(unit)).and_then(|number| number.parse().ok()).unwrap_or(0)
    };
    for line in text.lines() {
        usage.kernels += usize::from(line.contains("Compiling entry function"));
        usage.registers = usage.registers.max(before(line, " registers"));
        usage.shared = usage.shared.max(before(line, " bytes smem"));
        usage.spills = usage.spills.max(before(line, " bytes spill stores")).max(before(line, " bytes spill loads"));
    }
    usage
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_ptxas_says() {
        let text = "ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function 'a_f32' for 'sm_75'
ptxas info    : Function properties for a_f32
    0 bytes stack frame, 8 bytes spill stores, 12 bytes spill loads
ptxas info    : Used 19 registers, used 0 barriers, 364 bytes cmem[0]
ptxas info    : Compiling entry function 'a_f64' for 'sm_75'
ptxas info    : Used 22 registers, used 1 barriers, 2048 bytes smem, 364 bytes cmem[0]";
        assert_eq!(usage(text), Usage { kernels: 2, registers: 22, shared: 2048, spills: 12 });
    }
}
