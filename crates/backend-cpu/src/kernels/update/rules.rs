//! The rules, in the terms of `core_tensor::ops::kernels`. `kernels/update.cu` rounds where these do, in the same order.

use super::{Decay, Rule, apply};
use crate::{
    Cpu,
    isa::Isa,
    lane::{Real, mul_add},
    memory::Stored,
};
use core_tensor::{Launch, Result};

pub(super) fn launch<T: Stored>(cpu: &Cpu, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    let rate = T::from_f64(call.scalars[0]);
    // Everything after rate, l2 and l1.
    let scalars = &call.scalars[3..];
    let number = |i: usize| T::from_f64(scalars[i]);
    let rest = |i: usize| T::from_f64(1.0 - scalars[i]);
    Some(match kernel {
        "sgd" => apply(cpu, call, Sgd { rate, momentum: number(0) }),
        "nesterov" => apply(cpu, call, Nesterov { rate, momentum: number(0) }),
        "adam" => {
            let (beta1, beta2) = ((number(0), rest(0)), (number(1), rest(1)));
            let decoupled = Decay { l2: number(4), l1: number(5) };
            apply(cpu, call, Adam { rate, beta1, beta2, step: number(2), epsilon: number(3), decoupled })
        }
        "rms" => apply(cpu, call, Rms { rate, keep: number(0), add: number(1), epsilon: number(2) }),
        "adadelta" => apply(cpu, call, Adadelta { rate, rho: (number(0), rest(0)), epsilon: number(1) }),
        _ => return None,
    })
}

/// Steps below this count as zero: the momentum of a weight whose gradient vanished would otherwise decay into denormal
/// numbers, on which processors are tens of times slower.
const TINY: f64 = 1e-30;
/// The same for means of squares.
const TINY_SQUARE: f64 = 1e-36;

#[inline(always)]
fn unless_tiny<T: Real>(value: T, tiny: f64) -> T {
    if value.abs() < T::from_f64(tiny) { T::ZERO } else { value }
}

/// A mean of squares that forgets: `(keep, add)` are the weights of the old and of the new.
#[inline(always)]
fn mean_of_squares<I: Isa, T: Real>((keep, add): (T, T), old: T, new: T) -> T {
    unless_tiny(mul_add::<I, T>(keep, old, add * new * new), TINY_SQUARE)
}

#[derive(Clone, Copy)]
struct Sgd<T> {
    rate: T,
    momentum: T,
}

impl<T: Real> Rule<T, 2> for Sgd<T> {
    #[inline(always)]
    fn step<I: Isa>(self, g: T, [w, v]: &mut [T; 2]) {
        *v = unless_tiny(mul_add::<I, T>(self.momentum, *v, -(self.rate * g)), TINY);
        *w += *v;
    }
}

#[derive(Clone, Copy)]
struct Nesterov<T> {
    rate: T,
    momentum: T,
}

impl<T: Real> Rule<T, 2> for Nesterov<T> {
    #[inline(always)]
    fn step<I: Isa>(self, g: T, [w, v]: &mut [T; 2]) {
        let before = *v;
        *v = unless_tiny(mul_add::<I, T>(self.momentum, before, -(self.rate * g)), TINY);
        *w += mul_add::<I, T>(self.momentum, *v - before, *v);
    }
}

#[derive(Clone, Copy)]
struct Adam<T> {
    rate: T,
    /// Each with its difference from 1.
    beta1: (T, T),
    beta2: (T, T),
    step: T,
    epsilon: T,
    decoupled: Decay<T>,
}

impl<T: Real> Rule<T, 3> for Adam<T> {
    #[inline(always)]
    fn step<I: Isa>(self, g: T, [w, m, v]: &mut [T; 3]) {
        *m = unless_tiny(mul_add::<I, T>(self.beta1.0, *m, self.beta1.1 * g), TINY);
        *v = mean_of_squares::<I, T>(self.beta2, *v, g);
        let decayed = mul_add::<I, T>(-self.rate, self.decoupled.apply::<I>(T::ZERO, *w), *w);
        *w = decayed - self.step * *m / (v.sqrt() + self.epsilon);
    }
}

#[derive(Clone, Copy)]
struct Rms<T> {
    rate: T,
    keep: T,
    add: T,
    epsilon: T,
}

impl<T: Real> Rule<T, 2> for Rms<T> {
    #[inline(always)]
    fn step<I: Isa>(self, g: T, [w, h]: &mut [T; 2]) {
        *h = mean_of_squares::<I, T>((self.keep, self.add), *h, g);
        *w = *w - self.rate * g / (h.sqrt() + self.epsilon);
    }
}

#[derive(Clone, Copy)]
struct Adadelta<T> {
    rate: T,
    /// With its difference from 1.
    rho: (T, T),
    epsilon: T,
}

impl<T: Real> Rule<T, 3> for Adadelta<T> {
    #[inline(always)]
    fn step<I: Isa>(self, g: T, [w, h, s]: &mut [T; 3]) {
        *h = mean_of_squares::<I, T>(self.rho, *h, g);
        let d = (*s + self.epsilon).sqrt() / (*h + self.epsilon).sqrt() * g;
        *s = mean_of_squares::<I, T>(self.rho, *s, d);
        *w = mul_add::<I, T>(-self.rate, d, *w);
    }
}
