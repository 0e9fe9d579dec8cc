//! The six Winograd transforms, as two functions.
//!
//! *Analysis* goes from a row of numbers to values at the points (`Bᵀ d`, `G g`, `A dy`); *synthesis* goes back with the
//! transposed matrix (`Aᵀ m`, `Gᵀ m`, `B m`). Points `±a` are computed together from the even and odd columns. Coefficients
//! are constants, so that after inlining the zeros vanish.

use super::tiling::{Matrix, POINTS, Tiling};
use crate::{
    isa::Isa,
    lane::{LANES, Lane, mul_add},
};

type L = Lane<f32>;

/// A square of lanes, as much of it in use as the tiling says.
pub(crate) type Square = [[L; POINTS]; POINTS];

pub(crate) const ZERO: L = [0.0; LANES];

/// Which of a tiling's matrices to use. A type rather than a value, so that the coefficients are constants.
pub(crate) trait Coefficients {
    const MATRIX: Matrix;
    /// Columns of the matrix in use.
    const COLUMNS: usize;
    /// Rows of the matrix in use.
    const ROWS: usize;
}

/// `Bᵀ`.
pub(crate) struct Input<W>(W);
/// `G`.
pub(crate) struct Filter<W>(W);
/// `A`.
pub(crate) struct Output<W>(W);

impl<W: Tiling> Coefficients for Input<W> {
    const MATRIX: Matrix = W::INPUT;
    const COLUMNS: usize = W::SIZE;
    const ROWS: usize = W::SIZE;
}

impl<W: Tiling> Coefficients for Filter<W> {
    const MATRIX: Matrix = W::FILTER;
    const COLUMNS: usize = W::TAPS;
    const ROWS: usize = W::SIZE;
}

impl<W: Tiling> Coefficients for Output<W> {
    const MATRIX: Matrix = W::OUTPUT;
    const COLUMNS: usize = W::OUT;
    const ROWS: usize = W::SIZE;
}

/// Three squares to work in. They are made once per item: zeroing them for every tile would cost as much as a transform.
pub(crate) struct Workspace {
    /// What goes into a transform; entries outside the part in use stay zero.
    pub(crate) source: Square,
    half: Square,
    /// What comes out.
    pub(crate) result: Square,
}

impl Workspace {
    pub(crate) const NEW: Workspace = Workspace {
        source: [[ZERO; POINTS]; POINTS],
        half: [[ZERO; POINTS]; POINTS],
        result: [[ZERO; POINTS]; POINTS],
    };

    /// Numbers to values at the points, along both axes: COLUMNS x COLUMNS to ROWS x ROWS.
    #[inline(always)]
    pub(crate) fn analyse<I: Isa, M: Coefficients>(&mut self) {
        for row in 0..M::COLUMNS {
            self.half[row] = analyse_row::<I, M>(&self.source[row]);
        }
        for column in 0..M::ROWS {
            let mut numbers = [ZERO; POINTS];
            for row in 0..M::COLUMNS {
                numbers[row] = self.half[row][column];
            }
            let values = analyse_row::<I, M>(&numbers);
            for row in 0..M::ROWS {
                self.result[row][column] = values[row];
            }
        }
    }

    /// Values at the points back to numbers, along both axes: ROWS x ROWS to COLUMNS x COLUMNS.
    #[inline(always)]
    pub(crate) fn synthesise<I: Isa, M: Coefficients>(&mut self) {
        for row in 0..M::ROWS {
            self.half[row] = synthesise_row::<I, M>(&self.source[row]);
        }
        for column in 0..M::COLUMNS {
            let mut values = [ZERO; POINTS];
            for row in 0..M::ROWS {
                values[row] = self.half[row][column];
            }
            let numbers = synthesise_row::<I, M>(&values);
            for row in 0..M::COLUMNS {
                self.result[row][column] = numbers[row];
            }
        }
    }
}

#[inline(always)]
fn analyse_row<I: Isa, M: Coefficients>(numbers: &[L; POINTS]) -> [L; POINTS] {
    let mut values = [ZERO; POINTS];
    values[0] = dot::<I, M>(numbers, 0, 0, 1);
    values[M::ROWS - 1] = dot::<I, M>(numbers, M::ROWS - 1, 0, 1);
    for pair in 0..(M::ROWS - 2) / 2 {
        let point = 1 + 2 * pair;
        let (even, odd) = (dot::<I, M>(numbers, point, 0, 2), dot::<I, M>(numbers, point, 1, 2));
        for l in 0..LANES {
            values[point][l] = even[l] + odd[l];
            values[point + 1][l] = even[l] - odd[l];
        }
    }
    values
}

/// The sum of `MATRIX[point][column] * numbers[column]` over every `step`-th column from `first`.
#[inline(always)]
fn dot<I: Isa, M: Coefficients>(numbers: &[L; POINTS], point: usize, first: usize, step: usize) -> L {
    let mut sum = Sum::NOTHING;
    let mut column = first;
    while column < M::COLUMNS {
        sum.add::<I>(M::MATRIX[point][column], &numbers[column]);
        column += step;
    }
    sum.value
}

#[inline(always)]
fn synthesise_row<I: Isa, M: Coefficients>(values: &[L; POINTS]) -> [L; POINTS] {
    let (mut sums, mut differences) = ([ZERO; POINTS / 2], [ZERO; POINTS / 2]);
    for pair in 0..(M::ROWS - 2) / 2 {
        for l in 0..LANES {
            sums[pair][l] = values[1 + 2 * pair][l] + values[2 + 2 * pair][l];
            differences[pair][l] = values[1 + 2 * pair][l] - values[2 + 2 * pair][l];
        }
    }
    let mut numbers = [ZERO; POINTS];
    for column in 0..M::COLUMNS {
        let mut sum = Sum::NOTHING;
        sum.add::<I>(M::MATRIX[0][column], &values[0]);
        sum.add::<I>(M::MATRIX[M::ROWS - 1][column], &values[M::ROWS - 1]);
        for pair in 0..(M::ROWS - 2) / 2 {
            let half = if column % 2 == 0 { &sums[pair] } else { &differences[pair] };
            sum.add::<I>(M::MATRIX[1 + 2 * pair][column], half);
        }
        numbers[column] = sum.value;
    }
    numbers
}

/// A sum of products with constant factors that costs nothing for a zero, and no addition for its first term.
struct Sum {
    value: L,
    empty: bool,
}

impl Sum {
    const NOTHING: Sum = Sum { value: ZERO, empty: true };

    #[inline(always)]
    fn add<I: Isa>(&mut self, factor: f32, lane: &L) {
        if factor == 0.0 {
            return;
        }
        for l in 0..LANES {
            self.value[l] = match (self.empty, factor) {
                (true, 1.0) => lane[l],
                (true, _) => factor * lane[l],
                (false, 1.0) => self.value[l] + lane[l],
                (false, -1.0) => self.value[l] - lane[l],
                (false, _) => mul_add::<I, f32>(factor, lane[l], self.value[l]),
            };
        }
        self.empty = false;
    }
}
