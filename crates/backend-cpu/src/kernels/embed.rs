//! Rows of a table chosen by index. Backward an item takes some rows of the table and looks through all indices for them, so
//! that a row's sum is made by one thread and in the order of the indices.

use super::{chunk, counted, dtype};
use crate::{
    Cpu,
    lane::{LANES, Lane, Real},
    memory::{Stored, blocks, read, write},
};
use core_tensor::{DType, Launch, Result};

/// Parts that the table falls into on the way back: more would look through the indices more often.
const PARTS: usize = 16;

pub(crate) fn launch(cpu: &Cpu, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    match (kernel, dtype(&call)) {
        ("forward", DType::F32) => Some(forward::<f32>(cpu, call)),
        ("forward", DType::F64) => Some(forward::<f64>(cpu, call)),
        ("backward", DType::F32) => Some(backward::<f32>(cpu, call)),
        ("backward", DType::F64) => Some(backward::<f64>(cpu, call)),
        _ => None,
    }
}

fn forward<T: Stored>(cpu: &Cpu, call: Launch<'_>) -> Result<()> {
    let (rows, width) = (call.reads[1].shape().batch(), call.reads[1].shape().sample_len());
    let index = read::<T>(call.kernel, "the indices", call.reads[0])?;
    let table = read::<T>(call.kernel, "the table", call.reads[1])?;
    let table = table.as_flattened();
    let mut y = write::<T>(call.kernel, "the output", call.writes[0])?;
    let places = (chunk(y.len()) / width).max(1);
    cpu.pool().chunks(&mut y, places * width, |item, y| {
        for (y, index) in y.chunks_exact_mut(width).zip(&index[item * places..]) {
            for l in 0..LANES {
                let row = row_of(index[l], rows).map(|row| &table[row * width..][..width]);
                for (j, y) in y.iter_mut().enumerate() {
                    y[l] = row.map_or(T::ZERO, |row| row[j]);
                }
            }
        }
    });
    let shape = call.reads[0].shape();
    let bad = each(&index, shape.batch(), shape.sample_len()).filter(|&(_, _, index)| row_of(index, rows).is_none());
    let bad = T::from_f64(bad.count() as f64);
    write::<T>(call.kernel, "the result", call.writes[1])?.as_flattened_mut()[0] = bad;
    Ok(())
}

fn backward<T: Stored>(cpu: &Cpu, call: Launch<'_>) -> Result<()> {
    let (table, shape) = (call.writes[0].shape(), call.reads[0].shape());
    let (rows, width) = (table.batch(), table.sample_len());
    let index = read::<T>(call.kernel, "the indices", call.reads[0])?;
    let dy = read::<T>(call.kernel, "the gradient", call.reads[1])?;
    let mut target = write::<T>(call.kernel, "the result", call.writes[0])?;
    let part = rows.div_ceil(PARTS);
    cpu.pool().chunks(&mut target.as_flattened_mut()[..rows * width], part * width, |item, target| {
        if call.sizes[0] == 0 {
            target.fill(T::ZERO);
        }
        let mine = item * part..(item + 1) * part;
        for (place, lane, index) in each(&index, shape.batch(), shape.sample_len()) {
            let Some(row) = row_of(index, rows).filter(|row| mine.contains(row)) else { continue };
            let dy = &dy[place * width..][..width];
            for (target, dy) in target[(row - mine.start) * width..][..width].iter_mut().zip(dy) {
                *target += dy[lane];
            }
        }
    });
    Ok(())
}

/// (place among the lanes, number within the lane, index) for all indices of all samples.
fn each<T: Real>(index: &[Lane<T>], batch: usize, per_sample: usize) -> impl Iterator<Item = (usize, usize, T)> {
    let samples_of = move |block: usize| 0..counted(block, batch);
    (0..blocks(batch) * per_sample)
        .flat_map(move |place| samples_of(place / per_sample).map(move |lane| (place, lane, index[place][lane])))
}

fn row_of<T: Stored>(index: T, rows: usize) -> Option<usize> {
    let index = index.to_f64();
    (index >= 0.0 && index < rows as f64 && index.fract() == 0.0).then_some(index as usize)
}
