//! Activation functions and their derivatives, in place. The formulas stand at [`core_tensor::ops::Neuron`].

use super::{chunk, dtype};
use crate::{
    Cpu,
    isa::{Isa, Kernel},
    lane::{Lane, Real},
    memory::{Stored, read, write},
};
use core_tensor::{DType, Error, Launch, Result, ops::Neuron};

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
    let neuron = decode(&call)?;
    let mut y = write::<T>(call.kernel, "the blob", call.writes[0])?;
    let length = chunk(y.len());
    cpu.pool().chunks(&mut y, length, |_, y| cpu.level().run(Forward { neuron, y }));
    Ok(())
}

fn backward<T: Stored>(cpu: &Cpu, call: Launch<'_>) -> Result<()> {
    super::same_layout(&call)?;
    let neuron = decode(&call)?;
    let y = read::<T>(call.kernel, "the output", call.reads[0])?;
    let mut dy = write::<T>(call.kernel, "the gradient", call.writes[0])?;
    let length = chunk(dy.len());
    cpu.pool().chunks(&mut dy, length, |i, dy| {
        cpu.level().run(Backward { neuron, y: &y[i * length..][..dy.len()], dy });
    });
    Ok(())
}

/// Applies a neuron to lanes in place; for plans that fuse it.
#[inline(always)]
pub(crate) fn apply<I: Isa, T: Real>(neuron: Neuron, lanes: &mut [Lane<T>]) {
    match neuron {
        Neuron::Identity => {}
        Neuron::Relu { epsilon } => {
            let floor = T::from_f64(epsilon);
            // A NaN must stay one: it is how divergence is noticed.
            map(lanes, |x| if x < floor { floor } else { x });
        }
        Neuron::LeakyRelu => {
            let slope = T::from_f64(0.01);
            map(lanes, |x| if x > T::ZERO { x } else { slope * x });
        }
        Neuron::Sigmoid => map(lanes, sigmoid),
        Neuron::Tanh => map(lanes, T::tanh),
        Neuron::Exponential => map(lanes, T::exp),
        Neuron::Elu { alpha } => {
            let alpha = T::from_f64(alpha);
            map(lanes, |x| if x > T::ZERO { x } else { alpha * x.exp_m1() });
        }
        Neuron::Silu => map(lanes, |x| x * sigmoid(x)),
        Neuron::Gelu => map(lanes, |x| x * normal_below(x)),
    }
}

/// Multiplies gradients by a neuron's derivative, written in terms of its output `y`, or of its input if it needs that.
#[inline(always)]
pub(crate) fn differentiate<I: Isa, T: Real>(neuron: Neuron, y: &[Lane<T>], dy: &mut [Lane<T>]) {
    match neuron {
        Neuron::Identity => {}
        Neuron::Relu { epsilon } => {
            let floor = T::from_f64(epsilon);
            zip(y, dy, |y, dy| if y > floor { dy } else { T::ZERO });
        }
        Neuron::LeakyRelu => {
            let slope = T::from_f64(0.01);
            zip(y, dy, |y, dy| if y > T::ZERO { dy } else { slope * dy });
        }
        Neuron::Sigmoid => zip(y, dy, |y, dy| dy * y * (T::ONE - y)),
        Neuron::Tanh => zip(y, dy, |y, dy| dy * (T::ONE - y * y)),
        Neuron::Exponential => zip(y, dy, |y, dy| dy * y),
        Neuron::Elu { alpha } => {
            let alpha = T::from_f64(alpha);
            zip(y, dy, |y, dy| if y > T::ZERO { dy } else { dy * (y + alpha) });
        }
        Neuron::Silu => zip(y, dy, |x, dy| {
            let s = sigmoid(x);
            dy * s * (T::ONE + x * (T::ONE - s))
        }),
        Neuron::Gelu => {
            let (half, height) = (
                T::from_f64(0.5),
                T::from_f64(0.5 * std::f64::consts::FRAC_2_SQRT_PI * std::f64::consts::FRAC_1_SQRT_2),
            );
            zip(y, dy, |x, dy| dy * (normal_below(x) + x * height * (-half * x * x).exp()));
        }
    }
}

#[inline(always)]
pub(super) fn sigmoid<T: Real>(x: T) -> T {
    T::ONE / (T::ONE + (-x).exp())
}

/// The share of the normal distribution below `x`.
#[inline(always)]
fn normal_below<T: Real>(x: T) -> T {
    T::from_f64(0.5) * (T::ONE + (x * T::from_f64(std::f64::consts::FRAC_1_SQRT_2)).erf())
}

struct Forward<'a, T> {
    neuron: Neuron,
    y: &'a mut [Lane<T>],
}

impl<T: Real> Kernel for Forward<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        apply::<I, T>(self.neuron, self.y);
    }
}

struct Backward<'a, T> {
    neuron: Neuron,
    y: &'a [Lane<T>],
    dy: &'a mut [Lane<T>],
}

impl<T: Real> Kernel for Backward<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        differentiate::<I, T>(self.neuron, self.y, self.dy);
    }
}

#[inline(always)]
fn map<T: Real>(lanes: &mut [Lane<T>], f: impl Fn(T) -> T) {
    for lane in lanes {
        for value in lane {
            *value = f(*value);
        }
    }
}

#[inline(always)]
fn zip<T: Real>(y: &[Lane<T>], dy: &mut [Lane<T>], f: impl Fn(T, T) -> T) {
    for (dy, y) in dy.iter_mut().zip(y) {
        for (dy, &y) in dy.iter_mut().zip(y) {
            *dy = f(y, *dy);
        }
    }
}

fn decode(call: &Launch<'_>) -> Result<Neuron> {
    let (code, coefficient) = (call.sizes[0], call.scalars[0]);
    Neuron::from_code(code, coefficient).ok_or_else(|| Error::Value {
        what: "the neuron's code".into(),
        found: code.to_string(),
        expected: "one of `Neuron::code`".into(),
    })
}
