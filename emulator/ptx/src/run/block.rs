//! A block: its warps take turns between barriers.

use super::{
    Run, Spot, Stop,
    warp::{State, Warp},
};
use crate::{
    check::report::Fault,
    decode::inst::{Op, Reduction},
    lanes::LANES,
};

impl Run<'_> {
    /// The warps of a block, which serve for all blocks.
    pub(super) fn warps(&self) -> Vec<Warp> {
        let threads = self.launch.block.iter().product::<u32>() as usize;
        let warp = |index: usize| Warp::new(index, (threads - index * LANES).min(LANES), &self.launch);
        (0..threads.div_ceil(LANES)).map(warp).collect()
    }

    pub(super) fn run_block(&mut self, warps: &mut [Warp]) -> Result<(), Stop> {
        for warp in warps.iter_mut() {
            warp.begin_block(self.block);
        }
        loop {
            let mut order: Vec<usize> = (0..warps.len()).collect();
            self.shuffler.shuffle(&mut order);
            for at in order {
                self.run_warp(&mut warps[at])?;
            }
            if !self.pass_barrier(warps)? {
                return Ok(());
            }
        }
    }

    /// Runs a warp until all its threads have ended or wait for the block.
    fn run_warp(&mut self, warp: &mut Warp) -> Result<(), Stop> {
        loop {
            let ready = warp.lanes_in(State::Ready);
            for lanes in self.shuffler.divide(ready) {
                if lanes != 0 {
                    self.run_lanes(warp, lanes)?;
                }
            }
            let waiting = warp.lanes_in(State::Exchange);
            if waiting == 0 {
                return Ok(());
            }
            self.resolve_exchanges(warp, waiting)?;
        }
    }

    /// Lets the threads go on that wait at a barrier; false if all have ended.
    fn pass_barrier(&mut self, warps: &mut [Warp]) -> Result<bool, Stop> {
        let mut waiting = warps.iter().filter_map(|warp| {
            let lanes = warp.lanes_in(State::Barrier);
            (lanes != 0)
                .then(|| (warp.index, lanes.trailing_zeros() as usize, warp.pc[lanes.trailing_zeros() as usize]))
        });
        let Some((warp, lane, pc)) = waiting.next() else { return Ok(false) };
        let inst = &self.launch.kernel.code[pc as usize];
        let spot = Spot { line: inst.line, thread: (warp * LANES + lane) as u32, address: None };
        for other in warps.iter() {
            let exited = other.lanes_in(State::Exited);
            if exited != 0 {
                let thread = other.index * LANES + exited.trailing_zeros() as usize;
                let what = format!("waits at a barrier, but thread {thread} has ended");
                return Err(self.stop(Fault::DivergentBarrier, spot, what));
            }
            if let Some(lane) = (0..LANES).find(|lane| other.exists(*lane) && other.pc[*lane] != pc) {
                let line = self.launch.kernel.code[other.pc[lane] as usize].line;
                let thread = other.index * LANES + lane;
                let what = format!("waits at this barrier, but thread {thread} at the one in line {line}");
                return Err(self.stop(Fault::DivergentBarrier, spot, what));
            }
        }
        if let Op::Barrier { reduce: Some(reduce), .. } = &inst.op {
            let votes = |warp: &Warp| warp.predicate(reduce.from, reduce.negated, warp.existing).count_ones();
            let yes: u32 = warps.iter().map(votes).sum();
            let all: u32 = warps.iter().map(|warp| warp.existing.count_ones()).sum();
            let result = match reduce.how {
                Reduction::Count => yes,
                Reduction::And => u32::from(yes == all),
                Reduction::Or => u32::from(yes > 0),
            };
            for warp in warps.iter_mut() {
                warp.rows[reduce.to as usize] = [result.into(); LANES];
            }
        }
        for warp in warps.iter_mut() {
            warp.go_on(warp.existing);
        }
        self.who.epoch = self.who.epoch.wrapping_add(1);
        Ok(true)
    }
}
