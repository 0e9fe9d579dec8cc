//! Lanes: 16 neighbouring samples of one feature, the unit of all vector work.
//!
//! A lane is a plain array, so kernels stay safe Rust. Sixteen f32 fill one AVX-512 register or two of AVX2; sixteen f64
//! fill two or four. One width for all keeps the layout the same for every instruction set and element type.

use crate::{isa::Isa, vector::Vector};
use core_tensor::Element;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

/// Numbers in a lane.
pub(crate) const LANES: usize = 16;

/// 16 samples of one feature.
pub(crate) type Lane<T> = [T; LANES];

/// Arithmetic on the element types.
pub(crate) trait Real:
    Element
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
{
    /// A lane of this type in the registers of an instruction set.
    type Vector<I: Isa>: Vector<Self>;
    const ZERO: Self;
    const ONE: Self;
    /// `self * a + b` with one rounding.
    fn fused(self, a: Self, b: Self) -> Self;
    fn exp(self) -> Self;
    fn exp_m1(self) -> Self;
    fn tanh(self) -> Self;
    /// The error function.
    fn erf(self) -> Self;
    fn abs(self) -> Self;
    fn sqrt(self) -> Self;
    fn powf(self, power: Self) -> Self;
    fn ln(self) -> Self;
    fn ln_1p(self) -> Self;
    fn is_nan(self) -> bool;
    /// A small whole number.
    fn from_place(place: u16) -> Self;
    /// Back from [`Real::from_place`].
    fn to_place(self) -> u16;
}

macro_rules! real {
    ($type:ty, $vector:ident, $erf:path) => {
        impl Real for $type {
            type Vector<I: Isa> = I::$vector;
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            #[inline(always)]
            fn fused(self, a: Self, b: Self) -> Self {
                self.mul_add(a, b)
            }
            #[inline(always)]
            fn exp(self) -> Self {
                self.exp()
            }
            #[inline(always)]
            fn exp_m1(self) -> Self {
                self.exp_m1()
            }
            #[inline(always)]
            fn tanh(self) -> Self {
                self.tanh()
            }
            #[inline(always)]
            fn erf(self) -> Self {
                $erf(self)
            }
            #[inline(always)]
            fn abs(self) -> Self {
                self.abs()
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                self.sqrt()
            }
            #[inline(always)]
            fn powf(self, power: Self) -> Self {
                self.powf(power)
            }
            #[inline(always)]
            fn ln(self) -> Self {
                self.ln()
            }
            #[inline(always)]
            fn ln_1p(self) -> Self {
                self.ln_1p()
            }
            #[inline(always)]
            fn is_nan(self) -> bool {
                self.is_nan()
            }
            #[inline(always)]
            fn from_place(place: u16) -> Self {
                Self::from(place)
            }
            #[inline(always)]
            fn to_place(self) -> u16 {
                self as u16
            }
        }
    };
}
real!(f32, Single, libm::erff);
real!(f64, Double, libm::erf);

/// `a * b + c`, fused where the instruction set can.
#[inline(always)]
pub(crate) fn mul_add<I: Isa, T: Real>(a: T, b: T, c: T) -> T {
    if I::FMA { a.fused(b, c) } else { a * b + c }
}

/// `sum += a * b` with one `a` for the whole lane.
#[inline(always)]
pub(crate) fn accumulate_scaled<I: Isa, T: Real>(sum: &mut Lane<T>, a: T, b: &Lane<T>) {
    for l in 0..LANES {
        sum[l] = mul_add::<I, T>(a, b[l], sum[l]);
    }
}

/// `sum += a`, lane by lane.
#[inline(always)]
pub(crate) fn add<T: Real>(sum: &mut Lane<T>, a: &Lane<T>) {
    for l in 0..LANES {
        sum[l] += a[l];
    }
}

/// The sum of the 16 numbers, as a tree: always in the same order.
#[inline(always)]
pub(crate) fn horizontal_sum<T: Real>(lane: &Lane<T>) -> T {
    let mut sums = *lane;
    for width in [8, 4, 2, 1] {
        for l in 0..width {
            sums[l] += sums[l + width];
        }
    }
    sums[0]
}
