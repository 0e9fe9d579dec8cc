//! A warp: up to 32 threads that run in lockstep as long as they agree.
//!
//! Where a branch divides them, the group that is furthest behind in the code runs until it meets another one, and they go on
//! together. Compilers lay out code so that this joins threads again where the branch's paths end; nothing depends on it but
//! speed.

use super::{Launch, Run, Spot, Stop};
use crate::{
    check::report::Fault,
    decode::{
        inst::{Op, RowId},
        special::SPECIAL,
    },
    lanes::{LANES, Row},
};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Ready,
    /// Waits for the block.
    Barrier,
    /// Waits for threads of its warp.
    Exchange,
    Exited,
}

pub(super) struct Warp {
    pub(super) index: usize,
    /// Lanes that are threads of the block.
    pub(super) existing: u32,
    pub(super) rows: Vec<Row>,
    /// The threads' own memory, one after the other.
    pub(super) local: Vec<u8>,
    /// Where each thread is.
    pub(super) pc: [u32; LANES],
    state: [State; LANES],
    /// Synchronizations of the warp so far.
    pub(super) epoch: u16,
}

impl Warp {
    pub(super) fn new(index: usize, threads: usize, launch: &Launch<'_>) -> Self {
        let kernel = launch.kernel;
        let mut rows = vec![[0; LANES]; kernel.rows];
        for (row, value) in &kernel.constants {
            rows[*row as usize] = [*value; LANES];
        }
        let mut warp = Warp {
            index,
            existing: u32::MAX >> (LANES - threads),
            rows,
            local: vec![0xff; kernel.local_bytes * LANES],
            pc: [0; LANES],
            state: [State::Exited; LANES],
            epoch: 0,
        };
        let [x, y, z] = launch.block;
        let warps = (x * y * z).div_ceil(LANES as u32);
        for lane in 0..LANES {
            let thread = (index * LANES + lane) as u32;
            let bit = 1_u32 << lane;
            let below = bit - 1;
            let values = [
                (0, thread % x),
                (1, thread / x % y),
                (2, thread / (x * y)),
                (3, x),
                (4, y),
                (5, z),
                (9, launch.grid[0]),
                (10, launch.grid[1]),
                (11, launch.grid[2]),
                (12, lane as u32),
                (13, index as u32),
                (14, warps),
                (15, bit),
                (16, below),
                (17, below | bit),
                (18, !(below | bit)),
                (19, !below),
            ];
            for (row, value) in values {
                warp.rows[row][lane] = value.into();
            }
        }
        debug_assert_eq!(SPECIAL[19], "%lanemask_ge");
        warp
    }

    pub(super) fn begin_block(&mut self, block: [u32; 3]) {
        for (axis, index) in block.into_iter().enumerate() {
            self.rows[6 + axis] = [index.into(); LANES];
        }
        self.pc = [0; LANES];
        self.epoch = 0;
        for lane in 0..LANES {
            self.state[lane] = if self.exists(lane) { State::Ready } else { State::Exited };
        }
    }

    pub(super) fn exists(&self, lane: usize) -> bool {
        self.existing >> lane & 1 != 0
    }

    /// Threads of the block in this state.
    pub(super) fn lanes_in(&self, state: State) -> u32 {
        let lanes = (0..LANES).filter(|lane| self.state[*lane] == state);
        lanes.fold(0, |mask, lane| mask | 1 << lane) & self.existing
    }

    /// The lanes among `lanes` in which a predicate holds.
    pub(super) fn predicate(&self, row: RowId, negated: bool, lanes: u32) -> u32 {
        let row = &self.rows[row as usize];
        let mut holds = 0;
        for (lane, value) in row.iter().enumerate() {
            holds |= ((*value & 1) as u32) << lane;
        }
        lanes & if negated { !holds } else { holds }
    }

    pub(super) fn park(&mut self, lanes: u32, pc: usize, state: State) {
        for lane in each(lanes) {
            self.pc[lane] = pc as u32;
            self.state[lane] = state;
        }
    }

    /// Lets waiting lanes go on behind the instruction at which they wait.
    pub(super) fn go_on(&mut self, lanes: u32) {
        for lane in each(lanes) {
            self.pc[lane] += 1;
            self.state[lane] = State::Ready;
        }
    }

    /// Writes `value` to the given lanes of a row.
    pub(super) fn set(&mut self, row: RowId, value: &Row, lanes: u32) {
        let to = &mut self.rows[row as usize];
        if lanes | !self.existing == u32::MAX {
            *to = *value;
            return;
        }
        for lane in each(lanes) {
            to[lane] = value[lane];
        }
    }
}

/// The lanes of a mask.
pub(super) fn each(mut lanes: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let lane = lanes.trailing_zeros() as usize;
        lanes &= lanes.wrapping_sub(1);
        (lane < LANES).then_some(lane)
    })
}

/// Threads that are at the same instruction.
#[derive(Clone, Copy)]
struct Group {
    pc: usize,
    lanes: u32,
}

impl Run<'_> {
    /// Runs lanes of a warp until each waits or has ended.
    pub(super) fn run_lanes(&mut self, warp: &mut Warp, lanes: u32) -> Result<(), Stop> {
        let mut groups: Vec<Group> = Vec::new();
        for lane in each(lanes) {
            join(&mut groups, Group { pc: warp.pc[lane] as usize, lanes: 1 << lane });
        }
        while let Some(at) = (0..groups.len()).min_by_key(|at| groups[*at].pc) {
            let group = groups.swap_remove(at);
            self.run_group(warp, group, &mut groups)?;
        }
        Ok(())
    }

    /// Runs one group until it ends, waits, or reaches another one.
    fn run_group(&mut self, warp: &mut Warp, group: Group, groups: &mut Vec<Group>) -> Result<(), Stop> {
        let Group { mut pc, mut lanes } = group;
        let code = &self.launch.kernel.code;
        let mut limit = groups.iter().map(|other| other.pc).min().unwrap_or(usize::MAX);
        let mut result = [0; LANES];
        while lanes != 0 {
            if pc >= limit {
                join(groups, Group { pc, lanes });
                return Ok(());
            }
            self.outcome.instructions += 1;
            let inst = &code[pc];
            let active = match inst.guard {
                None => lanes,
                Some((row, negated)) => warp.predicate(row, negated, lanes),
            };
            if active == 0 {
                pc += 1;
                continue;
            }
            match &inst.op {
                Op::Alu { f, to, from } => {
                    f(&from.map(|row| &warp.rows[row as usize]), &mut result);
                    warp.set(*to, &result, active);
                }
                Op::Load { place, to } => self.load(warp, place, to, active, inst.line)?,
                Op::Store { place, from } => self.store(warp, place, from, active, inst.line)?,
                Op::Atomic { place, f, to, from } => self.atomic(warp, place, *f, *to, *from, active, inst.line)?,
                Op::Branch { target } => {
                    self.count_branch(warp, active, inst.line)?;
                    if active == lanes {
                        pc = *target;
                        continue;
                    }
                    join(groups, Group { pc: *target, lanes: active });
                    limit = limit.min(*target);
                    lanes &= !active;
                }
                Op::Exit => {
                    warp.park(active, pc, State::Exited);
                    lanes &= !active;
                }
                Op::Trap => {
                    let spot = self.spot(warp, active, inst.line);
                    return Err(self.stop(Fault::Trap, spot, "the kernel stopped itself".into()));
                }
                Op::Barrier { .. } => {
                    warp.park(active, pc, State::Barrier);
                    lanes &= !active;
                }
                Op::Warp { mask, what } => {
                    let named = warp.rows[*mask as usize][active.trailing_zeros() as usize] as u32;
                    let expected = named & warp.existing & !warp.lanes_in(State::Exited);
                    if expected == active {
                        self.exchange(warp, what, active, inst.line);
                    } else {
                        warp.park(active, pc, State::Exchange);
                        lanes &= !active;
                    }
                }
                Op::ActiveMask { to } => warp.set(*to, &[active.into(); LANES], active),
            }
            pc += 1;
        }
        Ok(())
    }

    fn count_branch(&mut self, warp: &Warp, active: u32, line: u32) -> Result<(), Stop> {
        if self.outcome.instructions <= self.settings.max_instructions {
            return Ok(());
        }
        let what = format!("still running after {} instructions", self.outcome.instructions);
        let spot = self.spot(warp, active, line);
        Err(self.stop(Fault::Endless, spot, what))
    }

    /// The first of these lanes.
    pub(super) fn spot(&self, warp: &Warp, lanes: u32, line: u32) -> Spot {
        Spot { line, thread: warp.index as u32 * LANES as u32 + lanes.trailing_zeros(), address: None }
    }
}

/// Adds a group, or its lanes to one that is at the same instruction.
fn join(groups: &mut Vec<Group>, group: Group) {
    match groups.iter_mut().find(|other| other.pc == group.pc) {
        Some(other) => other.lanes |= group.lanes,
        None => groups.push(group),
    }
}
