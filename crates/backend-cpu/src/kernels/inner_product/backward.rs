//! The gradients of an inner product: `dx = Wᵀ dy` for up to four blocks of samples, `dW = dy xᵀ` for rows of W.

use super::Sizes;
use crate::{
    isa::{Isa, Kernel},
    lane::{LANES, Lane, Real},
    vector::Vector,
};

/// Inputs of one transposed panel, in lanes.
pub(super) const PANEL: usize = 2;

pub(super) struct BackwardData<'a, T> {
    pub(super) sizes: Sizes,
    pub(super) weight: &'a [T],
    pub(super) dy: &'a [Lane<T>],
    pub(super) first_block: usize,
    /// The first input.
    pub(super) first: usize,
    pub(super) count: usize,
    pub(super) dx: [&'a mut [Lane<T>]; 4],
}

impl<T: Real> Kernel for BackwardData<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(mut self) {
        let room = I::REGISTER_BYTES / size_of::<Lane<T>>();
        let inputs = self.dx[0].len();
        let mut i = 0;
        while i < inputs {
            let left = inputs - i;
            i += match self.count {
                4 if room >= 32 && left >= 5 => self.tile::<I, 5, 4>(i, 0),
                4 if room >= 16 && left >= 2 => self.tile::<I, 2, 4>(i, 0),
                2 if room >= 32 && left >= 10 => self.tile::<I, 10, 2>(i, 0),
                2 if room >= 16 && left >= 5 => self.tile::<I, 5, 2>(i, 0),
                1 if room >= 16 && left >= 10 => self.tile::<I, 10, 1>(i, 0),
                // With few registers block by block: more inputs at once spare more loads than more blocks.
                _ if left >= 5 => self.each_block::<I>(i),
                4 => self.tile::<I, 1, 4>(i, 0),
                2 => self.tile::<I, 1, 2>(i, 0),
                _ => self.tile::<I, 1, 1>(i, 0),
            };
        }
    }
}

impl<T: Real> BackwardData<'_, T> {
    /// Five inputs from `i`, one block after the other.
    #[inline(always)]
    fn each_block<I: Isa>(&mut self, i: usize) -> usize {
        for block in 0..self.count {
            self.tile::<I, 5, 1>(i, block);
        }
        5
    }

    /// `R` inputs from `i` of `B` blocks from `block`; returns `R`.
    #[inline(always)]
    fn tile<I: Isa, const R: usize, const B: usize>(&mut self, i: usize, block: usize) -> usize {
        let Sizes { inputs, outputs, .. } = self.sizes;
        let first = self.first + i;
        let dy: [&[Lane<T>]; B] =
            std::array::from_fn(|b| &self.dy[(self.first_block + block + b) * outputs..][..outputs]);
        let mut sums = [[T::Vector::<I>::splat(T::ZERO); B]; R];
        for o in 0..outputs {
            let weights = &self.weight[o * inputs + first..][..R];
            let dy: [T::Vector<I>; B] = std::array::from_fn(|b| Vector::load(&dy[b][o]));
            for r in 0..R {
                let weight = Vector::splat(weights[r]);
                for b in 0..B {
                    sums[r][b] = dy[b].mul_add(weight, sums[r][b]);
                }
            }
        }
        for r in 0..R {
            for b in 0..B {
                sums[r][b].store(&mut self.dx[block + b][i + r]);
            }
        }
        R
    }
}

/// Copies `PANEL * LANES` inputs of all samples so that a sample's inputs are neighbours.
pub(super) fn transpose<T: Real>(x: &[Lane<T>], sizes: Sizes, panel: usize, target: &mut [Lane<T>]) {
    let first = panel * PANEL * LANES;
    let count = (sizes.inputs - first).min(PANEL * LANES);
    for sample in 0..sizes.batch {
        let x = &x[sample / LANES * sizes.inputs + first..][..count];
        let row = target[sample * PANEL..][..PANEL].as_flattened_mut();
        for (target, lane) in row.iter_mut().zip(x) {
            *target = lane[sample % LANES];
        }
    }
}

pub(super) struct BackwardWeight<'a, T> {
    pub(super) sizes: Sizes,
    pub(super) transposed: &'a [Lane<T>],
    pub(super) dy: &'a [Lane<T>],
    /// The first output.
    pub(super) first: usize,
    pub(super) add: bool,
    pub(super) rows: &'a mut [T],
}

impl<T: Real> Kernel for BackwardWeight<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(mut self) {
        let room = I::REGISTER_BYTES / size_of::<Lane<T>>();
        let outputs = self.rows.len() / self.sizes.inputs;
        for panel in 0..self.sizes.inputs.div_ceil(PANEL * LANES) {
            let mut o = 0;
            while o < outputs {
                let left = outputs - o;
                o += match room {
                    32.. if left >= 10 => self.tile::<I, 10>(panel, o),
                    16.. if left >= 5 => self.tile::<I, 5>(panel, o),
                    8.. if left >= 2 => self.tile::<I, 2>(panel, o),
                    _ => self.tile::<I, 1>(panel, o),
                };
            }
        }
    }
}

impl<T: Real> BackwardWeight<'_, T> {
    #[inline(always)]
    fn tile<I: Isa, const O: usize>(&mut self, panel: usize, o: usize) -> usize {
        let Sizes { inputs, outputs, batch, .. } = self.sizes;
        let x = &self.transposed[panel * batch * PANEL..][..batch * PANEL];
        let mut sums = [[T::Vector::<I>::splat(T::ZERO); PANEL]; O];
        for (block, x) in x.chunks(LANES * PANEL).enumerate() {
            let dy = &self.dy[block * outputs + self.first + o..][..O];
            for (l, x) in x.chunks_exact(PANEL).enumerate() {
                let x: [T::Vector<I>; PANEL] = std::array::from_fn(|p| Vector::load(&x[p]));
                for t in 0..O {
                    let dy = Vector::splat(dy[t][l]);
                    for p in 0..PANEL {
                        sums[t][p] = x[p].mul_add(dy, sums[t][p]);
                    }
                }
            }
        }
        let first = panel * PANEL * LANES;
        let count = (inputs - first).min(PANEL * LANES);
        for t in 0..O {
            let row = &mut self.rows[(o + t) * inputs + first..][..count];
            let mut lanes = [[T::ZERO; LANES]; PANEL];
            sums[t].iter().zip(&mut lanes).for_each(|(sum, lane)| sum.store(lane));
            for (target, &sum) in row.iter_mut().zip(lanes.as_flattened()) {
                *target = if self.add { *target + sum } else { sum };
            }
        }
        O
    }
}
