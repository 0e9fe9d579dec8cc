//! A lane in registers: the one small type behind which `std::arch` hides.
//!
//! Kernels that keep many sums in registers (products, transforms) work on [`Vector`]s; those that only pass over memory
//! work on plain [`Lane`] arrays and leave the rest to the compiler. With plain arrays everywhere the compiler kept some
//! tiles in memory and vectorized some transforms across the wrong axis, up to six times slower, and took a minute longer.
//!
//! f64, which is for gradient checks, is an array on every instruction set.

use crate::lane::{LANES, Lane, Real, horizontal_sum};

/// 16 numbers of type `T`.
pub(crate) trait Vector<T>: Copy {
    /// The same number 16 times.
    fn splat(value: T) -> Self;
    /// From memory.
    fn load(lane: &Lane<T>) -> Self;
    /// To memory.
    fn store(self, lane: &mut Lane<T>);
    /// The sum.
    fn add(self, other: Self) -> Self;
    /// The difference.
    fn sub(self, other: Self) -> Self;
    /// `self * factor + summand`, fused where the instruction set can.
    fn mul_add(self, factor: Self, summand: Self) -> Self;
    /// The product.
    fn mul(self, other: Self) -> Self;
    /// Where this is larger than `other`, or not a number: a NaN must win a maximum, so that divergence shows.
    fn beats(self, other: Self) -> Mask;
    /// The one where the mask says so, the other elsewhere.
    fn select(mask: Mask, yes: Self, no: Self) -> Self;
    /// A number and what belongs to it: the challenger's where its number beats the champion's. Without a [`Mask`], which AVX2
    /// would put together only to take it apart again.
    fn duel(challenger: [Self; 2], champion: [Self; 2]) -> [Self; 2];
    /// `self` where `a` equals `b`, else zero.
    fn where_equal(self, a: Self, b: Self) -> Self;
    /// The sum of each of 16 vectors, as one vector; always added in the same order.
    fn sums_of(vectors: &[Self; LANES]) -> Self;
}

/// A bit for each of 16 numbers, the first in the lowest.
pub(crate) type Mask = u16;

/// A plain array, computed with and without fused multiply-add.
#[derive(Clone, Copy)]
pub(crate) struct Array<T, const FMA: bool>(Lane<T>);

impl<T: Real, const FMA: bool> Array<T, FMA> {
    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(T, T) -> T) -> Self {
        let mut result = self;
        for l in 0..LANES {
            result.0[l] = f(self.0[l], other.0[l]);
        }
        result
    }
}

impl<T: Real, const FMA: bool> Vector<T> for Array<T, FMA> {
    #[inline(always)]
    fn splat(value: T) -> Self {
        Array([value; LANES])
    }
    #[inline(always)]
    fn load(lane: &Lane<T>) -> Self {
        Array(*lane)
    }
    #[inline(always)]
    fn store(self, lane: &mut Lane<T>) {
        *lane = self.0;
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.zip(other, |a, b| a - b)
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, summand: Self) -> Self {
        let mut result = self;
        for l in 0..LANES {
            let (a, b, c) = (self.0[l], factor.0[l], summand.0[l]);
            result.0[l] = if FMA { a.fused(b, c) } else { a * b + c };
        }
        result
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.zip(other, |a, b| a * b)
    }
    #[inline(always)]
    fn beats(self, other: Self) -> Mask {
        let mut mask = 0;
        for l in 0..LANES {
            mask |= Mask::from((self.0[l] > other.0[l]) | self.0[l].is_nan()) << l;
        }
        mask
    }
    #[inline(always)]
    fn select(mask: Mask, yes: Self, no: Self) -> Self {
        let mut result = no;
        for l in 0..LANES {
            result.0[l] = if mask >> l & 1 == 1 { yes.0[l] } else { no.0[l] };
        }
        result
    }
    #[inline(always)]
    fn duel(challenger: [Self; 2], champion: [Self; 2]) -> [Self; 2] {
        // Compare and select as separate loops: in one loop with an `if` the compiler makes sixteen branches.
        let mut wins = [false; LANES];
        for l in 0..LANES {
            wins[l] = (challenger[0].0[l] > champion[0].0[l]) | challenger[0].0[l].is_nan();
        }
        let mut winner = champion;
        for i in 0..2 {
            for l in 0..LANES {
                winner[i].0[l] = if wins[l] { challenger[i].0[l] } else { champion[i].0[l] };
            }
        }
        winner
    }
    #[inline(always)]
    fn where_equal(self, a: Self, b: Self) -> Self {
        let mut result = self;
        for l in 0..LANES {
            result.0[l] = if a.0[l] == b.0[l] { self.0[l] } else { T::ZERO };
        }
        result
    }
    #[inline(always)]
    fn sums_of(vectors: &[Self; LANES]) -> Self {
        Array(std::array::from_fn(|i| horizontal_sum(&vectors[i].0)))
    }
}

#[cfg(target_arch = "x86_64")]
pub(crate) use x86::{Ymms, Zmm};

// SAFETY of all blocks in this module: the intrinsics need AVX-512 F (`Zmm`) or AVX and FMA (`Ymms`). The two types are
// named only by `Isa` implementations that `Level::run` selects, which does so only on processors that have the features.
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod x86 {
    use super::{LANES, Lane, Mask, Vector};
    use std::arch::x86_64::*;

    /// One AVX-512 register.
    #[derive(Clone, Copy)]
    pub(crate) struct Zmm(__m512);

    impl Vector<f32> for Zmm {
        #[inline(always)]
        fn splat(value: f32) -> Self {
            // SAFETY: see the module.
            unsafe { Zmm(_mm512_set1_ps(value)) }
        }
        #[inline(always)]
        fn load(lane: &Lane<f32>) -> Self {
            // SAFETY: see the module; a lane is 16 numbers, and the load needs no alignment.
            unsafe { Zmm(_mm512_loadu_ps(lane.as_ptr())) }
        }
        #[inline(always)]
        fn store(self, lane: &mut Lane<f32>) {
            // SAFETY: see the module; a lane is 16 numbers, and the store needs no alignment.
            unsafe { _mm512_storeu_ps(lane.as_mut_ptr(), self.0) }
        }
        #[inline(always)]
        fn add(self, other: Self) -> Self {
            // SAFETY: see the module.
            unsafe { Zmm(_mm512_add_ps(self.0, other.0)) }
        }
        #[inline(always)]
        fn sub(self, other: Self) -> Self {
            // SAFETY: see the module.
            unsafe { Zmm(_mm512_sub_ps(self.0, other.0)) }
        }
        #[inline(always)]
        fn mul_add(self, factor: Self, summand: Self) -> Self {
            // SAFETY: see the module.
            unsafe { Zmm(_mm512_fmadd_ps(self.0, factor.0, summand.0)) }
        }
        #[inline(always)]
        fn mul(self, other: Self) -> Self {
            // SAFETY: see the module.
            unsafe { Zmm(_mm512_mul_ps(self.0, other.0)) }
        }
        #[inline(always)]
        fn beats(self, other: Self) -> Mask {
            // SAFETY: see the module.
            unsafe {
                _mm512_cmp_ps_mask::<_CMP_GT_OQ>(self.0, other.0) | _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(self.0, self.0)
            }
        }
        #[inline(always)]
        fn select(mask: Mask, yes: Self, no: Self) -> Self {
            // SAFETY: see the module.
            unsafe { Zmm(_mm512_mask_blend_ps(mask, no.0, yes.0)) }
        }
        #[inline(always)]
        fn duel(challenger: [Self; 2], champion: [Self; 2]) -> [Self; 2] {
            let wins = challenger[0].beats(champion[0]);
            [Self::select(wins, challenger[0], champion[0]), Self::select(wins, challenger[1], champion[1])]
        }
        #[inline(always)]
        fn where_equal(self, a: Self, b: Self) -> Self {
            // SAFETY: see the module.
            unsafe { Zmm(_mm512_maskz_mov_ps(_mm512_cmp_ps_mask::<_CMP_EQ_OQ>(a.0, b.0), self.0)) }
        }
        /// Transposes while it adds: 16 vectors become 8 of pairs, 4 of fours, 2 of eights and one of sums.
        #[inline(always)]
        fn sums_of(vectors: &[Self; LANES]) -> Self {
            // SAFETY: see the module.
            unsafe {
                let pairs: [__m512; 8] = std::array::from_fn(|i| {
                    let (a, b) = (vectors[2 * i].0, vectors[2 * i + 1].0);
                    _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b))
                });
                let fours: [__m512; 4] = std::array::from_fn(|i| {
                    let (a, b) = (_mm512_castps_pd(pairs[2 * i]), _mm512_castps_pd(pairs[2 * i + 1]));
                    let (low, high) = (_mm512_unpacklo_pd(a, b), _mm512_unpackhi_pd(a, b));
                    _mm512_add_ps(_mm512_castpd_ps(low), _mm512_castpd_ps(high))
                });
                let quarters =
                    |a, b| _mm512_add_ps(_mm512_shuffle_f32x4::<0x88>(a, b), _mm512_shuffle_f32x4::<0xdd>(a, b));
                Zmm(quarters(quarters(fours[0], fours[1]), quarters(fours[2], fours[3])))
            }
        }
    }

    /// Two AVX registers.
    #[derive(Clone, Copy)]
    pub(crate) struct Ymms(__m256, __m256);

    impl Vector<f32> for Ymms {
        #[inline(always)]
        fn splat(value: f32) -> Self {
            // SAFETY: see the module.
            let half = unsafe { _mm256_set1_ps(value) };
            Ymms(half, half)
        }
        #[inline(always)]
        fn load(lane: &Lane<f32>) -> Self {
            // SAFETY: see the module; a lane is 16 numbers, and the loads need no alignment.
            unsafe { Ymms(_mm256_loadu_ps(lane.as_ptr()), _mm256_loadu_ps(lane.as_ptr().add(8))) }
        }
        #[inline(always)]
        fn store(self, lane: &mut Lane<f32>) {
            // SAFETY: see the module; a lane is 16 numbers, and the stores need no alignment.
            unsafe {
                _mm256_storeu_ps(lane.as_mut_ptr(), self.0);
                _mm256_storeu_ps(lane.as_mut_ptr().add(8), self.1);
            }
        }
        #[inline(always)]
        fn add(self, other: Self) -> Self {
            // SAFETY: see the module.
            unsafe { Ymms(_mm256_add_ps(self.0, other.0), _mm256_add_ps(self.1, other.1)) }
        }
        #[inline(always)]
        fn sub(self, other: Self) -> Self {
            // SAFETY: see the module.
            unsafe { Ymms(_mm256_sub_ps(self.0, other.0), _mm256_sub_ps(self.1, other.1)) }
        }
        #[inline(always)]
        fn mul_add(self, factor: Self, summand: Self) -> Self {
            // SAFETY: see the module.
            unsafe { Ymms(_mm256_fmadd_ps(self.0, factor.0, summand.0), _mm256_fmadd_ps(self.1, factor.1, summand.1)) }
        }
        #[inline(always)]
        fn mul(self, other: Self) -> Self {
            // SAFETY: see the module.
            unsafe { Ymms(_mm256_mul_ps(self.0, other.0), _mm256_mul_ps(self.1, other.1)) }
        }
        #[inline(always)]
        fn beats(self, other: Self) -> Mask {
            // SAFETY: see the module.
            let half = |a, b| unsafe {
                let wins = _mm256_or_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(a, b), _mm256_cmp_ps::<_CMP_UNORD_Q>(a, a));
                _mm256_movemask_ps(wins) as Mask
            };
            half(self.0, other.0) | half(self.1, other.1) << 8
        }
        #[inline(always)]
        fn select(mask: Mask, yes: Self, no: Self) -> Self {
            // SAFETY: see the module.
            let half = |mask: Mask, yes, no| unsafe {
                // One bit for each of eight numbers becomes all bits of that number.
                let bits = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
                let set = _mm256_and_si256(_mm256_set1_epi32(i32::from(mask)), bits);
                _mm256_blendv_ps(no, yes, _mm256_castsi256_ps(_mm256_cmpeq_epi32(set, bits)))
            };
            Ymms(half(mask, yes.0, no.0), half(mask >> 8, yes.1, no.1))
        }
        #[inline(always)]
        fn duel([x, xs]: [Self; 2], [y, ys]: [Self; 2]) -> [Self; 2] {
            // SAFETY: see the module.
            unsafe {
                let low = _mm256_or_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(x.0, y.0), _mm256_cmp_ps::<_CMP_UNORD_Q>(x.0, x.0));
                let high = _mm256_or_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(x.1, y.1), _mm256_cmp_ps::<_CMP_UNORD_Q>(x.1, x.1));
                [
                    Ymms(_mm256_blendv_ps(y.0, x.0, low), _mm256_blendv_ps(y.1, x.1, high)),
                    Ymms(_mm256_blendv_ps(ys.0, xs.0, low), _mm256_blendv_ps(ys.1, xs.1, high)),
                ]
            }
        }
        #[inline(always)]
        fn where_equal(self, a: Self, b: Self) -> Self {
            // SAFETY: see the module.
            unsafe {
                let (low, high) = (_mm256_cmp_ps::<_CMP_EQ_OQ>(a.0, b.0), _mm256_cmp_ps::<_CMP_EQ_OQ>(a.1, b.1));
                Ymms(_mm256_and_ps(low, self.0), _mm256_and_ps(high, self.1))
            }
        }
        /// Adds neighbours within halves (`hadd`) until eight sums stand in two halves each.
        #[inline(always)]
        fn sums_of(vectors: &[Self; LANES]) -> Self {
            // SAFETY: see the module.
            let halves: [__m256; LANES] = std::array::from_fn(|i| unsafe { _mm256_add_ps(vectors[i].0, vectors[i].1) });
            // SAFETY: see the module.
            let eight = |v: &[__m256]| unsafe {
                let (a, b) = (_mm256_hadd_ps(v[0], v[1]), _mm256_hadd_ps(v[2], v[3]));
                let (c, d) = (_mm256_hadd_ps(v[4], v[5]), _mm256_hadd_ps(v[6], v[7]));
                let (low, high) = (_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
                let crossed = _mm256_permute2f128_ps::<0x21>(low, high);
                _mm256_add_ps(crossed, _mm256_blend_ps::<0xf0>(low, high))
            };
            Ymms(eight(&halves[..8]), eight(&halves[8..]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::{Isa, Kernel, Level};

    struct Check;

    impl Kernel for Check {
        #[inline(always)]
        fn run<I: Isa>(self) {
            let lanes: [Lane<f32>; LANES] = std::array::from_fn(|i| std::array::from_fn(|l| (100 * i + l) as f32));
            let mut sums = [0.0; LANES];
            I::Single::sums_of(&lanes.map(|lane| I::Single::load(&lane))).store(&mut sums);
            assert_eq!(sums, std::array::from_fn(|i| (1600 * i + 120) as f32));
            let (two, three) = (I::Single::splat(2.0), I::Single::splat(3.0));
            I::Single::load(&lanes[1]).sub(three).add(two).mul_add(two, three).store(&mut sums);
            assert_eq!(sums, std::array::from_fn(|l| 2.0 * (99 + l) as f32 + 3.0));
            I::Single::load(&lanes[1]).mul(three).store(&mut sums);
            assert_eq!(sums, std::array::from_fn(|l| 3.0 * (100 + l) as f32));
            let (mut a, b) = ([1.0; LANES], [2.0; LANES]);
            (a[0], a[9], a[15]) = (3.0, f32::NAN, f32::INFINITY);
            let mask = I::Single::load(&a).beats(I::Single::load(&b));
            assert_eq!(mask, 1 << 15 | 1 << 9 | 1);
            I::Single::select(mask, two, three).store(&mut sums);
            assert_eq!(sums, std::array::from_fn(|l| if mask >> l & 1 == 1 { 2.0 } else { 3.0 }));
            let [_, who] = I::Single::duel([Vector::load(&a), two], [Vector::load(&b), three]);
            who.store(&mut sums);
            assert_eq!(sums, std::array::from_fn(|l| if mask >> l & 1 == 1 { 2.0 } else { 3.0 }));
            who.where_equal(who, two).store(&mut sums);
            assert_eq!(sums, std::array::from_fn(|l| if mask >> l & 1 == 1 { 2.0 } else { 0.0 }));
        }
    }

    #[test]
    fn vectors_compute_alike_on_every_instruction_set() {
        for level in [Level::Portable, Level::Avx2, Level::Avx512] {
            if level <= Level::detect() {
                level.run(Check);
            }
        }
    }
}
