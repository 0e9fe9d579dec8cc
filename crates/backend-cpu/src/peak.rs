//! The limit that every kernel's speed is held against: multiply-adds that never leave the registers.
//!
//! It uses the same vector type as the kernels, so it follows the instruction set. A figure from the processor's data sheet
//! was rejected: clocks change with temperature, with the instructions in use, and with a virtual machine's neighbours.

use crate::{
    Cpu,
    isa::{Isa, Kernel},
    lane::LANES,
    vector::Vector,
};
use std::hint::black_box;

/// Multiply-adds of one item, each of a lane.
const MULTIPLY_ADDS: usize = 60 << 14;

impl Cpu {
    /// Multiplies and adds f32 numbers in registers on all threads, in so many items of some 0.3 ms each, and returns how many
    /// floating point operations that were, a multiply-add counted as two. Nothing can be faster: whoever takes the time
    /// (this crate reads no clock) has the peak that percentages are of.
    ///
    /// ```
    /// let cpu = backend_cpu::Cpu::new()?;
    /// let begun = std::time::Instant::now();
    /// let flops = cpu.multiply_add_in_registers(100);
    /// let peak_gflops = flops / begun.elapsed().as_secs_f64() / 1e9;
    /// assert!(peak_gflops > 0.1);
    /// # Ok::<(), core_tensor::Error>(())
    /// ```
    pub fn multiply_add_in_registers(&self, items: usize) -> f64 {
        self.pool().run(items, |_, _| self.level().run(Rounds));
        2.0 * (items * MULTIPLY_ADDS * LANES) as f64
    }
}

struct Rounds;

impl Kernel for Rounds {
    /// Enough chains of multiply-adds to hide their latency (8 vectors: 4 cycles on 2 ports), no more than fit into registers.
    #[inline(always)]
    fn run<I: Isa>(self) {
        match I::REGISTER_BYTES {
            2048.. => rounds::<I, 12>(), // of 1 register each, of 32: AVX-512
            512.. => rounds::<I, 5>(),   // of 2, of 16: AVX2; of 4, of 32: NEON
            _ => rounds::<I, 3>(),       // of 4, of 16: SSE2
        }
    }
}

/// `a = a * 0.999 + 0.001` for all accumulators, which tend to 1: neither overflow nor denormal numbers.
#[inline(always)]
fn rounds<I: Isa, const N: usize>() {
    const { assert!(MULTIPLY_ADDS.is_multiple_of(N)) };
    let (factor, summand) = (I::Single::splat(black_box(0.999)), I::Single::splat(black_box(0.001)));
    let mut sums: [I::Single; N] = std::array::from_fn(|i| I::Single::splat(black_box(i as f32)));
    for _ in 0..MULTIPLY_ADDS / N {
        for sum in &mut sums {
            *sum = sum.mul_add(factor, summand);
        }
    }
    let mut lane = [0.0; LANES];
    for sum in sums {
        sum.store(&mut lane);
        black_box(&lane);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Level;

    #[test]
    fn every_instruction_set_does_the_same_work() {
        for level in [Level::Portable, Level::Avx2, Level::Avx512] {
            if level <= Level::detect() {
                let cpu = Cpu::with_level(2, level).unwrap();
                assert_eq!(cpu.multiply_add_in_registers(3), 3.0 * 2.0 * 16.0 * 983_040.0, "{level}");
            }
        }
    }
}
