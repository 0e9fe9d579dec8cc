//! Update rules of the solvers, one pass over memory each.
//!
//! What they share (threads, the regularizer, walking over gradient, parameter and history) stands here; `rules.rs` has what
//! each makes of one number. A function with loops of its own for each rule was rejected: five times the same forty lines.

mod rules;

use super::{chunk, dtype, same_layout};
use crate::{
    Cpu,
    isa::{Isa, Kernel},
    lane::{LANES, Lane, Real, mul_add},
    memory::{Stored, Write, read, write},
};
use core_tensor::{DType, Launch, Result};

pub(crate) fn launch(cpu: &Cpu, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    match dtype(&call) {
        DType::F32 => rules::launch::<f32>(cpu, kernel, call),
        DType::F64 => rules::launch::<f64>(cpu, kernel, call),
    }
}

/// What a rule makes of one number of a parameter; `K` counts the parameter and its histories.
trait Rule<T: Real, const K: usize>: Copy + Sync {
    /// Changes the parameter, which comes first, and its histories by the decayed gradient `g`. To be marked
    /// `#[inline(always)]`, as everything in a kernel.
    fn step<I: Isa>(self, g: T, values: &mut [T; K]);
}

/// Applies a rule to a parameter as a whole.
fn apply<T: Stored, const K: usize>(cpu: &Cpu, call: Launch<'_>, rule: impl Rule<T, K>) -> Result<()> {
    same_layout(&call)?;
    let decay = Decay { l2: T::from_f64(call.scalars[1]), l1: T::from_f64(call.scalars[2]) };
    let gradient = read::<T>(call.kernel, "the gradient", call.reads[0])?;
    let mut locks = lock_all::<T, K>(&call)?;
    let values = locks.each_mut().map(|lock| lock.as_deref_mut().unwrap_or_default());
    let length = chunk(gradient.len());
    cpu.pool().chunks_of(values, length, |i, values| {
        let gradient = &gradient[i * length..];
        cpu.level().run(Walk { rule, decay, gradient, values });
    });
    Ok(())
}

/// All tensors that the call writes, each of them there.
fn lock_all<'a, T: Stored, const K: usize>(call: &Launch<'a>) -> Result<[Option<Write<'a, T>>; K]> {
    let mut outcome = Ok(());
    let locks = std::array::from_fn(|i| {
        let what = if i == 0 { "the parameter" } else { "the history" };
        write(call.kernel, what, call.writes[i]).map_err(|error| outcome = Err(error)).ok()
    });
    outcome.map(|()| locks)
}

struct Walk<'a, T, R, const K: usize> {
    rule: R,
    decay: Decay<T>,
    gradient: &'a [Lane<T>],
    values: [&'a mut [Lane<T>]; K],
}

impl<T: Real, R: Rule<T, K>, const K: usize> Kernel for Walk<'_, T, R, K> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        for i in 0..self.values[0].len() {
            let gradient = &self.gradient[i];
            let mut lanes: [Lane<T>; K] = std::array::from_fn(|k| self.values[k][i]);
            for l in 0..LANES {
                let mut values = std::array::from_fn(|k| lanes[k][l]);
                let g = self.decay.apply::<I>(gradient[l], values[0]);
                self.rule.step::<I>(g, &mut values);
                for k in 0..K {
                    lanes[k][l] = values[k];
                }
            }
            for k in 0..K {
                self.values[k][i] = lanes[k];
            }
        }
    }
}

/// The regularizer's part of a gradient.
#[derive(Clone, Copy)]
struct Decay<T> {
    l2: T,
    l1: T,
}

impl<T: Real> Decay<T> {
    #[inline(always)]
    fn apply<I: Isa>(self, gradient: T, w: T) -> T {
        let sign = if w > T::ZERO {
            T::ONE
        } else if w < T::ZERO {
            -T::ONE
        } else {
            T::ZERO
        };
        mul_add::<I, T>(self.l2, w, mul_add::<I, T>(self.l1, sign, gradient))
    }
}
