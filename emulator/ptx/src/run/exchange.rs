//! What threads of a warp do together: shuffles, votes, synchronization.

use super::{
    Run, Stop,
    warp::{State, Warp, each},
};
use crate::{
    check::report::Fault,
    decode::inst::{Exchange, Op, Shuffle, Vote},
    lanes::LANES,
};

/// What a lane gets from one that does not take part: a NaN that is easy to recognize.
const NOTHING: u64 = 0x7fc0_dead;

impl Run<'_> {
    /// Executes the exchanges for which all threads that they name have come.
    pub(super) fn resolve_exchanges(&mut self, warp: &mut Warp, waiting: u32) -> Result<(), Stop> {
        let code = &self.launch.kernel.code;
        let exited = warp.lanes_in(State::Exited);
        let mut left = waiting;
        let mut resolved = false;
        while left != 0 {
            let first = left.trailing_zeros() as usize;
            let inst = &code[warp.pc[first] as usize];
            let Op::Warp { mask, what } = &inst.op else { return Err(Stop) };
            let named = warp.rows[*mask as usize][first] as u32;
            let here =
                each(waiting).filter(|lane| warp.pc[*lane] == warp.pc[first]).fold(0, |all, lane| all | 1 << lane);
            let expected = named & warp.existing & !exited;
            left &= !(expected | 1 << first);
            if expected & !here == 0 && expected >> first & 1 != 0 {
                self.exchange(warp, what, expected, inst.line);
                warp.go_on(expected);
                resolved = true;
            }
        }
        if resolved {
            return Ok(());
        }
        let first = waiting.trailing_zeros() as usize;
        let line = code[warp.pc[first] as usize].line;
        let what =
            format!("threads {waiting:#010x} of the warp wait for others that its mask names, or are not in the mask");
        let spot = self.spot(warp, waiting, line);
        Err(self.stop(Fault::DivergentWarp, spot, what))
    }

    /// Executes an exchange among these lanes.
    pub(super) fn exchange(&mut self, warp: &mut Warp, what: &Exchange, lanes: u32, line: u32) {
        match what {
            Exchange::Sync => {
                // Only the whole warp is taken as ordered, so that one number can stand for it.
                if lanes | warp.lanes_in(State::Exited) == warp.existing {
                    warp.epoch = warp.epoch.wrapping_add(1);
                }
            }
            Exchange::Shuffle { mode, to, inside, from, lane, clamp } => {
                let values = warp.rows[*from as usize];
                let (mut result, mut is_inside) = ([NOTHING; LANES], [0; LANES]);
                for at in each(lanes) {
                    let by = warp.rows[*lane as usize][at] as u32;
                    let clamp = warp.rows[*clamp as usize][at] as u32;
                    let (source, found) = source(*mode, at as u32, by, clamp);
                    is_inside[at] = u64::from(found);
                    if lanes >> source & 1 != 0 {
                        result[at] = values[source as usize] & 0xffff_ffff;
                    } else {
                        let spot = self.spot(warp, 1 << at, line);
                        let what = format!("a shuffle from lane {source} of the warp, which takes no part");
                        self.report(Fault::DivergentWarp, spot, what);
                    }
                }
                warp.set(*to, &result, lanes);
                if let Some(row) = inside {
                    warp.set(*row, &is_inside, lanes);
                }
            }
            Exchange::Vote { mode, to, from, negated } => {
                let yes = warp.predicate(*from, *negated, lanes);
                let result = match mode {
                    Vote::All => u32::from(yes == lanes),
                    Vote::Any => u32::from(yes != 0),
                    Vote::Uniform => u32::from(yes == lanes || yes == 0),
                    Vote::Ballot => yes,
                };
                warp.set(*to, &[result.into(); LANES], lanes);
            }
        }
    }
}

/// The lane that a shuffle reads from, and whether it lies within its segment: the pseudocode of the PTX manual.
fn source(mode: Shuffle, lane: u32, by: u32, clamp: u32) -> (u32, bool) {
    let by = by & 31;
    let segment = clamp >> 8 & 31;
    let bound = clamp & 31;
    let highest = (lane & segment) | (bound & !segment);
    let lowest = lane & segment;
    let (source, inside) = match mode {
        Shuffle::Up => (lane.wrapping_sub(by), lane as i32 - by as i32 >= highest as i32),
        Shuffle::Down => (lane + by, lane + by <= highest),
        Shuffle::Butterfly => (lane ^ by, lane ^ by <= highest),
        Shuffle::Index => (lowest | (by & !segment), lowest | (by & !segment) <= highest),
    };
    if inside { (source, true) } else { (lane, false) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources() {
        // As nvcc passes them: 0x1f for the whole warp (0 for up), and segments of eight lanes.
        assert_eq!(source(Shuffle::Down, 3, 16, 0x1f), (19, true));
        assert_eq!(source(Shuffle::Down, 20, 16, 0x1f), (20, false));
        assert_eq!(source(Shuffle::Up, 20, 16, 0), (4, true));
        assert_eq!(source(Shuffle::Up, 3, 4, 0), (3, false));
        assert_eq!(source(Shuffle::Butterfly, 5, 1, 0x1f), (4, true));
        assert_eq!(source(Shuffle::Index, 5, 9, 0x1f), (9, true));
        let eight = 0x181f;
        assert_eq!(source(Shuffle::Index, 13, 2, eight), (10, true));
        assert_eq!(source(Shuffle::Down, 13, 4, eight), (13, false));
        assert_eq!(source(Shuffle::Up, 9, 2, 0x1800), (9, false));
    }
}
