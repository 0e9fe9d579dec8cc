//! Random numbers by position: block i of a stream is a function of the stream's key and i, computed in no order.
//!
//! Whoever draws inside of a kernel (dropout's masks, noise) takes its numbers from here, so that an element's number depends
//! on its logical index alone: the same for any number of threads, any layout in memory, and any backend. The generator is
//! Philox4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011), which cuRAND,
//! JAX and PyTorch use on GPUs for the same reason. [`RngStream`](crate::RngStream) is for the host, one number after another;
//! ChaCha8 was rejected here because a block of it costs some ten times as many operations, Threefry because cuRAND lacks it.

use crate::rng::fnv1a;
use serde::{Deserialize, Serialize};
use std::fmt::Display;

const MULTIPLIERS: [u64; 2] = [0xd251_1f53, 0xcd9e_8d57];
/// What is added to the key after each round: the golden ratio and the square root of 3, less 1, as fractions of 2^32.
const WEYL: [u32; 2] = [0x9e37_79b9, 0xbb67_ae85];
const ROUNDS: usize = 10;

/// A key: one of 2^64 streams, each of 2^128 blocks of four 32-bit words.
///
/// ```
/// use core_tensor::Philox;
/// let stream = Philox::new(42, "drop1/mask");
/// assert_eq!(stream.block([7, 0, 0, 0]), stream.block([7, 0, 0, 0]));
/// assert_ne!(stream.block([7, 0, 0, 0]), stream.block([8, 0, 0, 0]));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Philox {
    key: [u32; 2],
}

impl Philox {
    /// The stream called `name` of a run with this seed. Streams of one name differ for all seeds, and streams of one seed for
    /// all names whose 64-bit hashes differ.
    pub fn new(seed: u64, name: impl Display) -> Self {
        let key = seed ^ fnv1a(name);
        Philox { key: [key as u32, (key >> 32) as u32] }
    }

    /// The stream with this key, low word first.
    pub const fn from_key(key: [u32; 2]) -> Self {
        Philox { key }
    }

    /// The key, low word first.
    pub const fn key(self) -> [u32; 2] {
        self.key
    }

    /// The block at `counter`: four words, each uniform over all 32-bit numbers.
    pub fn block(self, counter: [u32; 4]) -> [u32; 4] {
        self.blocks(counter.map(|word| [word])).map(|[word]| word)
    }

    /// N blocks at once, by word: `blocks(counters)[w][i]` is word w of the block at `[counters[0][i], ..., counters[3][i]]`.
    #[inline(always)] // so that kernels compile it for their instruction set and vectorize over the blocks
    pub fn blocks<const N: usize>(self, counters: [[u32; N]; 4]) -> [[u32; N]; 4] {
        // Words stand in the lower halves of 64-bit numbers, where a vector unit's 32-bit multiplication looks for them; what
        // is in the upper halves does not matter.
        let [mut a, mut b, mut c, mut d] = [[0; N]; 4];
        for i in 0..N {
            [a[i], b[i], c[i], d[i]] = [0, 1, 2, 3].map(|w| u64::from(counters[w][i]));
        }
        let mut key = self.key;
        for _ in 0..ROUNDS {
            for i in 0..N {
                let first = MULTIPLIERS[0] * u64::from(a[i] as u32);
                let second = MULTIPLIERS[1] * u64::from(c[i] as u32);
                a[i] = (second >> 32) ^ b[i] ^ u64::from(key[0]);
                b[i] = second;
                c[i] = (first >> 32) ^ d[i] ^ u64::from(key[1]);
                d[i] = first;
            }
            key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
        }
        let mut blocks = [[0; N]; 4];
        for (block, words) in blocks.iter_mut().zip([&a, &b, &c, &d]) {
            for i in 0..N {
                block[i] = words[i] as u32;
            }
        }
        blocks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the file `kat_vectors` of the authors' library Random123.
    #[test]
    fn known_answers() {
        let ones = u32::MAX;
        let cases = [
            ([0; 2], [0; 4], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
            ([ones; 2], [ones; 4], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
            // The digits of pi.
            (
                [0xa409_3822, 0x299f_31d0],
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ];
        for (key, counter, block) in cases {
            assert_eq!(Philox::from_key(key).block(counter), block);
        }
    }

    #[test]
    fn many_blocks_are_the_single_ones() {
        let stream = Philox::new(3, "many");
        let counters: [[u32; 5]; 4] = std::array::from_fn(|w| std::array::from_fn(|i| (100 * w + i) as u32));
        let many = stream.blocks(counters);
        for i in 0..5 {
            assert_eq!(many.map(|words| words[i]), stream.block(counters.map(|words| words[i])));
        }
    }

    #[test]
    fn streams_differ_by_seed_and_name() {
        let block = |seed, name: &str| Philox::new(seed, name).block([0; 4]);
        assert_eq!(block(1, "a"), block(1, "a"));
        let different = [block(1, "a"), block(2, "a"), block(1 << 32, "a"), block(1, "b")];
        assert!((0..4).all(|i| (0..i).all(|j| different[i] != different[j])));
        assert_eq!(Philox::from_key(Philox::new(5, "x").key()), Philox::new(5, "x"));
    }
}
