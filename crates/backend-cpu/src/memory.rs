//! The CPU's memory and its physical layout.
//!
//! Blobs keep the batch innermost, in blocks of 16 samples: a blob of shape (N, C, H, W) is stored as `[⌈N/16⌉][C·H·W][16]`.
//! Every vector operation then works on 16 samples of the same feature: no channel count, image width or window ever wastes
//! a lane, pooling and softmax are vector code without shuffles, and flattening an image for an inner product moves nothing.
//! oneDNN instead pads channels to 16 and does 2.05 times the work on LeNet's second convolution. Parameters are row-major.
//!
//! Rejected: the whole batch innermost (`[C·H·W][N]`), whose planes grow with the batch and leave the cache; blocks of 32,
//! which would double the padding of small batches.

use crate::lane::{LANES, Lane, Real};
use core_tensor::{Error, HostSlice, HostSliceMut, Result, Role, Shape, Storage, Tensor};
use std::{
    any::Any,
    marker::PhantomData,
    ops::{Deref, DerefMut},
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

/// The backend's name in errors.
pub(crate) const NAME: &str = "cpu";

/// Zeroed memory in whole lanes, aligned to a cache line.
pub(crate) struct Buffer<T>(Vec<Aligned<T>>);

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Aligned<T>(Lane<T>);

impl<T: Real> Buffer<T> {
    pub(crate) fn zeroed(lanes: usize) -> Result<Self> {
        let mut memory = Vec::new();
        memory.try_reserve_exact(lanes).map_err(|_| Error::Backend {
            backend: NAME.into(),
            message: format!(
                "out of memory: {} MiB could not be had; use a smaller batch or a smaller net",
                (lanes * size_of::<Lane<T>>()) >> 20
            ),
        })?;
        memory.resize(lanes, Aligned([T::ZERO; LANES]));
        Ok(Buffer(memory))
    }

    pub(crate) fn lanes(&self) -> &[Lane<T>] {
        const { assert!(size_of::<Aligned<T>>() == size_of::<Lane<T>>()) }
        // SAFETY: `Aligned` is `repr(C)` around one `Lane` and, by the assertion above, has its size, so that neighbours in
        // the vector are neighbouring lanes.
        #[allow(unsafe_code)]
        unsafe {
            std::slice::from_raw_parts(self.0.as_ptr().cast(), self.0.len())
        }
    }

    pub(crate) fn lanes_mut(&mut self) -> &mut [Lane<T>] {
        const { assert!(size_of::<Aligned<T>>() == size_of::<Lane<T>>()) }
        // SAFETY: as in `lanes`; the borrow of `self` is exclusive.
        #[allow(unsafe_code)]
        unsafe {
            std::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast(), self.0.len())
        }
    }
}

/// Blocks of 16 samples that a batch takes.
pub(crate) fn blocks(batch: usize) -> usize {
    batch.div_ceil(LANES)
}

/// Lanes that a tensor takes.
pub(crate) fn lanes_for(shape: Shape, role: Role) -> usize {
    match role {
        Role::Data | Role::Diff => blocks(shape.batch()) * shape.sample_len(),
        Role::Param => shape.len().div_ceil(LANES),
    }
}

/// A tensor's memory: a lock around a buffer of either element type.
pub(crate) enum CpuStorage {
    F32(RwLock<Buffer<f32>>),
    F64(RwLock<Buffer<f64>>),
}

impl Storage for CpuStorage {
    fn backend(&self) -> &'static str {
        NAME
    }

    fn write(&self, shape: Shape, role: Role, source: HostSlice<'_>) -> Result<()> {
        match (self, source) {
            (CpuStorage::F32(lock), HostSlice::F32(s)) => pack(write_guard(lock).lanes_mut(), shape, role, s, |v| v),
            (CpuStorage::F32(lock), HostSlice::F64(s)) => {
                pack(write_guard(lock).lanes_mut(), shape, role, s, |v| v as f32);
            }
            (CpuStorage::F64(lock), HostSlice::F32(s)) => {
                pack(write_guard(lock).lanes_mut(), shape, role, s, f64::from);
            }
            (CpuStorage::F64(lock), HostSlice::F64(s)) => pack(write_guard(lock).lanes_mut(), shape, role, s, |v| v),
        }
        Ok(())
    }

    fn read(&self, shape: Shape, role: Role, target: HostSliceMut<'_>) -> Result<()> {
        match (self, target) {
            (CpuStorage::F32(lock), HostSliceMut::F32(t)) => unpack(read_guard(lock).lanes(), shape, role, t, |v| v),
            (CpuStorage::F32(lock), HostSliceMut::F64(t)) => {
                unpack(read_guard(lock).lanes(), shape, role, t, f64::from);
            }
            (CpuStorage::F64(lock), HostSliceMut::F32(t)) => {
                unpack(read_guard(lock).lanes(), shape, role, t, |v| v as f32);
            }
            (CpuStorage::F64(lock), HostSliceMut::F64(t)) => unpack(read_guard(lock).lanes(), shape, role, t, |v| v),
        }
        Ok(())
    }

    fn bytes(&self) -> usize {
        match self {
            CpuStorage::F32(lock) => size_of_val(read_guard(lock).lanes()),
            CpuStorage::F64(lock) => size_of_val(read_guard(lock).lanes()),
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Element types that know their variant of [`CpuStorage`].
pub(crate) trait Stored: Real {
    fn storage(buffer: Buffer<Self>) -> CpuStorage;
    fn lock(storage: &CpuStorage) -> Option<&RwLock<Buffer<Self>>>;
}

impl Stored for f32 {
    fn storage(buffer: Buffer<Self>) -> CpuStorage {
        CpuStorage::F32(RwLock::new(buffer))
    }
    fn lock(storage: &CpuStorage) -> Option<&RwLock<Buffer<Self>>> {
        if let CpuStorage::F32(lock) = storage { Some(lock) } else { None }
    }
}

impl Stored for f64 {
    fn storage(buffer: Buffer<Self>) -> CpuStorage {
        CpuStorage::F64(RwLock::new(buffer))
    }
    fn lock(storage: &CpuStorage) -> Option<&RwLock<Buffer<Self>>> {
        if let CpuStorage::F64(lock) = storage { Some(lock) } else { None }
    }
}

/// A tensor's lanes, locked for reading as long as this lives.
pub(crate) struct Read<'a, T: Stored>(RwLockReadGuard<'a, Buffer<T>>);

/// A tensor's lanes, locked for writing as long as this lives.
pub(crate) struct Write<'a, T: Stored>(RwLockWriteGuard<'a, Buffer<T>>, PhantomData<T>);

/// Locks a tensor for reading. `operation` and `what` are for the error.
pub(crate) fn read<'a, T: Stored>(
    operation: &'static str,
    what: &'static str,
    tensor: &'a Tensor,
) -> Result<Read<'a, T>> {
    Ok(Read(read_guard(lock_of(operation, what, tensor)?)))
}

/// Locks a tensor for writing. The caller has checked that no operand of the same call is the same memory.
pub(crate) fn write<'a, T: Stored>(
    operation: &'static str,
    what: &'static str,
    tensor: &'a Tensor,
) -> Result<Write<'a, T>> {
    Ok(Write(write_guard(lock_of(operation, what, tensor)?), PhantomData))
}

/// Refuses a call that names the same memory as operand and as result: locking it twice would hang.
pub(crate) fn check_not_aliased(operation: &'static str, reads: &[&Tensor], writes: &[&Tensor]) -> Result<()> {
    for (i, written) in writes.iter().enumerate() {
        if reads.iter().chain(&writes[..i]).any(|other| other.same_memory(written)) {
            return Err(Error::Aliased { operation });
        }
    }
    Ok(())
}

impl<T: Stored> Deref for Read<'_, T> {
    type Target = [Lane<T>];
    fn deref(&self) -> &[Lane<T>] {
        self.0.lanes()
    }
}

impl<T: Stored> Deref for Write<'_, T> {
    type Target = [Lane<T>];
    fn deref(&self) -> &[Lane<T>] {
        self.0.lanes()
    }
}

impl<T: Stored> DerefMut for Write<'_, T> {
    fn deref_mut(&mut self) -> &mut [Lane<T>] {
        self.0.lanes_mut()
    }
}

fn lock_of<'a, T: Stored>(
    operation: &'static str,
    what: &'static str,
    tensor: &'a Tensor,
) -> Result<&'a RwLock<Buffer<T>>> {
    let foreign =
        || Error::ForeignTensor { operation, found: tensor.storage().backend().into(), expected: NAME.into() };
    let storage = tensor.storage().as_any().downcast_ref::<CpuStorage>().ok_or_else(foreign)?;
    T::lock(storage).ok_or(Error::DType { operation, what, found: tensor.dtype(), expected: T::DTYPE })
}

// A panic while a lock was held leaves numbers that may be half written, but no broken invariant: a buffer is just numbers.
fn read_guard<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write_guard<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

/// Logical order to physical. The pad of a blob repeats the last sample, that of a gradient is zero (see [`Role`]).
fn pack<S: Copy, T: Real>(lanes: &mut [Lane<T>], shape: Shape, role: Role, source: &[S], convert: impl Fn(S) -> T) {
    if role == Role::Param {
        for (target, &value) in lanes.as_flattened_mut().iter_mut().zip(source) {
            *target = convert(value);
        }
        return;
    }
    let (batch, features) = (shape.batch(), shape.sample_len());
    for (block, lanes) in lanes.chunks_exact_mut(features.max(1)).enumerate() {
        for l in 0..LANES {
            let sample = block * LANES + l;
            if sample >= batch && role == Role::Diff {
                lanes.iter_mut().for_each(|lane| lane[l] = T::ZERO);
                continue;
            }
            let row = sample.min(batch.saturating_sub(1)) * features;
            for (lane, &value) in lanes.iter_mut().zip(&source[row..row + features]) {
                lane[l] = convert(value);
            }
        }
    }
}

/// Physical order to logical.
fn unpack<S, T: Real>(lanes: &[Lane<T>], shape: Shape, role: Role, target: &mut [S], convert: impl Fn(T) -> S) {
    if role == Role::Param {
        for (target, &value) in target.iter_mut().zip(lanes.as_flattened()) {
            *target = convert(value);
        }
        return;
    }
    let features = shape.sample_len().max(1);
    for (sample, row) in target.chunks_exact_mut(features).enumerate() {
        let block = &lanes[sample / LANES * features..][..features];
        for (target, lane) in row.iter_mut().zip(block) {
            *target = convert(lane[sample % LANES]);
        }
    }
}
