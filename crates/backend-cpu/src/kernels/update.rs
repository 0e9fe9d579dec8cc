//! Update rules of the solvers, one pass over memory each.

use super::{chunk, dtype};
use crate::{
    Cpu,
    isa::{Isa, Kernel},
    lane::{LANES, Lane, Real, mul_add},
    memory::{Stored, read, write},
};
use core_tensor::{DType, Launch, Result};

pub(crate) fn launch(cpu: &Cpu, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    (kernel == "sgd").then(|| match dtype(&call) {
        DType::F32 => sgd::<f32>(cpu, call),
        DType::F64 => sgd::<f64>(cpu, call),
    })
}

fn sgd<T: Stored>(cpu: &Cpu, call: Launch<'_>) -> Result<()> {
    let [rate, momentum, l2, l1] = std::array::from_fn(|i| T::from_f64(call.scalars[i]));
    let gradient = read::<T>(call.kernel, "the gradient", call.reads[0])?;
    let mut w = write::<T>(call.kernel, "the parameter", call.writes[0])?;
    let mut v = write::<T>(call.kernel, "the momentum", call.writes[1])?;
    let length = chunk(w.len());
    cpu.pool().chunks2((&mut w, length), (&mut v, length), |i, w, v| {
        let gradient = &gradient[i * length..][..w.len()];
        cpu.level().run(Sgd { rate, momentum, decay: Decay { l2, l1 }, gradient, w, v });
    });
    Ok(())
}

struct Sgd<'a, T> {
    rate: T,
    momentum: T,
    decay: Decay<T>,
    gradient: &'a [Lane<T>],
    w: &'a mut [Lane<T>],
    v: &'a mut [Lane<T>],
}

impl<T: Real> Kernel for Sgd<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let tiny = T::from_f64(TINY);
        for ((w, v), gradient) in self.w.iter_mut().zip(self.v).zip(self.gradient) {
            for l in 0..LANES {
                let g = self.decay.apply::<I>(gradient[l], w[l]);
                let step = mul_add::<I, T>(self.momentum, v[l], -(self.rate * g));
                v[l] = if step.abs() < tiny { T::ZERO } else { step };
                w[l] += v[l];
            }
        }
    }
}

/// Steps below this count as zero: the momentum of a weight whose gradient vanished would otherwise decay into denormal
/// numbers, on which processors are tens of times slower.
const TINY: f64 = 1e-30;

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
