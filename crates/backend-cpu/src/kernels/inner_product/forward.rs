//! `y = neuron(W x + b)` for up to four blocks of samples.

use super::Sizes;
use crate::{
    isa::{Isa, Kernel},
    kernels::neuron,
    lane::{Lane, Real},
    vector::Vector,
};
use core_tensor::ops::Neuron;

pub(super) struct Forward<'a, T> {
    pub(super) sizes: Sizes,
    pub(super) weight: &'a [T],
    pub(super) bias: Option<&'a [T]>,
    pub(super) x: &'a [Lane<T>],
    pub(super) first_block: usize,
    /// The first output.
    pub(super) first: usize,
    pub(super) neuron: Neuron,
    pub(super) count: usize,
    pub(super) y: [&'a mut [Lane<T>]; 4],
}

impl<T: Real> Kernel for Forward<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(mut self) {
        let room = I::REGISTER_BYTES / size_of::<Lane<T>>();
        let outputs = self.y[0].len();
        let mut o = 0;
        while o < outputs {
            let left = outputs - o;
            o += match self.count {
                4 if room >= 32 && left >= 5 => self.tile::<I, 5, 4>(o, 0),
                4 if room >= 16 && left >= 2 => self.tile::<I, 2, 4>(o, 0),
                2 if room >= 32 && left >= 10 => self.tile::<I, 10, 2>(o, 0),
                2 if room >= 16 && left >= 5 => self.tile::<I, 5, 2>(o, 0),
                1 if room >= 16 && left >= 10 => self.tile::<I, 10, 1>(o, 0),
                // With few registers block by block: more outputs at once spare more loads than more blocks.
                _ if left >= 5 => self.each_block::<I>(o),
                4 => self.tile::<I, 1, 4>(o, 0),
                2 => self.tile::<I, 1, 2>(o, 0),
                _ => self.tile::<I, 1, 1>(o, 0),
            };
        }
        for y in &mut self.y[..self.count] {
            neuron::apply::<I, T>(self.neuron, y);
        }
    }
}

impl<T: Real> Forward<'_, T> {
    /// Five outputs from `o`, one block after the other.
    #[inline(always)]
    fn each_block<I: Isa>(&mut self, o: usize) -> usize {
        for block in 0..self.count {
            self.tile::<I, 5, 1>(o, block);
        }
        5
    }

    /// `O` outputs from `o` of `B` blocks from `block`; returns `O`.
    #[inline(always)]
    fn tile<I: Isa, const O: usize, const B: usize>(&mut self, o: usize, block: usize) -> usize {
        let Sizes { inputs, .. } = self.sizes;
        let first = self.first + o;
        let rows: [&[T]; O] = std::array::from_fn(|t| &self.weight[(first + t) * inputs..][..inputs]);
        let x: [&[Lane<T>]; B] = std::array::from_fn(|b| &self.x[(self.first_block + block + b) * inputs..][..inputs]);
        let mut sums: [[T::Vector<I>; B]; O] =
            std::array::from_fn(|t| [Vector::splat(self.bias.map_or(T::ZERO, |bias| bias[first + t])); B]);
        for i in 0..inputs {
            let x: [T::Vector<I>; B] = std::array::from_fn(|b| Vector::load(&x[b][i]));
            for t in 0..O {
                let weight = Vector::splat(rows[t][i]);
                for b in 0..B {
                    sums[t][b] = x[b].mul_add(weight, sums[t][b]);
                }
            }
        }
        for t in 0..O {
            for b in 0..B {
                sums[t][b].store(&mut self.y[block + b][o + t]);
            }
        }
        O
    }
}
