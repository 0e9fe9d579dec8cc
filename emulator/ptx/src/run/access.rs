//! Loads, stores and atomic operations, each checked.

use super::{
    Run, Spot, Stop,
    warp::{Warp, each},
};
use crate::{
    check::{
        region::{Conflict, Region, Who},
        report::Fault,
    },
    decode::{
        LOCAL_WINDOW, SHARED_WINDOW,
        inst::{Place, RowId, Update},
    },
    lanes::LANES,
    parse::syntax::Space,
};

/// Where an address leads.
#[derive(Clone, Copy)]
enum Home {
    /// Allocation and offset.
    Global(usize, usize),
    Shared(usize),
    /// Offset in the memory of all threads of the warp.
    Local(usize),
    Param(usize),
}

/// What an access is going to do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Intent {
    Read,
    Write,
}

impl Run<'_> {
    pub(super) fn load(
        &mut self,
        warp: &mut Warp,
        place: &Place,
        to: &[RowId],
        lanes: u32,
        line: u32,
    ) -> Result<(), Stop> {
        if place.space == Space::Param {
            return self.load_argument(warp, place, to, lanes, line);
        }
        for lane in each(lanes) {
            let (home, spot) = self.locate(warp, place, to.len(), lane, line, Intent::Read)?;
            for (element, to) in to.iter().enumerate() {
                let value = self.read(warp, home, element * place.size, place.size, spot);
                warp.rows[*to as usize][lane] = extended(value, place);
            }
        }
        Ok(())
    }

    /// Arguments are the same for all threads, and so are nearly always the addresses from which they are read.
    fn load_argument(
        &mut self,
        warp: &mut Warp,
        place: &Place,
        to: &[RowId],
        mut lanes: u32,
        line: u32,
    ) -> Result<(), Stop> {
        while lanes != 0 {
            let first = lanes.trailing_zeros() as usize;
            let base = &warp.rows[place.base as usize];
            let same = (0..LANES).fold(0, |same, lane| same | u32::from(base[lane] == base[first]) << lane) & lanes;
            let (home, spot) = self.locate(warp, place, to.len(), first, line, Intent::Read)?;
            for (element, to) in to.iter().enumerate() {
                let value = self.read(warp, home, element * place.size, place.size, spot);
                warp.set(*to, &[extended(value, place); LANES], same);
            }
            lanes &= !same;
        }
        Ok(())
    }

    pub(super) fn store(
        &mut self,
        warp: &mut Warp,
        place: &Place,
        from: &[RowId],
        lanes: u32,
        line: u32,
    ) -> Result<(), Stop> {
        for lane in each(lanes) {
            let (home, spot) = self.locate(warp, place, from.len(), lane, line, Intent::Write)?;
            for (element, from) in from.iter().enumerate() {
                let value = warp.rows[*from as usize][lane];
                self.write(warp, home, element * place.size, place.size, value, spot, false);
            }
        }
        Ok(())
    }

    pub(super) fn atomic(
        &mut self,
        warp: &mut Warp,
        place: &Place,
        f: Update,
        to: Option<RowId>,
        from: [RowId; 2],
        lanes: u32,
        line: u32,
    ) -> Result<(), Stop> {
        for lane in each(lanes) {
            let (home, spot) = self.locate(warp, place, 1, lane, line, Intent::Write)?;
            // Its read is part of the write, for the checker too.
            let (old, written) = match self.region(home) {
                Some((region, at)) => (region.load(at, place.size), region.is_written(at, place.size)),
                None => (self.read(warp, home, 0, place.size, spot), true),
            };
            if self.settings.check && !written {
                self.report_unwritten(home, spot);
            }
            let [b, c] = from.map(|row| warp.rows[row as usize][lane]);
            self.write(warp, home, 0, place.size, f(old, b, c), spot, true);
            if let Some(to) = to {
                warp.rows[to as usize][lane] = old;
            }
        }
        Ok(())
    }

    /// Finds the memory behind an address and checks bounds, alignment and permission.
    #[inline]
    fn locate(
        &mut self,
        warp: &Warp,
        place: &Place,
        count: usize,
        lane: usize,
        line: u32,
        intent: Intent,
    ) -> Result<(Home, Spot), Stop> {
        let address = warp.rows[place.base as usize][lane].wrapping_add(place.offset as u64);
        let size = place.size * count;
        let thread = (warp.index * LANES + lane) as u32;
        let spot = Spot { line, thread, address: Some((place.space, address)) };
        let home = match self.home(place.space, address, size, lane) {
            Ok(home) => home,
            Err((fault, what)) => return Err(self.stop(fault, spot, format!("{size} bytes, {what}"))),
        };
        // Sizes are powers of two.
        if address & (size as u64 - 1) != 0 {
            let what = format!("{size} bytes at an address that is no multiple of {size}, in {}", self.name(home));
            return Err(self.stop(Fault::Misaligned, spot, what));
        }
        let read_only = match home {
            Home::Global(at, _) => self.memory.allocation(at).read_only,
            Home::Param(_) => true,
            _ => false,
        };
        if intent == Intent::Write && read_only {
            let what = format!("a write to {}", self.name(home));
            return Err(self.stop(Fault::ReadOnly, spot, what));
        }
        Ok((home, spot))
    }

    #[inline]
    fn home(&mut self, space: Space, address: u64, size: usize, lane: usize) -> Result<Home, (Fault, String)> {
        let bounded = |address: u64, bytes: usize, what: &str| {
            let outside = address.saturating_add(size as u64) > bytes as u64;
            if outside { Err((Fault::OutOfBounds, format!("{what} has {bytes} bytes"))) } else { Ok(address as usize) }
        };
        let local_bytes = self.launch.kernel.local_bytes;
        match space {
            Space::Shared => bounded(address, self.shared_bytes(), "the block's shared memory").map(Home::Shared),
            Space::Local => {
                bounded(address, local_bytes, "the thread's own memory").map(|at| Home::Local(lane * local_bytes + at))
            }
            Space::Param => bounded(address, self.launch.arguments.len(), "the list of arguments").map(Home::Param),
            Space::Generic if (SHARED_WINDOW..LOCAL_WINDOW).contains(&address) => {
                self.home(Space::Shared, address - SHARED_WINDOW, size, lane)
            }
            Space::Generic if (LOCAL_WINDOW..2 * LOCAL_WINDOW).contains(&address) => {
                self.home(Space::Local, address - LOCAL_WINDOW, size, lane)
            }
            Space::Generic | Space::Global | Space::Const => self.global(address, size as u64),
        }
    }

    #[inline]
    fn global(&mut self, address: u64, size: u64) -> Result<Home, (Fault, String)> {
        if let Some(nearest) = self.memory.allocations().get(self.nearest) {
            let at = address.wrapping_sub(nearest.base);
            if at < nearest.size && at + size <= nearest.size && nearest.region.is_some() {
                return Ok(Home::Global(self.nearest, at as usize));
            }
        }
        let found = self.memory.find(address).map_err(|what| {
            let fault = if what.ends_with("freed") { Fault::UseAfterFree } else { Fault::OutOfBounds };
            (fault, what)
        })?;
        let allocation = &self.memory.allocations()[found];
        let at = address - allocation.base;
        if at + size > allocation.size {
            return Err((Fault::OutOfBounds, format!("beginning with byte {at} of {}", allocation.label)));
        }
        self.nearest = found;
        Ok(Home::Global(found, at as usize))
    }

    /// Shared memory that the launch has, without the bytes that align what it gives.
    fn shared_bytes(&self) -> usize {
        if self.launch.shared_bytes == 0 { self.launch.kernel.shared_bytes } else { self.shared.len() }
    }

    fn name(&mut self, home: Home) -> String {
        match home {
            Home::Global(at, _) => self.memory.allocation(at).label.clone(),
            Home::Shared(_) => "the block's shared memory".into(),
            Home::Local(_) => "the thread's own memory".into(),
            Home::Param(_) => "the list of arguments".into(),
        }
    }

    /// The memory that the checker watches.
    #[inline]
    fn region(&mut self, home: Home) -> Option<(&mut Region, usize)> {
        match home {
            Home::Global(allocation, at) => Some((self.memory.allocation(allocation).region.as_mut()?, at)),
            Home::Shared(at) => Some((&mut self.shared, at)),
            Home::Local(_) | Home::Param(_) => None,
        }
    }

    #[inline]
    fn read(&mut self, warp: &Warp, home: Home, beyond: usize, size: usize, spot: Spot) -> u64 {
        let (who, first, check) = (self.who(warp, spot, false), self.first, self.settings.check);
        if let Some((region, at)) = self.region(home) {
            let at = at + beyond;
            let value = region.load(at, size);
            if check {
                let unwritten = !region.is_written(at, size);
                let conflict = region.note_read(at, size, who, first);
                if unwritten {
                    self.report_unwritten(home, spot);
                }
                if let Some(conflict) = conflict {
                    self.report_race(home, spot, "reads", conflict);
                }
            }
            return value;
        }
        let (bytes, at) = match home {
            Home::Local(at) => (&warp.local[..], at),
            Home::Param(at) => (self.launch.arguments, at),
            Home::Global(..) | Home::Shared(_) => return 0,
        };
        let mut word = [0; 8];
        word[..size].copy_from_slice(&bytes[at + beyond..at + beyond + size]);
        u64::from_le_bytes(word)
    }

    #[inline]
    fn write(&mut self, warp: &mut Warp, home: Home, beyond: usize, size: usize, value: u64, spot: Spot, atomic: bool) {
        let (who, first, check) = (self.who(warp, spot, atomic), self.first, self.settings.check);
        if let Some((region, at)) = self.region(home) {
            let at = at + beyond;
            region.store(at, size, value);
            if check && let Some(conflict) = region.note_write(at, size, who, first) {
                self.report_race(home, spot, "writes", conflict);
            }
        } else if let Home::Local(at) = home {
            let at = at + beyond;
            warp.local[at..at + size].copy_from_slice(&value.to_le_bytes()[..size]);
        }
    }

    fn who(&self, warp: &Warp, spot: Spot, atomic: bool) -> Who {
        Who { warp_epoch: warp.epoch, thread: spot.thread as u16, line: spot.line, atomic, ..self.who }
    }

    #[cold]
    fn report_unwritten(&mut self, home: Home, spot: Spot) {
        let what = format!("reads bytes of {} that nobody has written", self.name(home));
        self.report(Fault::Uninitialised, spot, what);
    }

    #[cold]
    fn report_race(&mut self, home: Home, spot: Spot, does: &str, conflict: Conflict) {
        let Conflict { line, thread, same_block, wrote } = conflict;
        let name = self.name(home);
        let [x, y, z] = self.thread_index(thread.into());
        let other = if same_block { "" } else { " of another block" };
        let did = if wrote { "wrote" } else { "read" };
        let what = format!(
            "{does} {name} where thread [{x}, {y}, {z}]{other} {did} in line {line}, with no barrier between the two"
        );
        self.report(Fault::Race, spot, what);
    }
}

/// A loaded value with its sign in the bits above it, if it has one.
#[inline]
fn extended(value: u64, place: &Place) -> u64 {
    let unused = 64 - 8 * place.size as u32;
    if place.signed { ((value << unused) as i64 >> unused) as u64 } else { value }
}
