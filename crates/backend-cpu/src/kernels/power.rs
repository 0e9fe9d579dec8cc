//! `(scale x + shift)^power`, element by element. Powers that a multiplication, a division or a square root can do are told
//! apart from the others, for which the library's `powf` is several times slower.

use super::{chunk, dtype, same_layout};
use crate::{
    Cpu,
    isa::{Isa, Kernel},
    lane::{LANES, Lane, Real, mul_add},
    memory::{Stored, read, write},
};
use core_tensor::{DType, Launch, Result};

pub(crate) fn launch(cpu: &Cpu, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    match (kernel, dtype(&call)) {
        ("forward", DType::F32) => Some(forward::<f32>(cpu, call)),
        ("forward", DType::F64) => Some(forward::<f64>(cpu, call)),
        ("backward", DType::F32) => Some(backward::<f32>(cpu, call)),
        ("backward", DType::F64) => Some(backward::<f64>(cpu, call)),
        _ => None,
    }
}

fn forward<T: Stored>(cpu: &Cpu, call: Launch<'_>) -> Result<()> {
    same_layout(&call)?;
    let [scale, shift, power] = std::array::from_fn(|i| call.scalars[i]);
    let (scale, shift, exponent) = (T::from_f64(scale), T::from_f64(shift), Exponent::new(power));
    let x = read::<T>(call.kernel, "the input", call.reads[0])?;
    let mut y = write::<T>(call.kernel, "the output", call.writes[0])?;
    let length = chunk(y.len());
    cpu.pool().chunks(&mut y, length, |i, y| {
        cpu.level().run(Forward { scale, shift, exponent, x: &x[i * length..][..y.len()], y });
    });
    Ok(())
}

fn backward<T: Stored>(cpu: &Cpu, call: Launch<'_>) -> Result<()> {
    same_layout(&call)?;
    let [scale, shift, power] = std::array::from_fn(|i| call.scalars[i]);
    let factor = T::from_f64(scale * power);
    let (scale, shift, exponent) = (T::from_f64(scale), T::from_f64(shift), Exponent::new(power - 1.0));
    let x = read::<T>(call.kernel, "the input", call.reads[0])?;
    let dy = read::<T>(call.kernel, "the gradient", call.reads[1])?;
    let mut dx = write::<T>(call.kernel, "the result", call.writes[0])?;
    if power == 0.0 {
        // The general formula has 0 times infinity where the base is 0.
        dx.fill([T::ZERO; LANES]);
        return Ok(());
    }
    let length = chunk(dx.len());
    cpu.pool().chunks(&mut dx, length, |i, dx| {
        let (x, dy) = (&x[i * length..][..dx.len()], &dy[i * length..][..dx.len()]);
        cpu.level().run(Backward { scale, shift, exponent, factor, x, dy, dx });
    });
    Ok(())
}

#[derive(Clone, Copy)]
enum Exponent<T> {
    Zero,
    One,
    Two,
    MinusOne,
    Half,
    Other(T),
}

impl<T: Real> Exponent<T> {
    fn new(power: f64) -> Self {
        match power {
            0.0 => Exponent::Zero,
            1.0 => Exponent::One,
            2.0 => Exponent::Two,
            -1.0 => Exponent::MinusOne,
            0.5 => Exponent::Half,
            other => Exponent::Other(T::from_f64(other)),
        }
    }

    #[inline(always)]
    fn of(self, base: &Lane<T>) -> Lane<T> {
        match self {
            Exponent::Zero => [T::ONE; LANES],
            Exponent::One => *base,
            Exponent::Two => map(base, |x| x * x),
            Exponent::MinusOne => map(base, |x| T::ONE / x),
            Exponent::Half => map(base, T::sqrt),
            Exponent::Other(power) => map(base, |x| x.powf(power)),
        }
    }
}

#[inline(always)]
fn map<T: Real>(lane: &Lane<T>, f: impl Fn(T) -> T) -> Lane<T> {
    let mut result = *lane;
    for value in &mut result {
        *value = f(*value);
    }
    result
}

struct Forward<'a, T> {
    scale: T,
    shift: T,
    exponent: Exponent<T>,
    x: &'a [Lane<T>],
    y: &'a mut [Lane<T>],
}

impl<T: Real> Kernel for Forward<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        for (y, x) in self.y.iter_mut().zip(self.x) {
            *y = self.exponent.of(&affine::<I, T>(self.scale, self.shift, x));
        }
    }
}

struct Backward<'a, T> {
    scale: T,
    shift: T,
    exponent: Exponent<T>,
    factor: T,
    x: &'a [Lane<T>],
    dy: &'a [Lane<T>],
    dx: &'a mut [Lane<T>],
}

impl<T: Real> Kernel for Backward<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        for ((dx, x), dy) in self.dx.iter_mut().zip(self.x).zip(self.dy) {
            let slope = self.exponent.of(&affine::<I, T>(self.scale, self.shift, x));
            for l in 0..LANES {
                dx[l] = self.factor * slope[l] * dy[l];
            }
        }
    }
}

#[inline(always)]
fn affine<I: Isa, T: Real>(scale: T, shift: T, x: &Lane<T>) -> Lane<T> {
    let mut result = [T::ZERO; LANES];
    for l in 0..LANES {
        result[l] = mul_add::<I, T>(scale, x[l], shift);
    }
    result
}
