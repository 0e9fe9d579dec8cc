//! Instruction sets: one kernel source, compiled once for each of them, chosen at run time.
//!
//! Kernels are safe Rust over lanes of 16 numbers: arrays ([`crate::lane`]) where they pass over memory, [`Vector`]s where
//! they keep sums in registers. [`Level::run`] calls a kernel inside a function that has the target features switched on;
//! all of the kernel is `#[inline(always)]`, so it is compiled with those features. Closures were rejected because they
//! cannot be forced to inline.

use crate::vector::{Array, Vector};
#[cfg(target_arch = "x86_64")]
use crate::vector::{Ymms, Zmm};
use std::fmt;

/// What a kernel may know about the instruction set it is compiled for.
pub(crate) trait Isa: Copy + 'static {
    /// A lane of f32 in registers.
    type Single: Vector<f32>;
    /// A lane of f64.
    type Double: Vector<f64>;
    /// Whether a fused multiply-add is one instruction (otherwise it would be a library call).
    const FMA: bool;
    /// Bytes in all vector registers: the room for a tile of accumulators.
    const REGISTER_BYTES: usize;
}

/// AVX-512: 32 registers of 64 bytes.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(crate) struct Avx512;
/// AVX2 with FMA: 16 registers of 32 bytes.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(crate) struct Avx2;
/// Whatever the compilation target has; NEON on aarch64, SSE2 on x86-64.
#[derive(Clone, Copy)]
pub(crate) struct Portable;

#[cfg(target_arch = "x86_64")]
impl Isa for Avx512 {
    type Single = Zmm;
    type Double = Array<f64, true>;
    const FMA: bool = true;
    const REGISTER_BYTES: usize = 32 * 64;
}

#[cfg(target_arch = "x86_64")]
impl Isa for Avx2 {
    type Single = Ymms;
    type Double = Array<f64, true>;
    const FMA: bool = true;
    const REGISTER_BYTES: usize = 16 * 32;
}

impl Isa for Portable {
    type Single = Array<f32, { cfg!(target_arch = "aarch64") }>;
    type Double = Array<f64, { cfg!(target_arch = "aarch64") }>;
    const FMA: bool = cfg!(target_arch = "aarch64");
    const REGISTER_BYTES: usize = if cfg!(target_arch = "aarch64") { 32 * 16 } else { 16 * 16 };
}

/// A piece of work that is compiled for every instruction set. Implement `run` with `#[inline(always)]`, and mark everything
/// hot that it calls the same way.
pub(crate) trait Kernel {
    /// Does the work.
    fn run<I: Isa>(self);
}

/// The instruction set in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Level {
    /// The compilation target's own.
    Portable,
    /// AVX2 and FMA.
    Avx2,
    /// AVX-512 F, VL, BW and DQ.
    Avx512,
}

impl Level {
    /// The best that this processor has.
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            let avx512 = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq");
            if avx2 && avx512 {
                return Level::Avx512;
            }
            if avx2 {
                return Level::Avx2;
            }
        }
        Level::Portable
    }

    /// Bytes in all vector registers.
    pub(crate) fn register_bytes(self) -> usize {
        match self {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => Avx512::REGISTER_BYTES,
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => Avx2::REGISTER_BYTES,
            _ => Portable::REGISTER_BYTES,
        }
    }

    /// Runs a kernel compiled for this level. Every `Level` value other than [`Level::Portable`] comes from
    /// [`Level::detect`] or was checked against it, see `Cpu::builder`.
    #[inline]
    #[allow(unsafe_code)]
    pub(crate) fn run<K: Kernel>(self, kernel: K) {
        match self {
            // SAFETY: a `Level` above what the processor has is never stored in a `Cpu` (checked when it is built).
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => unsafe { run_avx512(kernel) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => unsafe { run_avx2(kernel) },
            _ => kernel.run::<Portable>(),
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma,bmi2")]
fn run_avx512<K: Kernel>(kernel: K) {
    kernel.run::<Avx512>();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,bmi2")]
fn run_avx2<K: Kernel>(kernel: K) {
    kernel.run::<Avx2>();
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::Portable => "portable",
            Level::Avx2 => "AVX2",
            Level::Avx512 => "AVX-512",
        })
    }
}
