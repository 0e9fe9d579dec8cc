//! Sums over a whole blob, in the same order whatever the number of threads.

use super::chunk;
use crate::Cpu;
use std::ops::Range;

/// More than [`chunk`] ever makes of a blob.
const MAX_CHUNKS: usize = 80;

/// Adds up N numbers over `lanes` lanes: `add(range, sums)` adds those of a range to `sums`, which are 0 at first. Each range
/// has sums of its own, which are added in order.
pub(super) fn add_up<const N: usize>(
    cpu: &Cpu,
    lanes: usize,
    add: impl Fn(Range<usize>, &mut [f64; N]) + Sync,
) -> [f64; N] {
    let length = chunk(lanes).max(1);
    let mut sums = [[0.0; N]; MAX_CHUNKS];
    let sums = &mut sums[..lanes.div_ceil(length)];
    cpu.pool().chunks(sums, 1, |i, sums| add(i * length..((i + 1) * length).min(lanes), &mut sums[0]));
    sums.iter().fold([0.0; N], |total, sums| std::array::from_fn(|i| total[i] + sums[i]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lane_is_added_once() {
        let cpu = Cpu::with_threads(2).unwrap();
        for lanes in [0, 1, 511, 512, 513, 32_767, 32_768, 32_831, 32_832, 65_535, 1_000_003] {
            let [count, sum] = add_up(&cpu, lanes, |range, sums: &mut [f64; 2]| {
                for lane in range {
                    sums[0] += 1.0;
                    sums[1] += lane as f64;
                }
            });
            assert_eq!((count, sum), (lanes as f64, (lanes as f64) * (lanes as f64 - 1.0) / 2.0));
        }
    }
}
