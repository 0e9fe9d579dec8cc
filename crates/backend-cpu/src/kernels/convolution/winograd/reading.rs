//! Tiles as they are read: from a blob, or from the gradient of a blob that was pooled and never stored.

use super::super::pooled::Winners;
use super::tiling::POINTS;
use super::transform::Numbers;
use crate::{lane::Lane, vector::Vector};

type L = Lane<f32>;

/// A square of a plane whose corner stands at `origin`, in coordinates that count the pad; zero outside the plane.
pub(super) struct Plain<'a> {
    pub(super) plane: &'a [L],
    pub(super) size: (usize, usize),
    pub(super) pad: (usize, usize),
    pub(super) origin: (usize, usize),
}

/// Tiles that can be read a column at a time as well.
pub(super) trait Columns<V> {
    /// The first `rows` numbers of a column; what stands behind them is not looked at.
    fn column(&self, column: usize, rows: usize) -> [V; POINTS];
}

impl<V: Vector<f32>> Columns<V> for Plain<'_> {
    #[inline(always)]
    fn column(&self, column: usize, rows: usize) -> [V; POINTS] {
        let Plain { plane, size: (height, width), pad, origin } = *self;
        let mut numbers = [V::splat(0.0); POINTS];
        let x = (origin.1 + column).wrapping_sub(pad.1);
        for row in 0..rows {
            let y = (origin.0 + row).wrapping_sub(pad.0);
            if x < width && y < height {
                numbers[row] = V::load(&plane[y * width + x]);
            }
        }
        numbers
    }
}

impl<V: Vector<f32>> Numbers<V> for Plain<'_> {
    #[inline(always)]
    fn row(&self, row: usize, columns: usize) -> [V; POINTS] {
        let Plain { plane, size: (height, width), pad, origin } = *self;
        let mut numbers = [V::splat(0.0); POINTS];
        let y = (origin.0 + row).wrapping_sub(pad.0);
        if y >= height {
            return numbers;
        }
        let line = &plane[y * width..][..width];
        if origin.1 >= pad.1 && origin.1 - pad.1 + columns <= width {
            let line = &line[origin.1 - pad.1..][..columns];
            for column in 0..columns {
                numbers[column] = V::load(&line[column]);
            }
            return numbers;
        }
        for column in 0..columns {
            let x = (origin.1 + column).wrapping_sub(pad.1);
            if x < width {
                numbers[column] = V::load(&line[x]);
            }
        }
        numbers
    }
}

/// A square of the gradient before 2x2 max pooling: each number of the pooled gradient at the place that won, else zero.
/// The corner stands at an even place.
pub(super) struct Unpooled<'a> {
    /// The pooled plane.
    pub(super) plane: &'a [L],
    pub(super) winners: &'a [Winners],
    /// The pooled plane's size.
    pub(super) size: (usize, usize),
    pub(super) origin: (usize, usize),
}

impl<V: Vector<f32>> Numbers<V> for Unpooled<'_> {
    #[inline(always)]
    fn row(&self, row: usize, columns: usize) -> [V; POINTS] {
        let Unpooled { plane, winners, size: (height, width), origin } = *self;
        let nothing = V::splat(0.0);
        let mut numbers = [nothing; POINTS];
        let (y, x) = ((origin.0 + row) / 2, origin.1 / 2);
        if y >= height {
            return numbers;
        }
        let (line, winners) = (&plane[y * width..][..width], &winners[y * width..][..width]);
        for window in 0..columns / 2 {
            if x + window < width {
                let (gradient, winners) = (V::load(&line[x + window]), &winners[x + window]);
                numbers[2 * window] = V::select(winners[row % 2 * 2], gradient, nothing);
                numbers[2 * window + 1] = V::select(winners[row % 2 * 2 + 1], gradient, nothing);
            }
        }
        numbers
    }
}

impl<V: Vector<f32>> Columns<V> for Unpooled<'_> {
    #[inline(always)]
    fn column(&self, column: usize, rows: usize) -> [V; POINTS] {
        let Unpooled { plane, winners, size: (height, width), origin } = *self;
        let nothing = V::splat(0.0);
        let mut numbers = [nothing; POINTS];
        let (y, x) = (origin.0 / 2, (origin.1 + column) / 2);
        for window in 0..rows / 2 {
            if y + window < height && x < width {
                let at = (y + window) * width + x;
                let (gradient, winners) = (V::load(&plane[at]), &winners[at]);
                numbers[2 * window] = V::select(winners[column % 2], gradient, nothing);
                numbers[2 * window + 1] = V::select(winners[2 + column % 2], gradient, nothing);
            }
        }
        numbers
    }
}
