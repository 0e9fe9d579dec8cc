//! The order of samples: a position in it, and the permutations that make it.
//!
//! Each permutation is drawn from a random stream of its own, named after layer and epoch, so any epoch's order can be found
//! without going through the epochs before it. That is why a position is all that a snapshot has to keep.

use core_tensor::RngStream;
use rand::seq::SliceRandom;
use std::fmt;

/// The name of the order without shuffling.
pub(crate) const AS_IN_FILES: &str = "as in the files";

/// A place in the endless sequence of samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// The seed of the permutations.
    pub(crate) seed: u64,
    /// The epoch, from 0.
    pub(crate) epoch: u64,
    /// The sample's place in the epoch's order, less than the number of samples.
    pub(crate) position: usize,
}

impl Cursor {
    /// One sample on.
    pub(crate) fn advance(&mut self, samples: usize) {
        self.position += 1;
        if self.position >= samples {
            (self.epoch, self.position) = (self.epoch + 1, 0);
        }
    }
}

/// How a layer orders its samples.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    /// The layer's name.
    pub(crate) layer: String,
    /// Whether to permute at all.
    pub(crate) shuffle: bool,
}

impl Order {
    /// Fills `target` with the numbers below `count` in an epoch's order.
    pub(crate) fn of_epoch(&self, seed: u64, epoch: u64, count: usize, target: &mut Vec<u32>) {
        self.permute(seed, format_args!("epoch/{epoch}"), count, target);
    }

    /// The same for a part of the epoch that is ordered by itself.
    pub(crate) fn of_part(&self, seed: u64, epoch: u64, part: usize, count: usize, target: &mut Vec<u32>) {
        self.permute(seed, format_args!("epoch/{epoch}/part/{part}"), count, target);
    }

    fn permute(&self, seed: u64, purpose: fmt::Arguments<'_>, count: usize, target: &mut Vec<u32>) {
        target.clear();
        target.extend((0..u32::MAX).take(count));
        if self.shuffle {
            target.shuffle(&mut RngStream::new(seed, format_args!("{}/{purpose}", self.layer)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn order(layer: &str, shuffle: bool, seed: u64, epoch: u64, count: usize) -> Vec<u32> {
        let mut target = Vec::new();
        Order { layer: layer.into(), shuffle }.of_epoch(seed, epoch, count, &mut target);
        target
    }

    proptest! {
        #[test]
        fn an_order_is_a_permutation_and_repeatable(seed in any::<u64>(), epoch in 0u64..9, count in 0usize..300) {
            let first = order("data", true, seed, epoch, count);
            prop_assert_eq!(&first, &order("data", true, seed, epoch, count));
            let mut sorted = first;
            sorted.sort_unstable();
            prop_assert_eq!(sorted, order("data", false, seed, epoch, count));
        }
    }

    #[test]
    fn layers_epochs_and_seeds_differ() {
        let reference = order("data", true, 1, 1, 100);
        for other in [order("test", true, 1, 1, 100), order("data", true, 2, 1, 100), order("data", true, 1, 2, 100)] {
            assert_ne!(reference, other);
        }
    }

    #[test]
    fn the_shuffle_stays_what_it_was() {
        // A snapshot names a position in this order: a new release of `rand` must not change it unnoticed.
        assert_eq!(order("data", true, 1, 0, 10), [9, 0, 6, 8, 7, 1, 3, 4, 5, 2]);
    }
}
