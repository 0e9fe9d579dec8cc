//! The device's memory: a cache of blocks, tensors' storage, and transfers through pinned buffers.
//!
//! Asking the driver for memory takes longer than a small kernel and, when it is given back, stops the device. So a block that is
//! no longer used goes into a cache and is given out again. That needs no waiting: all work is on one stream, so what still
//! runs on a block runs before whatever its next owner asks for.

use crate::{
    Cuda, NAME,
    driver::{Address, Device, Pinned, backend_error},
};
use core_tensor::{DType, Error, HostSlice, HostSliceMut, Result, Role, Shape, Storage, Tensor};
use std::{
    any::Any,
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// Blocks are multiples of this, which is the alignment that the driver gives too.
const GRAIN: usize = 512;
/// Bytes of each of the two pinned buffers; larger transfers are cut.
const PINNED: usize = 4 << 20;

/// The memory of one device.
pub(crate) struct Memory {
    /// Whether each block is the driver's, in its exact size, and goes back to it at once ([`crate::Options::exact_memory`]).
    is_exact: bool,
    /// Blocks that nobody uses, by size.
    cache: Mutex<BTreeMap<usize, Vec<Address>>>,
    /// How often the driver was asked.
    allocations: AtomicU64,
    /// Two buffers, so that one is filled while the other is on its way; made when first used.
    pinned: Mutex<Vec<Pinned>>,
    device: Arc<Device>,
}

/// Memory of this value alone, until it is dropped.
pub(crate) struct Block {
    address: Address,
    bytes: usize,
    memory: Arc<Memory>,
}

impl Memory {
    pub(crate) fn new(device: Arc<Device>, is_exact: bool) -> Arc<Self> {
        let (allocations, cache, pinned) = (AtomicU64::new(0), Mutex::default(), Mutex::default());
        Arc::new(Memory { is_exact, cache, allocations, pinned, device })
    }

    pub(crate) fn device(&self) -> &Device {
        &self.device
    }

    pub(crate) fn allocations(&self) -> u64 {
        self.allocations.load(Ordering::Relaxed)
    }

    /// A block of at least this many bytes, with undefined content; of the cache if it has one of up to twice the size.
    pub(crate) fn block(self: &Arc<Self>, bytes: usize) -> Result<Block> {
        let bytes = if self.is_exact { bytes } else { bytes.div_ceil(GRAIN) * GRAIN };
        let block = |address, bytes| Ok(Block { address, bytes, memory: self.clone() });
        if bytes == 0 {
            return block(Address::default(), 0);
        }
        {
            let mut cache = lock(&self.cache);
            if let Some((&size, addresses)) = cache.range_mut(bytes..=2 * bytes).next() {
                let address = addresses.pop();
                if addresses.is_empty() {
                    cache.remove(&size);
                }
                if let Some(address) = address {
                    return block(address, size);
                }
            }
        }
        if let Some(address) = self.allocate(bytes)? {
            return block(address, bytes);
        }
        // What is cached in other sizes may be enough.
        self.device.synchronize()?;
        self.release();
        match self.allocate(bytes)? {
            Some(address) => block(address, bytes),
            None => {
                let (free, total) = self.device.free_and_total()?;
                Err(backend_error(format!(
                    "out of memory: {} MiB could not be had; {} of {} MiB are free on {}; use a smaller batch or a smaller net",
                    bytes.div_ceil(1 << 20),
                    free >> 20,
                    total >> 20,
                    self.device
                )))
            }
        }
    }

    /// A tensor's memory, set to zero.
    pub(crate) fn storage(self: &Arc<Self>, shape: Shape, dtype: DType) -> Result<CudaStorage> {
        // Kernels count in 32 bits.
        if i32::try_from(shape.len()).is_err() {
            return Err(Error::Value {
                what: "the number of elements of a blob".into(),
                found: format!("{} ({shape})", shape.len()),
                expected: format!("at most {} on CUDA; use a smaller batch", i32::MAX),
            });
        }
        let bytes = shape.len() * dtype.size();
        let block = self.block(bytes)?;
        if bytes > 0 {
            self.device.clear(block.address, bytes)?;
        }
        Ok(CudaStorage { block, dtype })
    }

    fn allocate(&self, bytes: usize) -> Result<Option<Address>> {
        self.allocations.fetch_add(1, Ordering::Relaxed);
        self.device.allocate(bytes)
    }

    /// Gives all cached blocks back to the driver.
    fn release(&self) {
        for address in std::mem::take(&mut *lock(&self.cache)).into_values().flatten() {
            self.device.free(address);
        }
    }

    /// Copies numbers to the device, through the two buffers in turn.
    fn upload<S: Copy, const N: usize>(&self, to: Address, source: &[S], bytes: impl Fn(S) -> [u8; N]) -> Result<()> {
        let mut pinned = self.pinned()?;
        for (i, piece) in source.chunks(PINNED / N).enumerate() {
            // The one that was used longer ago.
            pinned.rotate_left(1);
            let buffer = &mut pinned[0];
            buffer.wait()?;
            for (target, &number) in buffer.bytes_mut().chunks_exact_mut(N).zip(piece) {
                target.copy_from_slice(&bytes(number));
            }
            self.device.upload(to.offset(i * PINNED), buffer, piece.len() * N)?;
        }
        Ok(())
    }

    /// Copies numbers from the device; waits for all that was asked of it before.
    fn download<S, const N: usize>(
        &self,
        from: Address,
        target: &mut [S],
        number: impl Fn([u8; N]) -> S,
    ) -> Result<()> {
        let mut pinned = self.pinned()?;
        let buffer = &mut pinned[0];
        buffer.wait()?;
        for (i, piece) in target.chunks_mut(PINNED / N).enumerate() {
            self.device.download(from.offset(i * PINNED), buffer, piece.len() * N)?;
            for (target, source) in piece.iter_mut().zip(buffer.bytes().as_chunks::<N>().0) {
                *target = number(*source);
            }
        }
        Ok(())
    }

    fn pinned(&self) -> Result<MutexGuard<'_, Vec<Pinned>>> {
        let mut pinned = lock(&self.pinned);
        while pinned.len() < 2 {
            pinned.push(Pinned::new(&self.device, PINNED)?);
        }
        Ok(pinned)
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let _ = self.device.synchronize();
        self.release();
    }
}

impl Block {
    pub(crate) fn address(&self) -> Address {
        self.address
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        if self.bytes > 0 && self.memory.is_exact {
            // The driver waits for what still runs on it.
            self.memory.device.free(self.address);
        } else if self.bytes > 0 {
            lock(&self.memory.cache).entry(self.bytes).or_default().push(self.address);
        }
    }
}

/// A tensor's memory.
pub(crate) struct CudaStorage {
    block: Block,
    dtype: DType,
}

impl Storage for CudaStorage {
    fn backend(&self) -> &'static str {
        NAME
    }

    fn write(&self, _: Shape, _: Role, source: HostSlice<'_>) -> Result<()> {
        let (memory, to) = (&self.block.memory, self.block.address);
        match (self.dtype, source) {
            (DType::F32, HostSlice::F32(source)) => memory.upload(to, source, f32::to_ne_bytes),
            (DType::F32, HostSlice::F64(source)) => memory.upload(to, source, |number| (number as f32).to_ne_bytes()),
            (DType::F64, HostSlice::F32(source)) => memory.upload(to, source, |number| f64::from(number).to_ne_bytes()),
            (DType::F64, HostSlice::F64(source)) => memory.upload(to, source, f64::to_ne_bytes),
        }
    }

    fn read(&self, _: Shape, _: Role, target: HostSliceMut<'_>) -> Result<()> {
        let (memory, from) = (&self.block.memory, self.block.address);
        match (self.dtype, target) {
            (DType::F32, HostSliceMut::F32(target)) => memory.download(from, target, f32::from_ne_bytes),
            (DType::F32, HostSliceMut::F64(target)) => {
                memory.download(from, target, |bytes| f64::from(f32::from_ne_bytes(bytes)))
            }
            (DType::F64, HostSliceMut::F32(target)) => {
                memory.download(from, target, |bytes| f64::from_ne_bytes(bytes) as f32)
            }
            (DType::F64, HostSliceMut::F64(target)) => memory.download(from, target, f64::from_ne_bytes),
        }
    }

    fn bytes(&self) -> usize {
        self.block.bytes
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Workspace that all plans share, since they run one after the other.
#[derive(Default)]
pub(crate) struct Scratch(Mutex<Option<Block>>);

impl Scratch {
    /// Makes sure that there is so much of it; when a plan is made, not when it runs.
    pub(crate) fn reserve(&self, memory: &Arc<Memory>, bytes: usize) -> Result<()> {
        let mut block = lock(&self.0);
        if block.as_ref().is_none_or(|block| block.bytes() < bytes) {
            *block = None;
            *block = Some(memory.block(bytes)?);
        }
        Ok(())
    }

    /// The workspace, for one plan as long as the guard lives: another thread's plan must not queue its kernels in between.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Option<Block>> {
        lock(&self.0)
    }
}

/// A tensor's place, if it is this device's and holds such numbers. `operation` and `what` are for the error.
pub(crate) fn address(
    cuda: &Cuda,
    operation: &'static str,
    what: &'static str,
    tensor: &Tensor,
    dtype: DType,
) -> Result<Address> {
    let foreign = |found: &str| Error::ForeignTensor { operation, found: found.into(), expected: NAME.into() };
    let storage = tensor.storage().as_any().downcast_ref::<CudaStorage>();
    let storage = storage.ok_or_else(|| foreign(tensor.storage().backend()))?;
    if !Arc::ptr_eq(&storage.block.memory, cuda.memory()) {
        return Err(foreign("another `Cuda`"));
    }
    if storage.dtype != dtype {
        return Err(Error::DType { operation, what, found: storage.dtype, expected: dtype });
    }
    Ok(storage.block.address)
}

/// Refuses a call that names the same memory as operand and as result.
pub(crate) fn check_not_aliased(operation: &'static str, reads: &[&Tensor], writes: &[&Tensor]) -> Result<()> {
    for (i, written) in writes.iter().enumerate() {
        if reads.iter().chain(&writes[..i]).any(|other| other.same_memory(written)) {
            return Err(Error::Aliased { operation });
        }
    }
    Ok(())
}

/// Numbers and lists of blocks are sound whatever happened while a lock was held.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
