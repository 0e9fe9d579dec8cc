//! Random numbers that can be saved and resumed.
//!
//! A stream is ChaCha8 keyed by a seed and a name: counter-based, so its whole state is three integers, two streams never
//! share a number, and adding a layer does not change what another layer draws. PCG and xoshiro are faster but their streams
//! are told apart less surely; nothing here draws enough for that to matter.

use rand::Rng;
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{SeedableRng, TryRng},
};
use serde::{Deserialize, Serialize};
use std::{
    convert::Infallible,
    fmt::{Display, Write},
};

/// A stream of random numbers; give it to anything that takes a `rand` generator.
///
/// ```
/// use core_tensor::RngStream;
/// use rand::Rng;
/// let mut stream = RngStream::new(42, "conv1/filter");
/// stream.next_u32();
/// let state = stream.state();
/// let next = stream.next_u64();
/// assert_eq!(RngStream::from_state(state).next_u64(), next);
/// ```
#[derive(Debug, Clone)]
pub struct RngStream {
    seed: u64,
    stream: u64,
    generator: ChaCha8Rng,
}

/// Where a stream stands; goes into snapshots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RngState {
    /// The seed that the run was started with.
    pub seed: u64,
    /// The stream's number, made from its name.
    pub stream: u64,
    /// How many 32-bit words were drawn.
    pub position: u64,
}

impl RngStream {
    /// The stream called `name` of a run with this seed. A name made with `format_args!` costs no memory.
    pub fn new(seed: u64, name: impl Display) -> Self {
        Self::from_state(RngState { seed, stream: fnv1a(name), position: 0 })
    }

    /// A stream that goes on where [`RngStream::state`] was taken.
    pub fn from_state(state: RngState) -> Self {
        let mut generator = ChaCha8Rng::seed_from_u64(state.seed);
        generator.set_stream(state.stream);
        generator.set_word_pos(u128::from(state.position));
        RngStream { seed: state.seed, stream: state.stream, generator }
    }

    /// Where the stream stands now.
    pub fn state(&self) -> RngState {
        // A ChaCha stream has 2^68 words; nobody draws 2^64.
        RngState { seed: self.seed, stream: self.stream, position: self.generator.get_word_pos() as u64 }
    }
}

impl TryRng for RngStream {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.generator.next_u32())
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.generator.next_u64())
    }
    fn try_fill_bytes(&mut self, target: &mut [u8]) -> Result<(), Infallible> {
        self.generator.fill_bytes(target);
        Ok(())
    }
}

/// FNV-1a, 64 bits: stable across platforms and releases, which `std`'s hasher does not promise.
pub(crate) fn fnv1a(name: impl Display) -> u64 {
    let mut hash = Fnv1a(0xcbf2_9ce4_8422_2325);
    let _ = write!(hash, "{name}"); // cannot fail
    hash.0
}

struct Fnv1a(u64);

impl Write for Fnv1a {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0 = text.bytes().fold(self.0, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_resume_and_differ() {
        let mut a = RngStream::new(7, "a");
        let first: Vec<u32> = (0..37).map(|_| a.next_u32()).collect();
        let state = a.state();
        let rest: Vec<u32> = (0..37).map(|_| a.next_u32()).collect();
        let mut resumed = RngStream::from_state(state);
        assert_eq!(rest, (0..37).map(|_| resumed.next_u32()).collect::<Vec<_>>());
        let mut b = RngStream::new(7, "b");
        assert_ne!(first, (0..37).map(|_| b.next_u32()).collect::<Vec<_>>());
    }
}
