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

/// A tensor's lanes, locked for reading as long as this lives. The memory may have more: see `Backend::bytes`.
pub(crate) struct Read<'a, T: Stored>(RwLockReadGuard<'a, Buffer<T>>, usize);

/// A tensor's lanes, locked for writing as long as this lives.
pub(crate) struct Write<'a, T: Stored>(RwLockWriteGuard<'a, Buffer<T>>, usize);

/// Locks a tensor for reading. `operation` and `what` are for the error.
pub(crate) fn read<'a, T: Stored>(
    operation: &'static str,
    what: &'static str,
    tensor: &'a Tensor,
) -> Result<Read<'a, T>> {
    Ok(Read(read_guard(lock_of(operation, what, tensor)?), lanes_for(tensor.shape(), tensor.role())))
}

/// Locks a tensor for writing. The caller has checked that no operand of the same call is the same memory.
pub(crate) fn write<'a, T: Stored>(
    operation: &'static str,
    what: &'static str,
    tensor: &'a Tensor,
) -> Result<Write<'a, T>> {
    Ok(Write(write_guard(lock_of(operation, what, tensor)?), lanes_for(tensor.shape(), tensor.role())))
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
        &self.0.lanes()[..self.1]
    }
}

impl<T: Stored> Deref for Write<'_, T> {
    type Target = [Lane<T>];
    fn deref(&self) -> &[Lane<T>] {
        &self.0.lanes()[..self.1]
    }
}

impl<T: Stored> DerefMut for Write<'_, T> {
    fn deref_mut(&mut self) -> &mut [Lane<T>] {
        &mut self.0.lanes_mut()[..self.1]
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
///
/// Goes through 16 samples by 16 features at a time: one sample after the other touched every cache line of the block 16
/// times, at 6 GB/s for LeNet's input and 4 GB/s for 224x224 images; this way it is 14 and 7 (one core of a Zen 4).
fn pack<S: Copy, T: Real>(lanes: &mut [Lane<T>], shape: Shape, role: Role, source: &[S], convert: impl Fn(S) -> T) {
    let lanes = &mut lanes[..lanes_for(shape, role)];
    if role == Role::Param {
        for (target, &value) in lanes.as_flattened_mut().iter_mut().zip(source) {
            *target = convert(value);
        }
        return;
    }
    let features = shape.sample_len().max(1);
    for (block, lanes) in lanes.chunks_exact_mut(features).enumerate() {
        let rows = &source[block * LANES * features..];
        let count = (rows.len() / features).min(LANES);
        for (tile, lanes) in lanes.chunks_mut(LANES).enumerate() {
            for l in 0..count {
                let row = &rows[l * features + tile * LANES..][..lanes.len()];
                for (lane, &value) in lanes.iter_mut().zip(row) {
                    lane[l] = convert(value);
                }
            }
            for lane in lanes {
                let pad = if role == Role::Diff { T::ZERO } else { lane[count - 1] };
                lane[count..].fill(pad);
            }
        }
    }
}

/// Physical order to logical.
fn unpack<S, T: Real>(lanes: &[Lane<T>], shape: Shape, role: Role, target: &mut [S], convert: impl Fn(T) -> S) {
    let lanes = &lanes[..lanes_for(shape, role)];
    if role == Role::Param {
        for (target, &value) in target.iter_mut().zip(lanes.as_flattened()) {
            *target = convert(value);
        }
        return;
    }
    let features = shape.sample_len().max(1);
    for (lanes, rows) in lanes.chunks_exact(features).zip(target.chunks_mut(LANES * features)) {
        for (tile, lanes) in lanes.chunks(LANES).enumerate() {
            for (l, row) in rows.chunks_exact_mut(features).enumerate() {
                for (target, lane) in row[tile * LANES..][..lanes.len()].iter_mut().zip(lanes) {
                    *target = convert(lane[l]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core_tensor::Element;
    use proptest::prelude::*;

    /// Where an element of a blob lies, by the layout's definition.
    fn place(features: usize, sample: usize, feature: usize) -> usize {
        ((sample / LANES * features) + feature) * LANES + sample % LANES
    }

    /// Writes and reads a blob, and compares each lane with the definition.
    fn check<S: Element, T: Stored>(shape: Shape, role: Role, convert: impl Fn(S) -> T) {
        let (batch, features) = (shape.batch(), shape.sample_len());
        let source: Vec<S> = (0..shape.len()).map(|i| S::from_f64((i as f64 + 0.1).sqrt())).collect();
        let storage = T::storage(Buffer::zeroed(lanes_for(shape, role)).unwrap());
        // What was there before must not shine through, in the pad neither.
        write_guard(T::lock(&storage).unwrap()).lanes_mut().fill([T::from_f64(-1.0); LANES]);
        storage.write(shape, role, S::host(&source)).unwrap();
        let mut expected = vec![T::ZERO; blocks(batch) * features * LANES];
        for sample in 0..blocks(batch) * LANES {
            for feature in 0..features {
                let value = |sample: usize| convert(source[sample * features + feature]);
                expected[place(features, sample, feature)] = match role {
                    Role::Diff if sample >= batch => T::ZERO,
                    _ => value(sample.min(batch - 1)),
                };
            }
        }
        assert_eq!(read_guard(T::lock(&storage).unwrap()).lanes().as_flattened(), expected, "{shape} {role:?}");
        let mut target = vec![T::ZERO; shape.len()];
        storage.read(shape, role, T::host_mut(&mut target)).unwrap();
        assert_eq!(target, source.iter().map(|&value| convert(value)).collect::<Vec<_>>(), "{shape} {role:?}");
    }

    proptest! {
        #[test]
        fn blobs_are_laid_out_by_the_definition(batch in 1usize..70, features in 1usize..70, diff: bool) {
            let shape = Shape::new(&[batch, features]).unwrap();
            let role = if diff { Role::Diff } else { Role::Data };
            check(shape, role, |v: f32| v);
            check(shape, role, |v: f64| v);
            check(shape, role, |v: f64| v as f32);
            check(shape, role, |v: f32| f64::from(v));
        }
    }
}
