//! The six Winograd transforms, as two functions.
//!
//! *Analysis* goes from a row of numbers to values at the points (`Bᵀ d`, `G g`, `A dy`); *synthesis* goes back with the
//! transposed matrix (`Aᵀ m`, `Gᵀ m`, `B m`). Points `±a` are computed together from the even and odd columns. Coefficients
//! are constants, so that after inlining the zeros vanish.

use super::tiling::{Matrix, POINTS, Tiling};
use crate::{
    isa::Isa,
    lane::{LANES, Lane},
    vector::Vector,
};

type L = Lane<f32>;

/// A square of lanes, as much of it in use as the tiling says.
pub(super) type Square = [[L; POINTS]; POINTS];

pub(super) const ZERO: L = [0.0; LANES];

/// Which of a tiling's matrices to use. A type rather than a value, so that the coefficients are constants.
pub(super) trait Coefficients {
    const MATRIX: Matrix;
    /// Columns of the matrix in use.
    const COLUMNS: usize;
    /// Rows of the matrix in use.
    const ROWS: usize;
}

/// `Bᵀ`.
pub(super) struct Input<W>(W);
/// `G`.
pub(super) struct Filter<W>(W);
/// `A`.
pub(super) struct Output<W>(W);

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

/// Where an analysis takes the numbers of a tile from.
pub(super) trait Numbers<V> {
    /// The first `columns` numbers of a row; what stands behind them is not looked at.
    fn row(&self, row: usize, columns: usize) -> [V; POINTS];
}

/// Where a synthesis takes the values at the points from.
pub(super) trait Values<V> {
    /// The value at a point, counted row by row.
    fn at(&self, point: usize) -> V;
}

/// A square to work in. It is made once per item: zeroing it for every tile would cost as much as a transform. Aligned to
/// cache lines: an array of numbers is not, and half of all stores would then touch two lines.
#[repr(align(64))]
pub(super) struct Workspace {
    half: Square,
}

impl Workspace {
    pub(super) const NEW: Workspace = Workspace { half: [[ZERO; POINTS]; POINTS] };

    /// Numbers to values at the points, along both axes: COLUMNS x COLUMNS to ROWS x ROWS. Point p goes to
    /// `target[p * stride]`.
    #[inline(always)]
    pub(super) fn analyse<I: Isa, M: Coefficients>(
        &mut self,
        source: &impl Numbers<I::Single>,
        target: &mut [L],
        stride: usize,
    ) {
        for row in 0..M::COLUMNS {
            let numbers = source.row(row, M::COLUMNS);
            store_row(analyse_row::<I, M>(numbers), &mut self.half[row]);
        }
        for column in 0..M::ROWS {
            let numbers = std::array::from_fn(|row| Vector::load(&self.half[row][column]));
            let values = analyse_row::<I, M>(numbers);
            for row in 0..M::ROWS {
                values[row].store(&mut target[(row * M::ROWS + column) * stride]);
            }
        }
    }

    /// The first half of a synthesis, values at the points back to numbers: ROWS x ROWS to ROWS x COLUMNS. The columns of
    /// the result are then to be had from [`Workspace::column`], one after the other, so that they need not be stored.
    #[inline(always)]
    pub(super) fn synthesise<I: Isa, M: Coefficients>(&mut self, source: &impl Values<I::Single>) {
        for row in 0..M::ROWS {
            // A tiling with six points has nothing in the last two columns. A loop and no closure: see `isa`.
            let mut values = [I::Single::splat(0.0); POINTS];
            for column in 0..M::ROWS {
                values[column] = source.at(row * M::ROWS + column);
            }
            store_row(synthesise_row::<I, M>(values), &mut self.half[row]);
        }
    }

    /// A column of the result of a synthesis, COLUMNS numbers.
    #[inline(always)]
    pub(super) fn column<I: Isa, M: Coefficients>(&self, column: usize) -> [I::Single; POINTS] {
        synthesise_row::<I, M>(std::array::from_fn(|row| Vector::load(&self.half[row][column])))
    }
}

impl<V: Vector<f32>> Numbers<V> for Square {
    #[inline(always)]
    fn row(&self, row: usize, _: usize) -> [V; POINTS] {
        std::array::from_fn(|column| V::load(&self[row][column]))
    }
}

/// Values in memory: point p at `lanes[p * stride]`.
pub(super) struct Stored<'a> {
    pub(super) lanes: &'a [L],
    pub(super) stride: usize,
}

impl<V: Vector<f32>> Values<V> for Stored<'_> {
    #[inline(always)]
    fn at(&self, point: usize) -> V {
        V::load(&self.lanes[point * self.stride])
    }
}

#[inline(always)]
fn store_row<V: Vector<f32>>(values: [V; POINTS], row: &mut [L; POINTS]) {
    values.into_iter().zip(row).for_each(|(value, lane)| value.store(lane));
}

// The rows are written out, without loops: only then are the coefficients constants when the compiler decides what to keep
// in registers.

#[inline(always)]
pub(super) fn analyse_row<I: Isa, M: Coefficients>(numbers: [I::Single; POINTS]) -> [I::Single; POINTS] {
    let whole = [
        even::<I, M, 0>(&numbers, odd::<I, M, 0>(&numbers, Sum::nothing())).value,
        even::<I, M, 5>(&numbers, odd::<I, M, 5>(&numbers, Sum::nothing())).value,
        even::<I, M, 7>(&numbers, odd::<I, M, 7>(&numbers, Sum::nothing())).value,
    ];
    let ((a, b), (c, d), (e, f)) = (pair::<I, M, 1>(&numbers), pair::<I, M, 3>(&numbers), pair::<I, M, 5>(&numbers));
    if M::ROWS == 8 {
        [whole[0], a, b, c, d, e, f, whole[2]]
    } else {
        // Row 5 belongs to infinity, which has no partner.
        [whole[0], a, b, c, d, whole[1], whole[2], whole[2]]
    }
}

/// The values at points a and −a.
#[inline(always)]
pub(super) fn pair<I: Isa, M: Coefficients, const P: usize>(numbers: &[I::Single; POINTS]) -> (I::Single, I::Single) {
    let even = even::<I, M, P>(numbers, Sum::nothing()).value;
    let odd = odd::<I, M, P>(numbers, Sum::nothing()).value;
    (even.add(odd), even.sub(odd))
}

/// Adds row `P` of the matrix times the numbers in even columns.
#[inline(always)]
fn even<I: Isa, M: Coefficients, const P: usize>(numbers: &[I::Single; POINTS], sum: Sum<I::Single>) -> Sum<I::Single> {
    sum.add(const { M::MATRIX[P][0] }, numbers[0])
        .add(const { M::MATRIX[P][2] }, numbers[2])
        .add(const { M::MATRIX[P][4] }, numbers[4])
        .add(const { M::MATRIX[P][6] }, numbers[6])
}

/// Adds row `P` of the matrix times the numbers in odd columns.
#[inline(always)]
fn odd<I: Isa, M: Coefficients, const P: usize>(numbers: &[I::Single; POINTS], sum: Sum<I::Single>) -> Sum<I::Single> {
    sum.add(const { M::MATRIX[P][1] }, numbers[1])
        .add(const { M::MATRIX[P][3] }, numbers[3])
        .add(const { M::MATRIX[P][5] }, numbers[5])
        .add(const { M::MATRIX[P][7] }, numbers[7])
}

#[inline(always)]
fn synthesise_row<I: Isa, M: Coefficients>(values: [I::Single; POINTS]) -> [I::Single; POINTS] {
    let sum = |point: usize| values[point].add(values[point + 1]);
    let difference = |point: usize| values[point].sub(values[point + 1]);
    // With six points row 5 of the matrix belongs to infinity and row 7 is zero.
    let (zero, infinity) = (values[0], values[M::ROWS - 1]);
    let even = [zero, sum(1), sum(3), if M::ROWS == 8 { sum(5) } else { infinity }, infinity];
    let odd = [zero, difference(1), difference(3), if M::ROWS == 8 { difference(5) } else { infinity }, infinity];
    [
        column::<I, M, 0>(even),
        column::<I, M, 1>(odd),
        column::<I, M, 2>(even),
        column::<I, M, 3>(odd),
        column::<I, M, 4>(even),
        column::<I, M, 5>(odd),
        column::<I, M, 6>(even),
        column::<I, M, 7>(odd),
    ]
}

/// One column of the matrix times the value at 0, the pairs' sums or differences, and the value at infinity.
#[inline(always)]
fn column<I: Isa, M: Coefficients, const C: usize>(terms: [I::Single; 5]) -> I::Single {
    Sum::nothing()
        .add(const { M::MATRIX[0][C] }, terms[0])
        .add(const { M::MATRIX[1][C] }, terms[1])
        .add(const { M::MATRIX[3][C] }, terms[2])
        .add(const { M::MATRIX[5][C] }, terms[3])
        .add(const { M::MATRIX[7][C] }, terms[4])
        .value
}

/// A sum of products with constant factors that costs nothing for a factor of zero, and no multiplication for one of ±1.
#[derive(Clone, Copy)]
struct Sum<V> {
    value: V,
    empty: bool,
}

impl<V: Vector<f32>> Sum<V> {
    #[inline(always)]
    fn nothing() -> Self {
        Sum { value: V::splat(0.0), empty: true }
    }

    #[inline(always)]
    fn add(self, factor: f32, term: V) -> Self {
        let value = if factor == 0.0 {
            return self;
        } else if factor == 1.0 {
            if self.empty { term } else { self.value.add(term) }
        } else if factor == -1.0 {
            self.value.sub(term)
        } else {
            term.mul_add(V::splat(factor), self.value)
        };
        Sum { value, empty: false }
    }
}
