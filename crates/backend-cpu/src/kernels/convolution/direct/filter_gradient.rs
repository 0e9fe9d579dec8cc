//! The filter's gradient of a direct convolution: for one channel and a few filters, sums of outer products over all samples
//! and output pixels.

use super::super::geometry::Geometry;
use crate::{
    isa::{Isa, Kernel},
    lane::{LANES, Lane, Real, horizontal_sum},
    vector::Vector,
};
use std::ops::Range;

/// Filters of one tile of `dW`, and taps of a filter row that it takes at a time.
pub(super) const GRADIENT_FILTERS: usize = 4;
const GRADIENT_TAPS: usize = 5;

pub(super) struct BackwardFilter<'a, T> {
    pub(super) geometry: Geometry,
    pub(super) x: &'a [Lane<T>],
    pub(super) dy: &'a [Lane<T>],
    pub(super) group: usize,
    pub(super) channel: usize,
    /// The first filter of the tile.
    pub(super) first: usize,
    /// `[filter][row][tap]`.
    pub(super) gradients: &'a mut [T],
}

impl<T: Real> Kernel for BackwardFilter<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(mut self) {
        let room = I::REGISTER_BYTES / size_of::<Lane<T>>();
        let (width, is_dilated) = (self.geometry.kernel.1, self.geometry.dilation.1 > 1);
        for row in 0..self.geometry.kernel.0 {
            let mut tap = 0;
            while tap < width {
                let left = width - tap;
                tap += match room {
                    _ if is_dilated => self.tile::<I, GRADIENT_FILTERS, 1>(row, tap),
                    32.. if left >= GRADIENT_TAPS => self.tile::<I, GRADIENT_FILTERS, GRADIENT_TAPS>(row, tap),
                    16.. if left >= 3 => self.tile::<I, GRADIENT_FILTERS, 3>(row, tap),
                    _ => self.tile::<I, GRADIENT_FILTERS, 1>(row, tap),
                };
            }
        }
    }
}

impl<T: Real> BackwardFilter<'_, T> {
    #[inline(always)]
    fn tile<I: Isa, const F: usize, const K: usize>(&mut self, row: usize, tap: usize) -> usize {
        let Geometry { input, output, kernel, .. } = self.geometry;
        let (_, window) = self.geometry.windows();
        // Output columns for which all K taps meet the image.
        let columns = |k: usize| window.outputs_of_tap(tap + k, input.1, output.1);
        let inside = columns(0).0.max(columns(K - 1).0)..columns(K - 1).1.min(columns(0).1);
        let inside = inside.start.min(inside.end)..inside.end;
        let sums = self.inside::<I, F, K>(row, tap, inside.clone());
        for f in 0..F {
            for k in 0..K {
                self.gradients[(f * kernel.0 + row) * kernel.1 + tap + k] = sum_of(sums[f][k]);
            }
        }
        if inside != (0..output.1) {
            self.border::<I, F>(row, tap..tap + K, inside);
        }
        K
    }

    /// Sums over the output columns in `inside`. Columns at the border are left to another function: their branches and sums
    /// would drive these sums out of the registers.
    #[inline(always)]
    fn inside<I: Isa, const F: usize, const K: usize>(
        &self,
        row: usize,
        tap: usize,
        inside: Range<usize>,
    ) -> [[T::Vector<I>; K]; F] {
        let Geometry { input, output, stride, dilation, pad, .. } = self.geometry;
        let (oy0, oy1) = self.geometry.windows().0.outputs_of_tap(row, input.0, output.0);
        let mut sums = [[T::Vector::<I>::splat(T::ZERO); K]; F];
        if inside.is_empty() {
            return sums;
        }
        for block in 0..self.geometry.blocks {
            let (x, dy) = self.planes::<F>(block);
            for oy in oy0..oy1 {
                let (y, left) = (oy * stride.0 + row * dilation.0 - pad.0, inside.start * stride.1 + tap * dilation.1);
                let x = &x[y * input.1 + left - pad.1..];
                let dy: [&[Lane<T>]; F] = std::array::from_fn(|f| &dy[f][oy * output.1..][inside.clone()]);
                sums = outer_products::<I, T, F, K>(sums, dy, x, stride.1);
            }
        }
        sums
    }

    /// Adds what comes from the output columns outside `inside`, tap by tap.
    #[inline(always)]
    fn border<I: Isa, const F: usize>(&mut self, row: usize, taps: Range<usize>, inside: Range<usize>) {
        let Geometry { input, output, kernel, stride, dilation, pad, .. } = self.geometry;
        let (vertical, horizontal) = self.geometry.windows();
        let (oy0, oy1) = vertical.outputs_of_tap(row, input.0, output.0);
        for tap in taps {
            let (first, end) = horizontal.outputs_of_tap(tap, input.1, output.1);
            let mut sums = [T::Vector::<I>::splat(T::ZERO); F];
            for block in 0..self.geometry.blocks {
                let (x, dy) = self.planes::<F>(block);
                for oy in oy0..oy1 {
                    let x = &x[(oy * stride.0 + row * dilation.0 - pad.0) * input.1..][..input.1];
                    for ox in (first..end).filter(|ox| !inside.contains(ox)) {
                        let x = Vector::load(&x[ox * stride.1 + tap * dilation.1 - pad.1]);
                        for f in 0..F {
                            sums[f] = T::Vector::<I>::load(&dy[f][oy * output.1 + ox]).mul_add(x, sums[f]);
                        }
                    }
                }
            }
            for f in 0..F {
                self.gradients[(f * kernel.0 + row) * kernel.1 + tap] += sum_of(sums[f]);
            }
        }
    }

    /// The input plane of this item's channel and the output gradients' planes of its filters. The last tile may have fewer
    /// filters; what is computed twice is thrown away.
    #[inline(always)]
    fn planes<const F: usize>(&self, block: usize) -> (&[Lane<T>], [&[Lane<T>]; F]) {
        let Geometry { groups, channels, filters, .. } = self.geometry;
        let (plane_in, plane_out) = (self.geometry.input_plane(), self.geometry.output_plane());
        let image = block * groups + self.group;
        let x = &self.x[(image * channels + self.channel) * plane_in..][..plane_in];
        let dy = std::array::from_fn(|f| {
            let filter = (self.first + f).min(filters - 1);
            &self.dy[(image * filters + filter) * plane_out..][..plane_out]
        });
        (x, dy)
    }
}

/// The sum of a vector's numbers, always in the same order.
#[inline(always)]
fn sum_of<T: Real>(vector: impl Vector<T>) -> T {
    let mut lane = [T::ZERO; LANES];
    vector.store(&mut lane);
    horizontal_sum(&lane)
}

/// `sums[f][k] += dy[f][column] * x[column * stride + k]` over a row. By value, so that the sums stay in registers.
#[inline(always)]
fn outer_products<I: Isa, T: Real, const F: usize, const K: usize>(
    mut sums: [[T::Vector<I>; K]; F],
    dy: [&[Lane<T>]; F],
    x: &[Lane<T>],
    stride: usize,
) -> [[T::Vector<I>; K]; F] {
    for column in 0..dy[0].len() {
        let x = &x[column * stride..][..K];
        let dy: [T::Vector<I>; F] = std::array::from_fn(|f| Vector::load(&dy[f][column]));
        for k in 0..K {
            let x = Vector::load(&x[k]);
            for f in 0..F {
                sums[f][k] = dy[f].mul_add(x, sums[f][k]);
            }
        }
    }
    sums
}
