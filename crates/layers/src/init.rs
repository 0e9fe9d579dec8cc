//! First values of parameters.
//!
//! Numbers are drawn in f64 and rounded once, so that an f32 and an f64 net start from the same point. The orthogonal
//! matrix comes from Gram-Schmidt, done twice, rather than from an SVD as in Mocha: the result is as orthogonal, in the wide
//! case too (Mocha copies a transposed V there), and needs no linear algebra crate.

use crate::Initializer;
use core_tensor::{Error, Result, RngStream, Shape, Tensor};
use rand_distr::{Distribution, Normal, StandardNormal, Uniform};

impl Initializer {
    /// Writes first values into `target`.
    ///
    /// # Errors
    /// A coefficient that makes no sense, such as a negative standard deviation.
    pub fn fill(&self, target: &Tensor, rng: &mut RngStream) -> Result<()> {
        let shape = target.shape();
        let values = match *self {
            Initializer::Constant { value } => vec![finite("value", value)?; shape.len()],
            Initializer::Xavier => {
                let bound = (3.0 / fan_in(shape) as f64).sqrt();
                let uniform = Uniform::new_inclusive(-bound, bound).map_err(|e| bad("Xavier bound", bound, &e))?;
                uniform.sample_iter(rng).take(shape.len()).collect()
            }
            Initializer::Msra => gaussian(shape, 0.0, (2.0 / fan_in(shape) as f64).sqrt(), rng)?,
            Initializer::Gaussian { mean, std } => gaussian(shape, mean, std, rng)?,
            Initializer::Orthogonal { gain } => orthogonal(shape, finite("gain", gain)?, rng),
        };
        target.write(&values)
    }
}

fn gaussian(shape: Shape, mean: f64, std: f64, rng: &mut RngStream) -> Result<Vec<f64>> {
    let (mean, std) = (finite("mean", mean)?, finite("std", std)?);
    if std < 0.0 {
        return Err(bad("standard deviation of the Gaussian initializer", std, &"a number from 0 up"));
    }
    let normal = Normal::new(mean, std).map_err(|e| bad("std", std, &e))?;
    Ok(normal.sample_iter(rng).take(shape.len()).collect())
}

/// The elements of one output's weights. A shape of one axis (a bias) has no inputs; its length is taken, as for Mocha's
/// inner product, since the rule's literal 1 would give a bias up to 1.7.
fn fan_in(shape: Shape) -> usize {
    let elements = if shape.rank() <= 1 { shape.len() } else { shape.sample_len() };
    elements.max(1)
}

/// The (outputs, rest) matrix with orthonormal rows or columns, whichever are fewer, times `gain`.
fn orthogonal(shape: Shape, gain: f64, rng: &mut RngStream) -> Vec<f64> {
    let (rows, columns) = (shape.batch(), shape.sample_len());
    let (count, length) = (rows.min(columns), rows.max(columns));
    let mut vectors: Vec<Vec<f64>> = Vec::with_capacity(count);
    for _ in 0..count {
        let mut vector: Vec<f64> = StandardNormal.sample_iter(&mut *rng).take(length).collect();
        // The second round removes what rounding has left of the first.
        for _ in 0..2 {
            for other in &vectors {
                let along = dot(&vector, other);
                vector.iter_mut().zip(other).for_each(|(v, o)| *v -= along * o);
            }
            let norm = dot(&vector, &vector).sqrt();
            vector.iter_mut().for_each(|v| *v /= norm);
        }
        vectors.push(vector);
    }
    let element = |row: usize, column: usize| {
        if rows <= columns { vectors[row][column] } else { vectors[column][row] }
    };
    (0..rows * columns).map(|i| gain * element(i / columns, i % columns)).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn finite(what: &str, value: f64) -> Result<f64> {
    if value.is_finite() { Ok(value) } else { Err(bad(what, value, &"a finite number")) }
}

fn bad(what: &str, found: f64, expected: &dyn std::fmt::Display) -> Error {
    Error::Value { what: format!("the initializer's {what}"), found: found.to_string(), expected: expected.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orthogonal_in_both_directions() {
        for (sizes, gain) in [(&[3, 8][..], 1.0), (&[8, 3], 2.0), (&[5, 5], 0.5), (&[20, 1, 5, 5], 1.0), (&[6], 3.0)] {
            let shape = Shape::new(sizes).unwrap();
            let w = orthogonal(shape, gain, &mut RngStream::new(1, "test"));
            let (rows, columns) = (shape.batch(), shape.sample_len());
            let at = |r: usize, c: usize| w[r * columns + c];
            let count = rows.min(columns);
            for i in 0..count {
                for j in 0..count {
                    let product: f64 = if rows <= columns {
                        (0..columns).map(|k| at(i, k) * at(j, k)).sum()
                    } else {
                        (0..rows).map(|k| at(k, i) * at(k, j)).sum()
                    };
                    let expected = if i == j { gain * gain } else { 0.0 };
                    assert!((product - expected).abs() < 1e-12, "{sizes:?}: ({i}, {j}) is {product}");
                }
            }
        }
    }

    #[test]
    fn fan_in_is_per_output() {
        assert_eq!(fan_in(Shape::new(&[20, 1, 5, 5]).unwrap()), 25);
        assert_eq!(fan_in(Shape::new(&[500, 800]).unwrap()), 800);
        assert_eq!(fan_in(Shape::new(&[10]).unwrap()), 10);
    }
}
