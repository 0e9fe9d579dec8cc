//! Bytes with a shadow: which of them have been written, and by whom words were touched last.
//!
//! Two accesses by different threads are ordered by a barrier of their block, or of their warp if both belong to it, or by the
//! end of a launch. This does not depend on the order in which the interpreter happens to run the threads, so a race is found
//! in any order. The shadow keeps the last write and a summary of the reads since; both are kept for words of four bytes.
//! Two different bytes of one word written by different threads are no race, but only the later one is remembered.

/// Bytes for each word of the shadow.
const WORD: usize = 4;

/// Who accesses, and when.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Who {
    /// Number of the block among all blocks of all launches, from 1.
    pub(crate) block: u32,
    /// Barriers that the block has passed.
    pub(crate) epoch: u16,
    /// Synchronizations that the warp has passed.
    pub(crate) warp_epoch: u16,
    /// The thread within its block.
    pub(crate) thread: u16,
    /// Line in the PTX file.
    pub(crate) line: u32,
    /// Whether the access is atomic.
    pub(crate) atomic: bool,
}

/// A conflicting access that came before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Conflict {
    pub(crate) line: u32,
    pub(crate) thread: u16,
    pub(crate) same_block: bool,
    pub(crate) wrote: bool,
}

#[derive(Clone, Copy, Default)]
struct Cell {
    block: u32,
    line: u32,
    epoch: u16,
    warp_epoch: u16,
    thread: u16,
    /// Bytes of the word, as a mask.
    bytes: u8,
    flags: u8,
}

const ATOMIC: u8 = 1;
/// Others of the same block have read too, since the same barrier.
const MANY_THREADS: u8 = 2;
/// Other blocks have read too.
const MANY_BLOCKS: u8 = 4;

#[derive(Clone, Copy, Default)]
struct Shadow {
    write: Cell,
    read: Cell,
}

/// Memory under watch.
pub(crate) struct Region {
    data: Vec<u8>,
    written: Vec<bool>,
    shadow: Vec<Shadow>,
}

/// Unwritten bytes; a float of them is NaN.
const POISON: u8 = 0xff;

impl Region {
    pub(crate) fn new(size: usize) -> Self {
        Region { data: vec![POISON; size], written: vec![false; size], shadow: Vec::new() }
    }

    /// As after [`Region::new`].
    pub(crate) fn reset(&mut self) {
        self.data.fill(POISON);
        self.written.fill(false);
        self.shadow.fill(Shadow::default());
    }

    pub(crate) fn len(&self) -> usize {
        self.data.len()
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.data
    }

    /// The bytes of a range for writing, which are taken as written from now on.
    pub(crate) fn bytes_mut(&mut self, at: usize, size: usize) -> &mut [u8] {
        self.written[at..at + size].fill(true);
        &mut self.data[at..at + size]
    }

    #[inline]
    pub(crate) fn is_written(&self, at: usize, size: usize) -> bool {
        match self.written[at..at + size] {
            // Most accesses, without a loop.
            [a, b, c, d] => a & b & c & d,
            ref written => written.iter().all(|written| *written),
        }
    }

    /// Little endian, at most eight bytes.
    #[inline]
    pub(crate) fn load(&self, at: usize, size: usize) -> u64 {
        let bytes = &self.data[at..at + size];
        match *bytes {
            // Most accesses, without a loop.
            [a, b, c, d] => u32::from_le_bytes([a, b, c, d]).into(),
            [a, b, c, d, e, f, g, h] => u64::from_le_bytes([a, b, c, d, e, f, g, h]),
            _ => {
                let mut word = [0; 8];
                word[..size].copy_from_slice(bytes);
                u64::from_le_bytes(word)
            }
        }
    }

    #[inline]
    pub(crate) fn store(&mut self, at: usize, size: usize, value: u64) {
        let (data, written) = (&mut self.data[at..at + size], &mut self.written[at..at + size]);
        let bytes = value.to_le_bytes();
        if let (Ok(data), Ok(written)) =
            (<&mut [u8; 4]>::try_from(&mut *data), <&mut [bool; 4]>::try_from(&mut *written))
        {
            *data = [bytes[0], bytes[1], bytes[2], bytes[3]];
            *written = [true; 4];
        } else {
            data.copy_from_slice(&bytes[..size]);
            written.fill(true);
        }
    }

    /// Notes a read; `first` is the number of the launch's first block.
    pub(crate) fn note_read(&mut self, at: usize, size: usize, who: Who, first: u32) -> Option<Conflict> {
        self.note(at, size, |shadow, bytes| shadow.read(who, bytes, first))
    }

    /// Notes a write or an atomic operation.
    pub(crate) fn note_write(&mut self, at: usize, size: usize, who: Who, first: u32) -> Option<Conflict> {
        self.note(at, size, |shadow, bytes| shadow.write(who, bytes, first))
    }

    fn note(&mut self, at: usize, size: usize, f: impl Fn(&mut Shadow, u8) -> Option<Conflict>) -> Option<Conflict> {
        if self.shadow.is_empty() {
            self.shadow = vec![Shadow::default(); self.data.len().div_ceil(WORD)];
        }
        if size < WORD {
            let bytes = ((1_u8 << size) - 1) << (at % WORD);
            return f(&mut self.shadow[at / WORD], bytes);
        }
        let words = &mut self.shadow[at / WORD..(at + size) / WORD];
        words.iter_mut().fold(None, |found, shadow| f(shadow, 0xf).or(found))
    }
}

impl Shadow {
    fn read(&mut self, who: Who, bytes: u8, first: u32) -> Option<Conflict> {
        let conflict = self.write.conflicts(who, bytes, first).then(|| self.write.conflict(who, true));
        let cell = &mut self.read;
        if cell.block < first || cell.block == 0 {
            *cell = Cell::of(who, bytes);
        } else if cell.block != who.block {
            cell.flags |= MANY_BLOCKS;
        } else if cell.flags & MANY_BLOCKS == 0 && cell.passed(who) {
            *cell = Cell::of(who, bytes);
        } else {
            cell.bytes |= bytes;
            if cell.thread != who.thread {
                cell.flags |= MANY_THREADS;
            }
        }
        conflict
    }

    fn write(&mut self, who: Who, bytes: u8, first: u32) -> Option<Conflict> {
        let mut conflict = self.write.conflicts(who, bytes, first).then(|| self.write.conflict(who, true));
        let cell = &self.read;
        if cell.block >= first && cell.block != 0 && cell.bytes & bytes != 0 {
            let others = if cell.block != who.block || cell.flags & MANY_BLOCKS != 0 {
                true
            } else {
                !cell.passed(who) && (cell.thread != who.thread || cell.flags & MANY_THREADS != 0)
            };
            if others {
                conflict = conflict.or(Some(cell.conflict(who, false)));
            }
        }
        self.write = Cell::of(who, bytes);
        conflict
    }
}

impl Cell {
    fn of(who: Who, bytes: u8) -> Self {
        let Who { block, epoch, warp_epoch, thread, line, atomic } = who;
        Cell { block, line, epoch, warp_epoch, thread, bytes, flags: if atomic { ATOMIC } else { 0 } }
    }

    /// Whether a barrier lies between this access and one of the same block.
    fn passed(&self, who: Who) -> bool {
        let same_warp = self.thread / 32 == who.thread / 32 && self.flags & MANY_THREADS == 0;
        self.epoch != who.epoch || (same_warp && self.warp_epoch != who.warp_epoch)
    }

    /// Whether this write and an access by `who` are not ordered.
    fn conflicts(&self, who: Who, bytes: u8, first: u32) -> bool {
        if self.block < first || self.block == 0 || self.bytes & bytes == 0 || (self.flags & ATOMIC != 0 && who.atomic)
        {
            return false;
        }
        self.block != who.block || (self.thread != who.thread && !self.passed(who))
    }

    fn conflict(&self, who: Who, wrote: bool) -> Conflict {
        Conflict { line: self.line, thread: self.thread, same_block: self.block == who.block, wrote }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(block: u32, epoch: u16, thread: u16) -> Who {
        Who { block, epoch, thread, line: u32::from(thread), ..Who::default() }
    }

    #[test]
    fn write_then_read() {
        let mut region = Region::new(16);
        assert_eq!(region.note_write(4, 4, who(5, 0, 1), 5), None);
        assert_eq!(region.note_read(4, 4, who(5, 0, 1), 5), None, "the same thread");
        assert_eq!(region.note_read(0, 4, who(5, 0, 2), 5), None, "another word");
        let expected = Conflict { line: 1, thread: 1, same_block: true, wrote: true };
        assert_eq!(region.note_read(4, 4, who(5, 0, 2), 5), Some(expected));
        assert_eq!(region.note_read(4, 4, who(5, 1, 2), 5), None, "after a barrier");
        let other = Conflict { same_block: false, ..expected };
        assert_eq!(region.note_read(4, 4, who(6, 1, 2), 5), Some(other), "another block");
        assert_eq!(region.note_read(4, 4, who(7, 0, 2), 7), None, "another launch");
    }

    #[test]
    fn read_then_write() {
        let mut region = Region::new(16);
        region.note_read(0, 8, who(5, 0, 1), 5);
        assert_eq!(region.note_write(0, 4, who(5, 0, 1), 5), None, "the only reader");
        region.note_read(4, 4, who(5, 0, 2), 5);
        let expected = Conflict { line: 1, thread: 1, same_block: true, wrote: false };
        assert_eq!(region.note_write(4, 4, who(5, 0, 1), 5), Some(expected), "one of two readers");
        region.note_read(8, 4, who(5, 0, 1), 5);
        assert_eq!(region.note_write(8, 4, who(5, 1, 2), 5), None, "after a barrier");
        region.note_read(12, 4, who(5, 0, 1), 5);
        region.note_read(12, 4, who(6, 0, 1), 5);
        assert!(region.note_write(12, 4, who(5, 3, 1), 5).is_some(), "another block has read");
    }

    #[test]
    fn warps_bytes_and_atomics() {
        let mut region = Region::new(16);
        region.note_write(0, 4, who(1, 0, 1), 1);
        let later = |thread| Who { warp_epoch: 1, ..who(1, 0, thread) };
        assert_eq!(region.note_read(0, 4, later(2), 1), None, "after the warp's barrier");
        assert!(region.note_read(0, 4, later(40), 1).is_some(), "another warp");
        region.note_write(4, 1, who(1, 0, 1), 1);
        assert_eq!(region.note_write(5, 1, who(1, 0, 2), 1), None, "another byte");
        let atomic = |thread| Who { atomic: true, ..who(1, 0, thread) };
        region.note_write(8, 4, atomic(1), 1);
        assert_eq!(region.note_write(8, 4, atomic(2), 1), None);
        assert!(region.note_read(8, 4, who(1, 0, 3), 1).is_some(), "plain after atomic");
        region.note_write(12, 4, who(1, 0, 3), 1);
        assert!(region.note_write(12, 4, atomic(2), 1).is_some(), "atomic after plain");
    }
}
