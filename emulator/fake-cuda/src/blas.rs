//! cuBLAS's matrix products, column by column as its documentation defines them: `C = alpha op(A) op(B) + beta C`.
//!
//! Sums are made in order, in the precision of the numbers. Where beta is 0, C need not have been written and is not read.

use ptx::Memory;

/// A product that has been asked for.
#[derive(Debug, Clone)]
pub(crate) struct Product {
    pub(crate) double: bool,
    /// Rows and columns of C, and the number of terms of each of its numbers.
    pub(crate) m: usize,
    pub(crate) n: usize,
    pub(crate) k: usize,
    pub(crate) alpha: f64,
    pub(crate) beta: f64,
    pub(crate) a: Matrix,
    pub(crate) b: Matrix,
    pub(crate) c: Matrix,
    /// How many of them, each a stride further on.
    pub(crate) count: usize,
}

/// A matrix in the device's memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Matrix {
    pub(crate) address: u64,
    /// Numbers from one column to the next.
    pub(crate) leading: usize,
    pub(crate) transposed: bool,
    /// Numbers from one matrix of a batch to the next.
    pub(crate) stride: i64,
}

impl Product {
    /// Whether the leading dimensions fit; what cuBLAS refuses at once.
    pub(crate) fn check(&self) -> Result<(), String> {
        let at_least = |name: &str, matrix: &Matrix, rows: usize| {
            let found = matrix.leading;
            if found < rows.max(1) { Err(format!("ld{name} is {found}, but {name} has {rows} rows")) } else { Ok(()) }
        };
        at_least("a", &self.a, if self.a.transposed { self.k } else { self.m })?;
        at_least("b", &self.b, if self.b.transposed { self.n } else { self.k })?;
        at_least("c", &self.c, self.m)
    }

    pub(crate) fn perform(&self, memory: &mut Memory) -> Result<(), String> {
        for at in 0..self.count as i64 {
            let size = if self.double { 8 } else { 4 };
            let of = |matrix: &Matrix| Matrix {
                address: matrix.address.wrapping_add_signed(at * matrix.stride * size),
                ..*matrix
            };
            let (a, b, c) = (of(&self.a), of(&self.b), of(&self.c));
            if self.double {
                self.compute(memory, &a, &b, &c, f64::from_le_bytes, f64::to_le_bytes, |x| x)?;
            } else {
                self.compute(memory, &a, &b, &c, f32::from_le_bytes, f32::to_le_bytes, |x| x as f32)?;
            }
        }
        Ok(())
    }

    fn compute<T, const SIZE: usize>(
        &self,
        memory: &mut Memory,
        a: &Matrix,
        b: &Matrix,
        c: &Matrix,
        from_bytes: fn([u8; SIZE]) -> T,
        to_bytes: fn(T) -> [u8; SIZE],
        of: fn(f64) -> T,
    ) -> Result<(), String>
    where
        T: Copy + std::ops::Mul<Output = T> + std::ops::Add<Output = T>,
    {
        let (m, n, k) = (self.m, self.n, self.k);
        let read = |name: &str, matrix: &Matrix, rows: usize, columns: usize| {
            matrix.read(name, memory, rows, columns, from_bytes)
        };
        // A with its k terms side by side, B too, so that the innermost loop runs along memory.
        let (a_rows, a_columns) = if a.transposed { (k, m) } else { (m, k) };
        let (b_rows, b_columns) = if b.transposed { (n, k) } else { (k, n) };
        let a = in_order(read("A", a, a_rows, a_columns)?, a_rows, a_columns, a.transposed);
        let b = in_order(read("B", b, b_rows, b_columns)?, b_rows, b_columns, !b.transposed);
        let old = if self.beta == 0.0 { Vec::new() } else { read("C", c, m, n)? };
        let (alpha, beta) = (of(self.alpha), of(self.beta));
        for column in 0..n {
            let address = c.address + (column * c.leading * SIZE) as u64;
            let target = memory.bytes_mut(address, m * SIZE).map_err(|error| format!("cuBLAS, C: {error}"))?;
            let right = &b[column * k..(column + 1) * k];
            for (row, target) in target.chunks_exact_mut(SIZE).enumerate() {
                let left = &a[row * k..(row + 1) * k];
                let sum = dot(left, right, of(0.0));
                let value = if self.beta == 0.0 { alpha * sum } else { alpha * sum + beta * old[column * m + row] };
                target.copy_from_slice(&to_bytes(value));
            }
        }
        Ok(())
    }
}

impl Matrix {
    /// Its numbers by columns, without what lies between them. All of them must have been written.
    fn read<T, const SIZE: usize>(
        &self,
        name: &str,
        memory: &Memory,
        rows: usize,
        columns: usize,
        from_bytes: fn([u8; SIZE]) -> T,
    ) -> Result<Vec<T>, String> {
        let mut numbers = Vec::with_capacity(rows * columns);
        for column in 0..columns {
            let address = self.address + (column * self.leading * SIZE) as u64;
            let fail = |error: ptx::MemoryError| format!("cuBLAS, {name}: {error}");
            if !memory.is_written(address, rows * SIZE).map_err(fail)? {
                return Err(format!(
                    "cuBLAS, {name}: column {column} at {address:#x} has numbers that nobody has written"
                ));
            }
            let bytes = memory.read(address, rows * SIZE).map_err(fail)?;
            numbers.extend(bytes.as_chunks::<SIZE>().0.iter().map(|bytes| from_bytes(*bytes)));
        }
        Ok(numbers)
    }
}

/// The sum of the products, as sixteen sums of every sixteenth term: the real library does not add up a long row in one sum
/// either, and one sum in f32 rounds more than the reference cases allow.
fn dot<T>(left: &[T], right: &[T], zero: T) -> T
where
    T: Copy + std::ops::Mul<Output = T> + std::ops::Add<Output = T>,
{
    let mut sums = [zero; 16];
    for (k, (a, b)) in left.iter().zip(right).enumerate() {
        sums[k % 16] = sums[k % 16] + *a * *b;
    }
    sums.into_iter().fold(zero, |sum, part| sum + part)
}

/// A matrix given by columns, by columns or by rows.
fn in_order<T: Copy>(numbers: Vec<T>, rows: usize, columns: usize, by_columns: bool) -> Vec<T> {
    if by_columns {
        return numbers;
    }
    (0..rows).flat_map(|row| (0..columns).map(move |column| column * rows + row)).map(|at| numbers[at]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upload(memory: &mut Memory, numbers: &[f32]) -> u64 {
        let address = memory.allocate(4 * numbers.len() as u64).unwrap();
        memory.write(address, &numbers.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>()).unwrap();
        address
    }

    /// A is 2x3, B is 3x2, stored in all four ways with gaps between columns.
    #[test]
    fn transposed_or_not() {
        let a = |row: usize, column: usize| (1 + row * 3 + column) as f32;
        let b = |row: usize, column: usize| (10 + row * 2 + column) as f32;
        for (ta, tb) in [(false, false), (true, false), (false, true), (true, true)] {
            let mut memory = Memory::new(1 << 16);
            let gap = 5;
            let store = |memory: &mut Memory, rows: usize, columns: usize, f: &dyn Fn(usize, usize) -> f32| {
                let at = |i: usize| if i % gap < rows { f(i % gap, i / gap) } else { f32::NAN };
                upload(memory, &(0..gap * columns).map(at).collect::<Vec<f32>>())
            };
            let a_at = if ta { store(&mut memory, 3, 2, &|r, c| a(c, r)) } else { store(&mut memory, 2, 3, &a) };
            let b_at = if tb { store(&mut memory, 2, 3, &|r, c| b(c, r)) } else { store(&mut memory, 3, 2, &b) };
            let c_at = upload(&mut memory, &[1.0; 8]);
            let matrix = |address, leading, transposed| Matrix { address, leading, transposed, stride: 0 };
            let product = Product {
                double: false,
                m: 2,
                n: 2,
                k: 3,
                alpha: 2.0,
                beta: 3.0,
                a: matrix(a_at, gap, ta),
                b: matrix(b_at, gap, tb),
                c: matrix(c_at, 4, false),
                count: 1,
            };
            product.check().unwrap();
            product.perform(&mut memory).unwrap();
            let exact = |r: usize, c: usize| 3.0 + 2.0 * (0..3).map(|k| a(r, k) * b(k, c)).sum::<f32>();
            let expected = [exact(0, 0), exact(1, 0), 1.0, 1.0, exact(0, 1), exact(1, 1), 1.0, 1.0];
            let bytes: Vec<u8> = expected.iter().flat_map(|x| x.to_le_bytes()).collect();
            assert_eq!(memory.read(c_at, 32).unwrap(), bytes, "{ta} {tb}");
        }
    }

    #[test]
    fn refusals() {
        let mut memory = Memory::new(1 << 16);
        let matrix = |address, leading| Matrix { address, leading, transposed: false, stride: 0 };
        let (a, fresh) = (upload(&mut memory, &[1.0; 4]), memory.allocate(16).unwrap());
        let product = |a, b, c| Product { double: false, m: 2, n: 2, k: 2, alpha: 1.0, beta: 0.0, a, b, c, count: 1 };
        let good = matrix(a, 2);
        let error = product(matrix(a, 1), good, good).check().unwrap_err();
        assert_eq!(error, "lda is 1, but a has 2 rows");
        let error = product(matrix(a, 3), good, matrix(fresh, 2)).perform(&mut memory).unwrap_err();
        assert!(error.starts_with("cuBLAS, A: read at ") && error.contains("8 bytes from byte 12"), "{error}");
        let error = product(good, matrix(fresh, 2), matrix(fresh, 2)).perform(&mut memory).unwrap_err();
        assert!(error.ends_with("has numbers that nobody has written"), "{error}");
        product(good, good, matrix(fresh, 2)).perform(&mut memory).unwrap();
    }
}
