//! Transposing a matrix of parameters, some rows of the result at a time; within them in squares, so that both sides stay in
//! the first-level cache.

use super::dtype;
use crate::{
    Cpu,
    memory::{Stored, read, write},
};
use core_tensor::{DType, Launch, Result};

pub(crate) fn launch(cpu: &Cpu, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    (kernel == "matrix").then(|| match dtype(&call) {
        DType::F32 => matrix::<f32>(cpu, call),
        DType::F64 => matrix::<f64>(cpu, call),
    })
}

/// The side of a square: a cache line of f32.
const SIDE: usize = 16;

fn matrix<T: Stored>(cpu: &Cpu, call: Launch<'_>) -> Result<()> {
    let shape = call.reads[0].shape();
    let (rows, columns) = (shape.axis(0), shape.axis(1));
    let x = read::<T>(call.kernel, "the matrix", call.reads[0])?;
    let mut y = write::<T>(call.kernel, "the result", call.writes[0])?;
    let x = x.as_flattened();
    let y = &mut y.as_flattened_mut()[..rows * columns];
    cpu.pool().chunks(y, SIDE * rows, |item, y| {
        for start in (0..rows).step_by(SIDE) {
            for (column, y) in y.chunks_exact_mut(rows).enumerate() {
                let column = item * SIDE + column;
                for (row, y) in y.iter_mut().enumerate().skip(start).take(SIDE) {
                    *y = x[row * columns + column];
                }
            }
        }
    });
    Ok(())
}
