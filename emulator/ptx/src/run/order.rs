//! In which order threads run. A device promises none, so a kernel must give the same result in each.

use rand::{Rng, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

/// An order of blocks and threads, the same each time for the same value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// Blocks and warps by number, the threads of a warp together.
    #[default]
    Natural,
    /// Blocks in a random order; within a block warps in a random order, and within a warp random groups of threads one after
    /// the other as far as the next barrier or exchange.
    Random(u64),
}

/// Draws orders.
pub(super) struct Shuffler {
    random: Option<ChaCha8Rng>,
}

impl Shuffler {
    pub(super) fn new(order: Order) -> Self {
        let random = match order {
            Order::Natural => None,
            Order::Random(seed) => Some(ChaCha8Rng::seed_from_u64(seed)),
        };
        Shuffler { random }
    }

    pub(super) fn shuffle(&mut self, items: &mut [usize]) {
        if let Some(random) = &mut self.random {
            items.shuffle(random);
        }
    }

    /// Divides lanes into groups that run one after the other.
    pub(super) fn divide(&mut self, lanes: u32) -> [u32; 3] {
        let Some(random) = &mut self.random else { return [lanes, 0, 0] };
        let (a, b) = (random.next_u32(), random.next_u32());
        [lanes & a, lanes & !a & b, lanes & !a & !b]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_hold_every_lane_once() {
        for order in [Order::Natural, Order::Random(1), Order::Random(2)] {
            let mut shuffler = Shuffler::new(order);
            let [a, b, c] = shuffler.divide(0xffff_00ff);
            assert_eq!((a | b | c, a & b | b & c | a & c), (0xffff_00ff, 0), "{order:?}");
        }
    }

    #[test]
    fn reproducible() {
        let draw = |seed| {
            let mut items: Vec<usize> = (0..100).collect();
            Shuffler::new(Order::Random(seed)).shuffle(&mut items);
            items
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }
}
