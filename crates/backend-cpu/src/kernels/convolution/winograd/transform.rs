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
            analyse_row::<I, M>(&self.source[row], &mut self.half[row]);
        }
        for column in 0..M::ROWS {
            let numbers = std::array::from_fn(|row| self.half[row][column]);
            let mut values = [ZERO; POINTS];
            analyse_row::<I, M>(&numbers, &mut values);
            for row in 0..M::ROWS {
                self.result[row][column] = values[row];
            }
        }
    }

    /// Values at the points back to numbers, along both axes: ROWS x ROWS to COLUMNS x COLUMNS.
    #[inline(always)]
    pub(crate) fn synthesise<I: Isa, M: Coefficients>(&mut self) {
        for row in 0..M::ROWS {
            synthesise_row::<I, M>(&self.source[row], &mut self.half[row]);
        }
        for column in 0..M::COLUMNS {
            let values = std::array::from_fn(|row| self.half[row][column]);
            let mut numbers = [ZERO; POINTS];
            synthesise_row::<I, M>(&values, &mut numbers);
            for row in 0..M::COLUMNS {
                self.result[row][column] = numbers[row];
            }
        }
    }
}

// The rows are written out, without loops: only then are the coefficients constants when the compiler decides what to keep
// in registers.

#[inline(always)]
fn analyse_row<I: Isa, M: Coefficients>(numbers: &[L; POINTS], values: &mut [L; POINTS]) {
    let numbers: [I::Single; POINTS] = std::array::from_fn(|column| Vector::load(&numbers[column]));
    even::<I, M, 0>(&numbers, odd::<I, M, 0>(&numbers, Sum::nothing())).value.store(&mut values[0]);
    store_pair(pair::<I, M, 1>(&numbers), values, 1);
    store_pair(pair::<I, M, 3>(&numbers), values, 3);
    if M::ROWS == 8 {
        store_pair(pair::<I, M, 5>(&numbers), values, 5);
        even::<I, M, 7>(&numbers, odd::<I, M, 7>(&numbers, Sum::nothing())).value.store(&mut values[7]);
    } else {
        even::<I, M, 5>(&numbers, odd::<I, M, 5>(&numbers, Sum::nothing())).value.store(&mut values[5]);
    }
}

/// The values at points a and −a.
#[inline(always)]
fn pair<I: Isa, M: Coefficients, const P: usize>(numbers: &[I::Single; POINTS]) -> (I::Single, I::Single) {
    let even = even::<I, M, P>(numbers, Sum::nothing()).value;
    let odd = odd::<I, M, P>(numbers, Sum::nothing()).value;
    (even.add(odd), even.sub(odd))
}

#[inline(always)]
fn store_pair<V: Vector<f32>>((plus, minus): (V, V), values: &mut [L; POINTS], first: usize) {
    plus.store(&mut values[first]);
    minus.store(&mut values[first + 1]);
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
fn synthesise_row<I: Isa, M: Coefficients>(values: &[L; POINTS], numbers: &mut [L; POINTS]) {
    let load = |point: usize| I::Single::load(&values[point]);
    let sum = |point: usize| load(point).add(load(point + 1));
    let difference = |point: usize| load(point).sub(load(point + 1));
    // With six points row 5 of the matrix belongs to infinity and row 7 is zero.
    let (zero, infinity) = (load(0), load(M::ROWS - 1));
    let even = [zero, sum(1), sum(3), if M::ROWS == 8 { sum(5) } else { infinity }, infinity];
    let odd = [zero, difference(1), difference(3), if M::ROWS == 8 { difference(5) } else { infinity }, infinity];
    column::<I, M, 0>(even, numbers);
    column::<I, M, 1>(odd, numbers);
    column::<I, M, 2>(even, numbers);
    column::<I, M, 3>(odd, numbers);
    column::<I, M, 4>(even, numbers);
    column::<I, M, 5>(odd, numbers);
    column::<I, M, 6>(even, numbers);
    column::<I, M, 7>(odd, numbers);
}

/// One column of the matrix times the value at 0, the pairs' sums or differences, and the value at infinity.
#[inline(always)]
fn column<I: Isa, M: Coefficients, const C: usize>(terms: [I::Single; 5], numbers: &mut [L; POINTS]) {
    if C < M::COLUMNS {
        let sum = Sum::nothing()
            .add(const { M::MATRIX[0][C] }, terms[0])
            .add(const { M::MATRIX[1][C] }, terms[1])
            .add(const { M::MATRIX[3][C] }, terms[2])
            .add(const { M::MATRIX[5][C] }, terms[3])
            .add(const { M::MATRIX[7][C] }, terms[4]);
        sum.value.store(&mut numbers[C]);
    }
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
