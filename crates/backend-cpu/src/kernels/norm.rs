//! The length of a tensor, and changing it.
//!
//! Each chunk's squares are summed up in f64, then the chunks' sums in their order: the chunks follow from the size alone.

use super::{MOST_CHUNKS, chunk, dtype};
use crate::{
    Cpu,
    isa::{Isa, Kernel},
    lane::{LANES, Lane, Real, horizontal_sum, mul_add},
    memory::{Stored, read, write},
};
use core_tensor::{DType, Error, Launch, Result, Role};

pub(crate) fn launch(cpu: &Cpu, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    match (kernel, dtype(&call)) {
        ("l2", DType::F32) => Some(l2::<f32>(cpu, call)),
        ("l2", DType::F64) => Some(l2::<f64>(cpu, call)),
        ("scale", DType::F32) => Some(scale::<f32>(cpu, call)),
        ("scale", DType::F64) => Some(scale::<f64>(cpu, call)),
        _ => None,
    }
}

fn l2<T: Stored>(cpu: &Cpu, call: Launch<'_>) -> Result<()> {
    if call.reads[0].role() != Role::Param {
        return Err(Error::Value {
            what: "the operand of `norm.l2`".into(),
            found: "a blob".into(),
            expected: "a parameter or its gradient: the pad of a blob would count".into(),
        });
    }
    let x = read::<T>(call.kernel, "the tensor", call.reads[0])?;
    let elements = call.reads[0].shape().len();
    let (whole, last) = x.split_at(elements / LANES);
    let length = chunk(whole.len());
    let mut sums = [0.0; MOST_CHUNKS];
    let sums = &mut sums[..whole.len().div_ceil(length.max(1))];
    cpu.pool().chunks(sums, 1, |i, sum| {
        let x = &whole[i * length..whole.len().min((i + 1) * length)];
        cpu.level().run(Squares { x, sum: &mut sum[0] });
    });
    let rest = last.as_flattened()[..elements % LANES].iter().map(|x| x.to_f64() * x.to_f64()).sum::<f64>();
    let mut result = write::<T>(call.kernel, "the result", call.writes[0])?;
    result.as_flattened_mut()[call.sizes[0]] = T::from_f64((sums.iter().sum::<f64>() + rest).sqrt());
    Ok(())
}

struct Squares<'a, T> {
    x: &'a [Lane<T>],
    sum: &'a mut f64,
}

impl<T: Stored> Kernel for Squares<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let mut sums = [0.0; LANES];
        for x in self.x {
            for l in 0..LANES {
                let x = x[l].to_f64();
                sums[l] = mul_add::<I, f64>(x, x, sums[l]);
            }
        }
        *self.sum = horizontal_sum(&sums);
    }
}

fn scale<T: Stored>(cpu: &Cpu, call: Launch<'_>) -> Result<()> {
    let alpha = T::from_f64(call.scalars[0]);
    let mut y = write::<T>(call.kernel, "the tensor", call.writes[0])?;
    let length = chunk(y.len());
    cpu.pool().chunks(&mut y, length, |_, y| cpu.level().run(Scale { alpha, y }));
    Ok(())
}

struct Scale<'a, T> {
    alpha: T,
    y: &'a mut [Lane<T>],
}

impl<T: Real> Kernel for Scale<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        for y in self.y {
            for l in 0..LANES {
                y[l] = self.alpha * y[l];
            }
        }
    }
}
