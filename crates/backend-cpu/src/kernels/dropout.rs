//! Zeroing random elements: the mask of [`core_tensor::ops::kernels::RandomMask`], computed where it is needed.
//!
//! Nothing is kept from forward to backward; the mask is drawn again, for some two cycles an element. Four features of 16
//! samples are drawn at a time, which is one block of the stream for each sample. A zeroed NaN stays a NaN: it is how
//! divergence is noticed.

use super::{chunk, dtype, same_layout};
use crate::{
    Cpu,
    isa::{Isa, Kernel},
    lane::{LANES, Lane, Real},
    memory::{Stored, read, write},
};
use core_tensor::{DType, Launch, Philox, Result};

pub(crate) fn launch(cpu: &Cpu, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    (kernel == "apply").then(|| match dtype(&call) {
        DType::F32 => apply::<f32>(cpu, call),
        DType::F64 => apply::<f64>(cpu, call),
    })
}

fn apply<T: Stored>(cpu: &Cpu, call: Launch<'_>) -> Result<()> {
    same_layout(&call)?;
    let features = call.writes[0].shape().sample_len();
    let [low, high, draw_low, draw_high, threshold] = std::array::from_fn(|i| call.sizes[i] as u32);
    let mask = Mask { stream: Philox::from_key([low, high]), draw: [draw_low, draw_high], threshold };
    let scale = T::from_f64(call.scalars[0]);
    let x = read::<T>(call.kernel, "the input", call.reads[0])?;
    let mut y = write::<T>(call.kernel, "the output", call.writes[0])?;
    let length = chunk(y.len());
    cpu.pool().chunks(&mut y, length, |i, y| {
        let first = i * length;
        cpu.level().run(Apply { features, mask, scale, first, x: &x[first..][..y.len()], y });
    });
    Ok(())
}

#[derive(Clone, Copy)]
struct Mask {
    stream: Philox,
    draw: [u32; 2],
    threshold: u32,
}

struct Apply<'a, T> {
    /// Elements of a sample.
    features: usize,
    mask: Mask,
    scale: T,
    /// The index of the first lane in the blob.
    first: usize,
    x: &'a [Lane<T>],
    y: &'a mut [Lane<T>],
}

impl<T: Real> Kernel for Apply<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let mut done = 0;
        while done < self.y.len() {
            let lane = self.first + done;
            let (block, feature) = (lane / self.features, lane % self.features);
            let factors = self.mask.factors(self.scale, feature / 4, block * LANES);
            // The features that share the block of random words, as far as they are within sample and item.
            let count = (4 - feature % 4).min(self.features - feature).min(self.y.len() - done);
            let lanes = self.y[done..][..count].iter_mut().zip(&self.x[done..]);
            for ((y, x), factors) in lanes.zip(&factors[feature % 4..]) {
                for l in 0..LANES {
                    y[l] = factors[l] * x[l];
                }
            }
            done += count;
        }
    }
}

impl Mask {
    /// `scale` or 0 for four neighbouring features of 16 neighbouring samples.
    #[inline(always)]
    fn factors<T: Real>(&self, scale: T, group: usize, first_sample: usize) -> [Lane<T>; 4] {
        let samples = std::array::from_fn(|l| (first_sample + l) as u32);
        let words = self.stream.blocks([[group as u32; LANES], samples, [self.draw[0]; LANES], [self.draw[1]; LANES]]);
        let mut factors = [[T::ZERO; LANES]; 4];
        // One loop over all 64 is vectorized; four over 16 are unrolled first and then are not.
        for (factor, &word) in factors.as_flattened_mut().iter_mut().zip(words.as_flattened()) {
            *factor = if word < self.threshold { T::ZERO } else { scale };
        }
        factors
    }
}
