//! Losses that compare two blobs element by element. The formulas stand at [`core_tensor::ops::PairLoss`]; sums are taken in
//! f64.

use super::{chunk, counted, dtype, sums::add_up};
use crate::{
    Cpu,
    isa::{Isa, Kernel},
    lane::{LANES, Lane, Real},
    memory::{Stored, blocks, read, write},
};
use core_tensor::{DType, Error, Launch, Result, ops::PairLoss};
use std::marker::PhantomData;

pub(crate) fn launch(cpu: &Cpu, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    match (kernel, dtype(&call)) {
        ("forward", DType::F32) => Some(forward::<f32>(cpu, call)),
        ("forward", DType::F64) => Some(forward::<f64>(cpu, call)),
        ("backward_first", DType::F32) => Some(backward::<f32, First>(cpu, call)),
        ("backward_first", DType::F64) => Some(backward::<f64, First>(cpu, call)),
        ("backward_second", DType::F32) => Some(backward::<f32, Second>(cpu, call)),
        ("backward_second", DType::F64) => Some(backward::<f64, Second>(cpu, call)),
        _ => None,
    }
}

fn forward<T: Stored>(cpu: &Cpu, call: Launch<'_>) -> Result<()> {
    match decode(&call)? {
        PairLoss::Square => forward_with::<T, Square>(cpu, call),
        PairLoss::BinaryCrossEntropy => forward_with::<T, BinaryCrossEntropy>(cpu, call),
        PairLoss::SigmoidCrossEntropy => forward_with::<T, SigmoidCrossEntropy>(cpu, call),
        PairLoss::Hinge => forward_with::<T, Hinge>(cpu, call),
        PairLoss::GaussianKl => forward_with::<T, GaussianKl>(cpu, call),
    }
}

fn forward_with<T: Stored, F: Function>(cpu: &Cpu, call: Launch<'_>) -> Result<()> {
    let (shape, samples) = (call.reads[0].shape(), call.sizes[1].min(call.reads[0].shape().batch()));
    let a = read::<T>(call.kernel, "the first bottom", call.reads[0])?;
    let b = read::<T>(call.kernel, "the second bottom", call.reads[1])?;
    let features = a.len() / blocks(shape.batch()).max(1);
    let sums: [f64; 2] = add_up(cpu, a.len(), |range, sums| {
        let (first, a, b) = (range.start, &a[range.clone()], &b[range]);
        cpu.level().run(Sum::<T, F> { features, samples, first, a, b, sums, function: PhantomData });
    });
    let mut result = write::<T>(call.kernel, "the result", call.writes[0])?;
    result.as_flattened_mut()[..2].copy_from_slice(&sums.map(T::from_f64));
    Ok(())
}

fn backward<T: Stored, S: Side>(cpu: &Cpu, call: Launch<'_>) -> Result<()> {
    match decode(&call)? {
        PairLoss::Square => backward_with::<T, S, Square>(cpu, call),
        PairLoss::BinaryCrossEntropy => backward_with::<T, S, BinaryCrossEntropy>(cpu, call),
        PairLoss::SigmoidCrossEntropy => backward_with::<T, S, SigmoidCrossEntropy>(cpu, call),
        PairLoss::Hinge => backward_with::<T, S, Hinge>(cpu, call),
        PairLoss::GaussianKl => backward_with::<T, S, GaussianKl>(cpu, call),
    }
}

fn backward_with<T: Stored, S: Side, F: Function>(cpu: &Cpu, call: Launch<'_>) -> Result<()> {
    let (shape, samples) = (call.reads[0].shape(), call.sizes[1].min(call.reads[0].shape().batch()));
    let scale = T::from_f64(call.scalars[0]);
    let a = read::<T>(call.kernel, "the first bottom", call.reads[0])?;
    let b = read::<T>(call.kernel, "the second bottom", call.reads[1])?;
    let mut dx = write::<T>(call.kernel, "the gradient", call.writes[0])?;
    let features = a.len() / blocks(shape.batch()).max(1);
    let length = chunk(dx.len());
    cpu.pool().chunks(&mut dx, length, |i, dx| {
        let first = i * length;
        let (a, b) = (&a[first..][..dx.len()], &b[first..][..dx.len()]);
        cpu.level().run(Slope::<T, S, F> { features, samples, first, scale, a, b, dx, function: PhantomData });
    });
    Ok(())
}

struct Sum<'a, T, F> {
    /// Elements of a sample.
    features: usize,
    samples: usize,
    /// The index of the first lane in the blob.
    first: usize,
    a: &'a [Lane<T>],
    b: &'a [Lane<T>],
    /// The sum of the losses and the number of pairs outside of the domain.
    sums: &'a mut [f64; 2],
    function: PhantomData<F>,
}

impl<T: Real, F: Function> Kernel for Sum<'_, T, F> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let mut sums = [0.0; LANES];
        for (i, (a, b)) in self.a.iter().zip(self.b).enumerate() {
            let counted = counted((self.first + i) / self.features, self.samples);
            let mut values = [0.0; LANES];
            for l in 0..LANES {
                values[l] = F::value(a[l], b[l]).to_f64();
            }
            for l in 0..LANES {
                sums[l] += if l < counted { values[l] } else { 0.0 };
            }
            if F::HAS_OUTSIDE {
                let outside = (0..counted).filter(|&l| F::LOSS.is_outside(a[l].to_f64(), b[l].to_f64()));
                self.sums[1] += outside.count() as f64;
            }
        }
        self.sums[0] += crate::lane::horizontal_sum(&sums);
    }
}

struct Slope<'a, T, S, F> {
    features: usize,
    samples: usize,
    first: usize,
    scale: T,
    a: &'a [Lane<T>],
    b: &'a [Lane<T>],
    dx: &'a mut [Lane<T>],
    function: PhantomData<(S, F)>,
}

impl<T: Real, S: Side, F: Function> Kernel for Slope<'_, T, S, F> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        for (i, dx) in self.dx.iter_mut().enumerate() {
            let counted = counted((self.first + i) / self.features, self.samples);
            let (a, b) = (&self.a[i], &self.b[i]);
            for l in 0..LANES {
                dx[l] = self.scale * S::slope::<T, F>(a[l], b[l]);
            }
            dx[counted..].fill(T::ZERO);
        }
    }
}

/// By which of the two a loss is differentiated.
trait Side {
    fn slope<T: Real, F: Function>(a: T, b: T) -> T;
}

struct First;
struct Second;

impl Side for First {
    #[inline(always)]
    fn slope<T: Real, F: Function>(a: T, b: T) -> T {
        F::first(a, b)
    }
}

impl Side for Second {
    #[inline(always)]
    fn slope<T: Real, F: Function>(a: T, b: T) -> T {
        F::second(a, b)
    }
}

/// A loss and its two derivatives.
trait Function {
    const LOSS: PairLoss;
    /// Whether there are pairs outside of the domain at all.
    const HAS_OUTSIDE: bool = false;
    fn value<T: Real>(a: T, b: T) -> T;
    fn first<T: Real>(a: T, b: T) -> T;
    fn second<T: Real>(a: T, b: T) -> T;
}

struct Square;
struct BinaryCrossEntropy;
struct SigmoidCrossEntropy;
struct Hinge;
struct GaussianKl;

impl Function for Square {
    const LOSS: PairLoss = PairLoss::Square;
    #[inline(always)]
    fn value<T: Real>(a: T, b: T) -> T {
        T::from_f64(0.5) * (a - b) * (a - b)
    }
    #[inline(always)]
    fn first<T: Real>(a: T, b: T) -> T {
        a - b
    }
    #[inline(always)]
    fn second<T: Real>(a: T, b: T) -> T {
        b - a
    }
}

/// The probability itself, or the smallest that has a logarithm here. A NaN stays one.
#[inline(always)]
fn cut<T: Real>(probability: T) -> T {
    let smallest = T::from_f64(1e-20);
    if probability < smallest { smallest } else { probability }
}

impl Function for BinaryCrossEntropy {
    const LOSS: PairLoss = PairLoss::BinaryCrossEntropy;
    const HAS_OUTSIDE: bool = true;
    #[inline(always)]
    fn value<T: Real>(a: T, b: T) -> T {
        -(b * cut(a).ln()) - (T::ONE - b) * cut(T::ONE - a).ln()
    }
    #[inline(always)]
    fn first<T: Real>(a: T, b: T) -> T {
        (T::ONE - b) / cut(T::ONE - a) - b / cut(a)
    }
    #[inline(always)]
    fn second<T: Real>(a: T, _: T) -> T {
        cut(T::ONE - a).ln() - cut(a).ln()
    }
}

impl Function for SigmoidCrossEntropy {
    const LOSS: PairLoss = PairLoss::SigmoidCrossEntropy;
    #[inline(always)]
    fn value<T: Real>(a: T, b: T) -> T {
        let positive = if a < T::ZERO { T::ZERO } else { a };
        positive - a * b + (-a.abs()).exp().ln_1p()
    }
    #[inline(always)]
    fn first<T: Real>(a: T, b: T) -> T {
        T::ONE / (T::ONE + (-a).exp()) - b
    }
    #[inline(always)]
    fn second<T: Real>(a: T, _: T) -> T {
        -a
    }
}

impl Function for Hinge {
    const LOSS: PairLoss = PairLoss::Hinge;
    #[inline(always)]
    fn value<T: Real>(a: T, b: T) -> T {
        let margin = T::ONE - a * b;
        if margin < T::ZERO { T::ZERO } else { margin }
    }
    #[inline(always)]
    fn first<T: Real>(a: T, b: T) -> T {
        if a * b < T::ONE { -b } else { T::ZERO }
    }
    #[inline(always)]
    fn second<T: Real>(a: T, b: T) -> T {
        if a * b < T::ONE { -a } else { T::ZERO }
    }
}

impl Function for GaussianKl {
    const LOSS: PairLoss = PairLoss::GaussianKl;
    const HAS_OUTSIDE: bool = true;
    #[inline(always)]
    fn value<T: Real>(a: T, b: T) -> T {
        T::from_f64(0.5) * (a * a + b * b - T::ONE) - b.ln()
    }
    #[inline(always)]
    fn first<T: Real>(a: T, _: T) -> T {
        a
    }
    #[inline(always)]
    fn second<T: Real>(_: T, b: T) -> T {
        b - T::ONE / b
    }
}

fn decode(call: &Launch<'_>) -> Result<PairLoss> {
    let known = [Square::LOSS, BinaryCrossEntropy::LOSS, SigmoidCrossEntropy::LOSS, Hinge::LOSS, GaussianKl::LOSS];
    known.into_iter().find(|loss| loss.code() == call.sizes[0]).ok_or_else(|| Error::Value {
        what: "the loss's code".into(),
        found: call.sizes[0].to_string(),
        expected: "one of `PairLoss::code`".into(),
    })
}
