//! The device's memory: allocations at addresses that are no addresses of the host.
//!
//! Addresses are never used twice, so a pointer that outlives its allocation is always recognized. Between two allocations lies
//! a gap, so that running over the end hits nothing else.

use crate::{
    check::region::Region,
    parse::syntax::{Space, Variable},
};
use thiserror::Error;

/// The first address. Linux does not map it, so a host that follows such a pointer crashes.
const FIRST_ADDRESS: u64 = 0x2000_0000_0000;
/// Alignment of an allocation, as on a device.
const ALIGNMENT: u64 = 256;
/// Bytes between two allocations, at least.
const GAP: u64 = 4096;

/// Memory of the device.
pub struct Memory {
    /// Sorted by address, since addresses only grow. What is freed stays as a name for its addresses.
    allocations: Vec<Allocation>,
    next: u64,
    limit: u64,
    used: u64,
    /// Blocks that have been launched.
    blocks: u32,
}

pub(crate) struct Allocation {
    pub(crate) base: u64,
    pub(crate) size: u64,
    pub(crate) label: String,
    /// `None` once it is freed.
    pub(crate) region: Option<Region>,
    pub(crate) read_only: bool,
    /// A variable of a module, which nobody frees.
    of_module: bool,
}

/// A request that the memory refuses.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MemoryError {
    /// No room.
    #[error("out of memory: {wanted} bytes wanted, {free} free")]
    OutOfMemory {
        /// Bytes that were asked for.
        wanted: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// Not the address of a live allocation.
    #[error("{what} at {address:#x}: {found}")]
    Address {
        /// What was tried.
        what: &'static str,
        /// The address.
        address: u64,
        /// What is there.
        found: String,
    },
}

impl Memory {
    /// A device with so many bytes.
    ///
    /// ```
    /// let mut memory = ptx::Memory::new(1 << 20);
    /// let address = memory.allocate(8)?;
    /// memory.write(address, &1.5_f64.to_le_bytes())?;
    /// assert_eq!(memory.read(address, 8)?, 1.5_f64.to_le_bytes());
    /// memory.free(address)?;
    /// assert!(memory.free(address).is_err());
    /// # Ok::<(), ptx::MemoryError>(())
    /// ```
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        Memory { allocations: Vec::new(), next: FIRST_ADDRESS, limit: bytes, used: 0, blocks: 0 }
    }

    /// Fresh memory of `size` bytes, all of them unwritten.
    ///
    /// # Errors
    ///
    /// If so much is not free.
    pub fn allocate(&mut self, size: u64) -> Result<u64, MemoryError> {
        if size > self.limit - self.used {
            return Err(MemoryError::OutOfMemory { wanted: size, free: self.limit - self.used });
        }
        let label = format!("allocation {} of {size} bytes", self.allocations.len());
        Ok(self.place(size, label, false))
    }

    /// Gives an allocation back.
    ///
    /// # Errors
    ///
    /// If the address is not that of a live allocation.
    pub fn free(&mut self, address: u64) -> Result<(), MemoryError> {
        let error = |found: String| MemoryError::Address { what: "free", address, found };
        let at = self.find(address).map_err(error)?;
        let allocation = &mut self.allocations[at];
        if allocation.base != address || allocation.of_module {
            return Err(error(format!("inside {}", allocation.label)));
        }
        allocation.region = None;
        self.used -= allocation.size;
        Ok(())
    }

    /// Bytes for reading.
    ///
    /// # Errors
    ///
    /// If they do not lie in one live allocation.
    pub fn read(&self, address: u64, size: usize) -> Result<&[u8], MemoryError> {
        let (region, at) = self.range("read", address, size)?;
        Ok(&region.bytes()[at..at + size])
    }

    /// Bytes for writing. They count as written from now on.
    ///
    /// # Errors
    ///
    /// As [`Memory::read`].
    pub fn bytes_mut(&mut self, address: u64, size: usize) -> Result<&mut [u8], MemoryError> {
        self.range("write", address, size)?;
        let at = self.find(address).map_err(|found| MemoryError::Address { what: "write", address, found })?;
        let Allocation { base, region, .. } = &mut self.allocations[at];
        match region {
            Some(region) => Ok(region.bytes_mut((address - *base) as usize, size)),
            None => Err(MemoryError::Address { what: "write", address, found: "freed memory".into() }),
        }
    }

    /// Writes bytes.
    ///
    /// # Errors
    ///
    /// As [`Memory::read`].
    pub fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), MemoryError> {
        self.bytes_mut(address, bytes.len())?.copy_from_slice(bytes);
        Ok(())
    }

    /// Whether every byte has been written.
    ///
    /// # Errors
    ///
    /// As [`Memory::read`].
    pub fn is_written(&self, address: u64, size: usize) -> Result<bool, MemoryError> {
        let (region, at) = self.range("read", address, size)?;
        Ok(region.is_written(at, size))
    }

    /// Address and size of what is allocated, without the variables of modules.
    pub fn live(&self) -> impl Iterator<Item = (u64, u64)> {
        let live = self.allocations.iter().filter(|allocation| allocation.region.is_some() && !allocation.of_module);
        live.map(|allocation| (allocation.base, allocation.size))
    }

    /// All bytes, and those in use.
    #[must_use]
    pub fn usage(&self) -> (u64, u64) {
        (self.limit, self.used)
    }

    pub(crate) fn allocate_variable(&mut self, variable: &Variable) -> u64 {
        let size = variable.size as u64;
        let base = self.place(size, format!("variable `{}`", variable.name), true);
        if let Some(allocation) = self.allocations.last_mut() {
            allocation.read_only = variable.space == Space::Const;
            if let Some(region) = &mut allocation.region {
                // What is not written out is zero, as in C.
                let bytes = region.bytes_mut(0, variable.size);
                bytes.fill(0);
                let given = variable.init.len().min(bytes.len());
                bytes[..given].copy_from_slice(&variable.init[..given]);
            }
        }
        base
    }

    /// Numbers for the blocks of a launch, which no other launch on this memory has; the first of them, from 1.
    pub(crate) fn number_blocks(&mut self, count: u64) -> Option<u32> {
        let first = self.blocks.checked_add(1)?;
        self.blocks = self.blocks.checked_add(u32::try_from(count).ok()?)?;
        Some(first)
    }

    pub(crate) fn allocations(&self) -> &[Allocation] {
        &self.allocations
    }

    pub(crate) fn allocation(&mut self, at: usize) -> &mut Allocation {
        &mut self.allocations[at]
    }

    /// The allocation that holds this address, or what is there instead.
    pub(crate) fn find(&self, address: u64) -> Result<usize, String> {
        let after = self.allocations.partition_point(|allocation| allocation.base <= address);
        let Some(at) = after.checked_sub(1) else { return Err("no allocation lies before it".into()) };
        let allocation = &self.allocations[at];
        let beyond = address - allocation.base;
        if beyond >= allocation.size {
            let past = beyond - allocation.size;
            return Err(format!("{past} bytes behind the end of {}", allocation.label));
        }
        if allocation.region.is_none() {
            return Err(format!("byte {beyond} of {}, which has been freed", allocation.label));
        }
        Ok(at)
    }

    fn range(&self, what: &'static str, address: u64, size: usize) -> Result<(&Region, usize), MemoryError> {
        let error = |found: String| MemoryError::Address { what, address, found };
        let allocation = &self.allocations[self.find(address).map_err(error)?];
        let at = (address - allocation.base) as usize;
        match &allocation.region {
            Some(region) if at + size <= region.len() => Ok((region, at)),
            _ => Err(error(format!("{size} bytes from byte {at} of {}", allocation.label))),
        }
    }

    fn place(&mut self, size: u64, label: String, of_module: bool) -> u64 {
        let base = self.next;
        self.next = (base + size + GAP).next_multiple_of(ALIGNMENT);
        self.used += if of_module { 0 } else { size };
        let region = Some(Region::new(size as usize));
        self.allocations.push(Allocation { base, size, label, region, read_only: false, of_module });
        base
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals() {
        let mut memory = Memory::new(100);
        let a = memory.allocate(60).unwrap();
        let text = |result: Result<u64, MemoryError>| result.unwrap_err().to_string();
        assert_eq!(text(memory.allocate(41)), "out of memory: 41 bytes wanted, 40 free");
        let error = memory.write(a + 56, &[0; 8]).unwrap_err().to_string();
        assert_eq!(error, format!("write at {:#x}: 8 bytes from byte 56 of allocation 0 of 60 bytes", a + 56));
        assert_eq!(
            memory.free(a + 4).unwrap_err().to_string(),
            format!("free at {:#x}: inside allocation 0 of 60 bytes", a + 4)
        );
        let error = memory.read(a + 70, 1).unwrap_err().to_string();
        assert_eq!(error, format!("read at {:#x}: 10 bytes behind the end of allocation 0 of 60 bytes", a + 70));
        assert!(memory.read(16, 1).unwrap_err().to_string().ends_with("no allocation lies before it"));
        memory.free(a).unwrap();
        assert_eq!((memory.usage(), memory.live().count()), ((100, 0), 0));
        assert!(memory.read(a, 1).unwrap_err().to_string().ends_with("which has been freed"));
        assert!(memory.allocate(100).unwrap() > a, "addresses are not used again");
    }

    #[test]
    fn written_bytes() {
        let mut memory = Memory::new(100);
        let a = memory.allocate(8).unwrap();
        memory.write(a, &[1, 2, 3]).unwrap();
        assert!(memory.is_written(a, 3).unwrap() && !memory.is_written(a, 4).unwrap());
        assert_eq!(memory.read(a, 4).unwrap(), [1, 2, 3, 0xff]);
    }
}
