//! Memory of the device and pinned memory of the host; copies.

use super::{Need, call, put};
use crate::{
    codes::{Code, INVALID_VALUE, OUT_OF_MEMORY},
    state::{Handle, NO_STREAM, State},
    work::{HostMemory, HostRange, Task},
};
use std::ffi::c_void;

#[unsafe(no_mangle)]
extern "C" fn cuMemAlloc_v2(address: *mut u64, bytes: usize) -> Code {
    call(Need::Context, |state| put(address, state.allocate(bytes)?))
}

#[unsafe(no_mangle)]
extern "C" fn cuMemAllocAsync(address: *mut u64, bytes: usize, stream: Handle) -> Code {
    call(Need::Context, |state| {
        state.stream(stream)?;
        put(address, state.allocate(bytes)?)
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuMemFree_v2(address: u64) -> Code {
    call(Need::Context, |state| state.free(address))
}

#[unsafe(no_mangle)]
extern "C" fn cuMemFreeAsync(address: u64, stream: Handle) -> Code {
    call(Need::Context, |state| {
        state.check_range("cuMemFreeAsync", address, 1)?;
        state.submit(stream, Task::Free(address))
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuMemGetInfo_v2(free: *mut usize, total: *mut usize) -> Code {
    call(Need::Context, |state| {
        let (all, used) = state.memory.usage();
        put(free, (all - used) as usize)?;
        put(total, all as usize)
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuMemHostAlloc(memory: *mut *mut c_void, bytes: usize, _flags: u32) -> Code {
    call(Need::Context, |state| {
        state.allocations += 1;
        if state.faults.get("fail_allocation").is_some_and(|from| state.allocations >= from) {
            return Err(OUT_OF_MEMORY);
        }
        let mut piece = HostMemory::new(bytes);
        let address = piece.address();
        put(memory, address as *mut c_void)?;
        state.pinned.insert(address, piece);
        Ok(())
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuMemFreeHost(memory: *mut c_void) -> Code {
    call(Need::Context, |state| {
        state.drain_all();
        match state.pinned.remove(&(memory as usize)) {
            Some(_) => Ok(()),
            None => state.refuse(INVALID_VALUE, "cuMemFreeHost of memory that is not pinned, or has been freed"),
        }
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuMemcpyHtoD_v2(to: u64, from: *const c_void, bytes: usize) -> Code {
    call(Need::Context, |state| {
        upload(state, to, from, bytes, NO_STREAM)?;
        finish(state, NO_STREAM)
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuMemcpyHtoDAsync_v2(to: u64, from: *const c_void, bytes: usize, stream: Handle) -> Code {
    call(Need::Context, |state| upload(state, to, from, bytes, stream))
}

#[unsafe(no_mangle)]
extern "C" fn cuMemcpyDtoH_v2(to: *mut c_void, from: u64, bytes: usize) -> Code {
    call(Need::Context, |state| {
        download(state, to, from, bytes, NO_STREAM)?;
        finish(state, NO_STREAM)
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuMemcpyDtoHAsync_v2(to: *mut c_void, from: u64, bytes: usize, stream: Handle) -> Code {
    call(Need::Context, |state| download(state, to, from, bytes, stream))
}

#[unsafe(no_mangle)]
extern "C" fn cuMemcpyDtoD_v2(to: u64, from: u64, bytes: usize) -> Code {
    call(Need::Context, |state| copy(state, to, from, bytes, NO_STREAM))
}

#[unsafe(no_mangle)]
extern "C" fn cuMemcpyDtoDAsync_v2(to: u64, from: u64, bytes: usize, stream: Handle) -> Code {
    call(Need::Context, |state| copy(state, to, from, bytes, stream))
}

#[unsafe(no_mangle)]
extern "C" fn cuMemsetD8_v2(to: u64, value: u8, count: usize) -> Code {
    call(Need::Context, |state| set(state, to, &[value], count, NO_STREAM))
}

#[unsafe(no_mangle)]
extern "C" fn cuMemsetD8Async(to: u64, value: u8, count: usize, stream: Handle) -> Code {
    call(Need::Context, |state| set(state, to, &[value], count, stream))
}

#[unsafe(no_mangle)]
extern "C" fn cuMemsetD32_v2(to: u64, value: u32, count: usize) -> Code {
    call(Need::Context, |state| set(state, to, &value.to_le_bytes(), count, NO_STREAM))
}

#[unsafe(no_mangle)]
extern "C" fn cuMemsetD32Async(to: u64, value: u32, count: usize, stream: Handle) -> Code {
    call(Need::Context, |state| set(state, to, &value.to_le_bytes(), count, stream))
}

/// Pinned memory is read when the copy is done, other memory at once.
fn upload(state: &mut State, to: u64, from: *const c_void, bytes: usize, stream: Handle) -> Result<(), Code> {
    if bytes == 0 {
        return Ok(());
    }
    let from = host_range(state, "a copy to the device", from, bytes)?;
    state.check_range("a copy to the device", to, bytes)?;
    let task = if is_pinned(state, from.1, bytes) {
        Task::UploadPinned { to, from: from.0 }
    } else {
        Task::Upload { to, bytes: from.0.read() }
    };
    state.submit(stream, task)
}

/// The target is spoiled until the copy is done.
fn download(state: &mut State, to: *mut c_void, from: u64, bytes: usize, stream: Handle) -> Result<(), Code> {
    if bytes == 0 {
        return Ok(());
    }
    let to = host_range(state, "a copy to the host", to, bytes)?.0;
    state.check_range("a copy to the host", from, bytes)?;
    to.write(&vec![0xff; bytes]);
    state.submit(stream, Task::Download { to, from })
}

fn copy(state: &mut State, to: u64, from: u64, bytes: usize, stream: Handle) -> Result<(), Code> {
    if bytes == 0 {
        return Ok(());
    }
    state.check_range("a copy on the device", to, bytes)?;
    state.check_range("a copy on the device", from, bytes)?;
    state.submit(stream, Task::Copy { to, from, bytes })
}

fn set(state: &mut State, to: u64, pattern: &[u8], count: usize, stream: Handle) -> Result<(), Code> {
    if count == 0 {
        return Ok(());
    }
    state.check_range("memset", to, pattern.len() * count)?;
    state.submit(stream, Task::Set { to, pattern: pattern.to_vec(), count })
}

fn finish(state: &mut State, stream: Handle) -> Result<(), Code> {
    state.drain(stream);
    state.sticky.map_or(Ok(()), Err)
}

/// The host's side of a copy, with its address.
fn host_range(state: &mut State, call: &str, at: *const c_void, bytes: usize) -> Result<(HostRange, usize), Code> {
    let address = at as usize;
    if at.is_null() {
        return state.refuse(INVALID_VALUE, format!("{call}: the host's address is null"));
    }
    Ok((HostRange::new(address, bytes), address))
}

fn is_pinned(state: &State, address: usize, bytes: usize) -> bool {
    let before = state.pinned.range(..=address).next_back();
    before.is_some_and(|(base, memory)| address + bytes <= base + memory.bytes())
}
