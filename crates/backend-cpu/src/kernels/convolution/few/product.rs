//! The product at the heart: filters times the numbers that they meet.
//!
//! An output is one sum, over channels and taps in the order of the definition, so it does not depend on where strips and tiles
//! begin.

use crate::{
    isa::Isa,
    lane::{LANES, Lane},
    vector::Vector,
};

/// The outputs of a strip before the neuron, as a product of matrices: filters times terms, terms times pixels.
pub(super) struct Product<'a> {
    pub(super) vectors: usize,
    /// `[filter][term]`.
    pub(super) weights: &'a [f32],
    pub(super) offsets: &'a [usize],
    pub(super) bias: Option<&'a [f32]>,
    pub(super) shifted: &'a [f32],
    /// `[filter][vector]`.
    pub(super) sums: &'a mut [Lane<f32>],
}

impl Product<'_> {
    #[inline(always)]
    pub(super) fn run<I: Isa>(mut self) {
        let room = I::REGISTER_BYTES / size_of::<Lane<f32>>();
        let filters = self.weights.len() / self.offsets.len();
        let mut filter = 0;
        while filter < filters {
            let left = filters - filter;
            filter += match room {
                32.. if left >= 10 => self.filters::<I, 10, 2>(filter),
                32.. if left >= 5 => self.filters::<I, 5, 2>(filter),
                32.. if left >= 2 => self.filters::<I, 2, 2>(filter),
                8.. if left >= 5 => self.filters::<I, 5, 1>(filter),
                _ if left >= 2 => self.filters::<I, 2, 1>(filter),
                _ => self.filters::<I, 1, 1>(filter),
            };
        }
    }

    /// `F` filters, `V` vectors of pixels at a time.
    #[inline(always)]
    fn filters<I: Isa, const F: usize, const V: usize>(&mut self, filter: usize) -> usize {
        let mut vector = 0;
        while vector + V <= self.vectors {
            self.tile::<I, F, V>(filter, vector);
            vector += V;
        }
        while vector < self.vectors {
            self.tile::<I, F, 1>(filter, vector);
            vector += 1;
        }
        F
    }

    #[inline(always)]
    fn tile<I: Isa, const F: usize, const V: usize>(&mut self, filter: usize, vector: usize) {
        let (terms, vectors) = (self.offsets.len(), self.vectors);
        let rows: [&[f32]; F] = std::array::from_fn(|f| &self.weights[(filter + f) * terms..][..terms]);
        let mut sums: [[I::Single; V]; F] =
            std::array::from_fn(|f| [Vector::splat(self.bias.map_or(0.0, |bias| bias[filter + f])); V]);
        let shifted = &self.shifted[vector * LANES..];
        for (term, &offset) in self.offsets.iter().enumerate() {
            let inputs = shifted[offset..][..V * LANES].as_chunks().0;
            let inputs: [I::Single; V] = std::array::from_fn(|v| Vector::load(&inputs[v]));
            for f in 0..F {
                let weight = I::Single::splat(rows[f][term]);
                for v in 0..V {
                    sums[f][v] = inputs[v].mul_add(weight, sums[f][v]);
                }
            }
        }
        for f in 0..F {
            for v in 0..V {
                sums[f][v].store(&mut self.sums[(filter + f) * vectors + vector + v]);
            }
        }
    }
}
