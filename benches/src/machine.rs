//! The machine as an instrument: which processor features are used, and what it can do at best, now.

use crate::Result;
use backend_cpu::{Cpu, Level};
use clap::ValueEnum;
use std::{
    fs, thread,
    time::{Duration, Instant},
};

/// An instruction set by its name on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum InstructionSet {
    /// AVX-512
    Avx512,
    /// AVX2 with FMA
    Avx2,
    /// What the compiler's target has
    Portable,
}

/// The CPU with so many threads, all if not said, and this instruction set, the best if not said.
///
/// # Errors
/// The processor does not have the instruction set, or the threads cannot be started.
pub fn cpu(threads: Option<usize>, isa: Option<InstructionSet>) -> Result<Cpu> {
    let threads = threads.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from));
    let level = isa.map_or_else(Level::detect, |isa| match isa {
        InstructionSet::Avx512 => Level::Avx512,
        InstructionSet::Avx2 => Level::Avx2,
        InstructionSet::Portable => Level::Portable,
    });
    Ok(Cpu::with_level(threads, level)?)
}

/// What the threads of this CPU reach at best in f32, in GFLOP/s: the best of ten spells of some 20 ms of multiply-adds
/// that stay in registers. A virtual machine's clock and neighbours change by the minute, so measure it beside what is to be
/// compared with it.
pub fn peak_gflops(cpu: &Cpu) -> f64 {
    multiply_adds(cpu, Duration::from_millis(20), 10)
}

/// The best of so many spells, each at least so long, of multiply-adds in registers on all threads of this CPU, in GFLOP/s.
pub fn multiply_adds(cpu: &Cpu, length: Duration, spells: usize) -> f64 {
    let spell = |items| {
        let begun = Instant::now();
        let flops = cpu.multiply_add_in_registers(items);
        (flops / begun.elapsed().as_secs_f64() / 1e9, begun.elapsed())
    };
    let mut items = 16;
    while spell(items).1 < length {
        items *= 2;
    }
    (0..spells).map(|_| spell(items).0).fold(0.0, f64::max)
}

/// The most memory that this process has had, in MB (10^6 bytes); `None` where the system does not tell.
pub fn peak_rss_mb() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.split_whitespace().next()?;
    Some(kib.parse::<f64>().ok()? * 1024.0 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_that_of_a_processor() {
        let peak = peak_gflops(&cpu(Some(1), None).unwrap());
        assert!((0.5..2000.0).contains(&peak), "{peak} GFLOP/s on one thread");
    }
}
