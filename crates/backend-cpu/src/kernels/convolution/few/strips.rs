//! How the outputs of a few samples are cut into strips of rows, and what an item computes.

use super::super::geometry::Geometry;
use crate::{kernels::pooling::Windows, lane::LANES};
use core_tensor::{Shape, ops::Pooling};

/// Fewest pixels of a strip, so that the products keep enough sums in registers.
const PIXELS: usize = 2 * LANES;
/// Fewest multiplications of a strip, about a microsecond: less is not worth handing out.
const PRODUCTS: usize = 1 << 16;

/// The shape of the work.
#[derive(Clone, Copy)]
pub(super) struct Strips {
    pub(super) geometry: Geometry,
    pub(super) samples: usize,
    /// How the convolution's output is pooled; windows of one place where it is not.
    pub(super) windows: Windows,
    /// Rows of the result in a strip, and how many strips there are.
    pub(super) rows: usize,
    count: usize,
    /// Rows of the convolution's output in the largest strip.
    most: usize,
}

impl Strips {
    pub(super) fn new(geometry: Geometry, samples: usize, pooling: Option<&Pooling>, output: Shape) -> Self {
        let windows = match pooling {
            Some(pooling) => Windows::new(pooling, output),
            None => Windows::single(geometry.output.0, geometry.output.1),
        };
        let strips = |rows: usize| {
            let count = windows.out_height.div_ceil(rows);
            Strips { geometry, samples, windows, rows, count, most: 0 }
        };
        let rows = (1..windows.out_height).find(|&rows| strips(rows).are_worth_it()).unwrap_or(windows.out_height);
        // As many strips, of nearly equal height.
        let mut strips = strips(windows.out_height.div_ceil(strips(rows).count));
        let rows = |strip| strips.convolved(strip).1 - strips.convolved(strip).0;
        strips.most = (0..strips.count).map(rows).max().unwrap_or(0);
        strips
    }

    /// Whether strips have enough to do, and less than a quarter of it is done twice because windows overlap.
    fn are_worth_it(&self) -> bool {
        let (stride, kernel) = (self.windows.stride.0, self.windows.kernel.0);
        let rows = (self.rows - 1) * stride + kernel;
        let pixels = rows * self.windows.width;
        let enough = pixels >= PIXELS && self.samples * pixels * self.geometry.filters * self.terms() >= PRODUCTS;
        enough && 4 * kernel.saturating_sub(stride) <= rows
    }

    /// The result's rows in a strip, as (first, end).
    pub(super) fn results(&self, strip: usize) -> (usize, usize) {
        (strip * self.rows, ((strip + 1) * self.rows).min(self.windows.out_height))
    }

    /// The convolution's rows that a strip needs, as (first, end).
    pub(super) fn convolved(&self, strip: usize) -> (usize, usize) {
        let (first, end) = self.results(strip);
        (self.windows.rows(first).0, self.windows.rows(end - 1).1)
    }

    /// Numbers of one filter.
    pub(super) fn terms(&self) -> usize {
        self.geometry.channels * self.geometry.taps()
    }

    /// Vectors that hold the pixels of a strip of the convolution's output.
    pub(super) fn vectors(&self) -> usize {
        (self.most * self.windows.width).div_ceil(LANES)
    }

    /// Rows and columns of the padded input under a strip.
    pub(super) fn input(&self) -> (usize, usize) {
        let Geometry { input, kernel, stride, pad, .. } = self.geometry;
        ((self.most - 1) * stride.0 + kernel.0, input.1 + 2 * pad.1)
    }

    /// Every `stride`-th of the rows of [`Strips::input`], rounded up.
    pub(super) fn phase(&self) -> usize {
        self.most + (self.geometry.kernel.0 - 1) / self.geometry.stride.0
    }

    /// The result in lanes: of a plane, and of a strip of it.
    pub(super) fn pieces(&self) -> (usize, usize) {
        (self.windows.out_height * self.windows.out_width, self.rows * self.windows.out_width)
    }

    /// Groups times strips.
    pub(super) fn items(&self) -> usize {
        self.geometry.groups * self.count
    }

    /// An item's group and strip.
    pub(super) fn of_item(&self, item: usize) -> (usize, usize) {
        (item / self.count, item % self.count)
    }
}
