//! Winograd's matrices, made from their interpolation points.
//!
//! A one-dimensional correlation of `TAPS` taps gives `OUT` outputs from `SIZE = OUT + TAPS − 1` inputs. Interpolating at
//! `SIZE − 1` points and at infinity (Toom and Cook; Winograd 1980; Lavin & Gray 2015) turns it into `SIZE` products:
//!
//! `y = Aᵀ [(G g) ∘ (Bᵀ d)]`, and for the gradients, being adjoints, `dd = B [(G g) ∘ (A dy)]`, `dg = Gᵀ [(Bᵀ d) ∘ (A dy)]`.
//!
//! Each of the three matrices is stored with a row for each point. The points come in pairs `±a`, for which rows differ only
//! in the sign of their odd columns; the transforms use that to halve their work.

/// The most points of any tiling.
pub(crate) const POINTS: usize = 8;

/// A matrix with a row for each interpolation point.
pub(crate) type Matrix = [[f32; POINTS]; POINTS];

/// A tile size: how many outputs of how many taps, and the matrices.
pub(crate) trait Tiling: Copy + Send + Sync + 'static {
    /// Outputs along each axis.
    const OUT: usize;
    /// Taps along each axis.
    const TAPS: usize;
    /// Inputs along each axis, which is the number of points.
    const SIZE: usize = Self::OUT + Self::TAPS - 1;
    /// `Bᵀ`, SIZE x SIZE.
    const INPUT: Matrix = single(input_matrix(Self::SIZE));
    /// `G`, SIZE x TAPS.
    const FILTER: Matrix = single(filter_matrix(Self::SIZE, Self::TAPS));
    /// `A`, SIZE x OUT.
    const OUTPUT: Matrix = single(output_matrix(Self::SIZE, Self::OUT));
    /// For the net's summary.
    const NAME: &'static str;
}

/// 4x4 outputs of 5x5 taps: 64 products instead of 400.
#[derive(Clone, Copy)]
pub(crate) struct F4x5;
/// 6x6 outputs of 3x3 taps: 64 products instead of 324.
#[derive(Clone, Copy)]
pub(crate) struct F6x3;
/// 4x4 outputs of 3x3 taps: 36 products instead of 144.
#[derive(Clone, Copy)]
pub(crate) struct F4x3;

impl Tiling for F4x5 {
    const OUT: usize = 4;
    const TAPS: usize = 5;
    const NAME: &'static str = "winograd F(4x4,5x5)";
}

impl Tiling for F6x3 {
    const OUT: usize = 6;
    const TAPS: usize = 3;
    const NAME: &'static str = "winograd F(6x6,3x3)";
}

impl Tiling for F4x3 {
    const OUT: usize = 4;
    const TAPS: usize = 3;
    const NAME: &'static str = "winograd F(4x4,3x3)";
}

/// The finite points, in pairs after the zero; the last row of each matrix belongs to infinity.
const FINITE: [f64; POINTS - 1] = [0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5];

type Exact = [[f64; POINTS]; POINTS];

/// Row of point a: the coefficients of the product of (x − b) over all other finite points b; of infinity: over all.
const fn input_matrix(size: usize) -> Exact {
    let mut matrix = [[0.0; POINTS]; POINTS];
    let mut row = 0;
    while row < size {
        matrix[row][0] = 1.0;
        let mut degree = 0;
        let mut point = 0;
        while point < size - 1 {
            if point != row {
                degree += 1;
                let mut power = degree;
                while power > 0 {
                    matrix[row][power] = matrix[row][power - 1] - FINITE[point] * matrix[row][power];
                    power -= 1;
                }
                matrix[row][0] *= -FINITE[point];
            }
            point += 1;
        }
        row += 1;
    }
    matrix
}

/// Row of point a: the powers of a, divided by the product of (a − b) over all other finite points b; of infinity: the last.
const fn filter_matrix(size: usize, taps: usize) -> Exact {
    let mut matrix = output_matrix(size, taps);
    let mut row = 0;
    while row < size - 1 {
        let mut divisor = 1.0;
        let mut point = 0;
        while point < size - 1 {
            if point != row {
                divisor *= FINITE[row] - FINITE[point];
            }
            point += 1;
        }
        let mut tap = 0;
        while tap < taps {
            matrix[row][tap] /= divisor;
            tap += 1;
        }
        row += 1;
    }
    matrix
}

/// Row of point a: its powers; of infinity: the last.
const fn output_matrix(size: usize, out: usize) -> Exact {
    let mut matrix = [[0.0; POINTS]; POINTS];
    let mut row = 0;
    while row < size - 1 {
        let mut value = 1.0;
        let mut power = 0;
        while power < out {
            matrix[row][power] = value;
            value *= FINITE[row];
            power += 1;
        }
        row += 1;
    }
    matrix[size - 1][out - 1] = 1.0;
    matrix
}

/// Rounds to f32.
const fn single(exact: Exact) -> Matrix {
    let mut matrix = [[0.0; POINTS]; POINTS];
    let mut row = 0;
    while row < POINTS {
        let mut column = 0;
        while column < POINTS {
            matrix[row][column] = exact[row][column] as f32;
            column += 1;
        }
        row += 1;
    }
    matrix
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bilinear identity that makes it a convolution: sum over points of A[p][i] G[p][k] B[p][j] is 1 where j = i + k.
    #[track_caller]
    fn check<W: Tiling>() {
        let (input, filter, output) =
            (input_matrix(W::SIZE), filter_matrix(W::SIZE, W::TAPS), output_matrix(W::SIZE, W::OUT));
        for i in 0..W::OUT {
            for k in 0..W::TAPS {
                for j in 0..W::SIZE {
                    let sum: f64 = (0..W::SIZE).map(|p| output[p][i] * filter[p][k] * input[p][j]).sum();
                    let expected = if j == i + k { 1.0 } else { 0.0 };
                    assert!((sum - expected).abs() < 1e-12, "{}: {i} {k} {j}: {sum}", W::NAME);
                }
            }
        }
        for matrix in [input, filter, output] {
            for pair in (1..W::SIZE - 1).step_by(2) {
                for column in 0..POINTS {
                    let sign = if column % 2 == 0 { 1.0 } else { -1.0 };
                    assert_eq!(matrix[pair][column], sign * matrix[pair + 1][column]);
                }
            }
        }
    }

    #[test]
    fn matrices_compute_a_correlation_and_pair_up() {
        check::<F4x5>();
        check::<F6x3>();
        check::<F4x3>();
    }
}
