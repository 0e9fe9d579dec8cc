//! Driver, device, context, and the names of errors.

use super::{CURRENT, Need, call, put, put_text};
use crate::{
    codes::{Code, INVALID_CONTEXT, INVALID_DEVICE, INVALID_VALUE, words},
    state::{CONTEXT, Handle},
};
use std::ffi::{c_char, c_int};

/// What the device calls itself.
const NAME: &str = "Fake";

#[unsafe(no_mangle)]
extern "C" fn cuInit(flags: u32) -> Code {
    call(Need::Nothing, |state| if flags == 0 { state.initialize() } else { Err(INVALID_VALUE) })
}

#[unsafe(no_mangle)]
extern "C" fn cuDriverGetVersion(version: *mut c_int) -> Code {
    call(Need::Nothing, |state| put(version, state.faults.get("driver_version").unwrap_or(12_000) as c_int))
}

#[unsafe(no_mangle)]
extern "C" fn cuDeviceGetCount(count: *mut c_int) -> Code {
    call(Need::Device, |state| put(count, state.devices() as c_int))
}

#[unsafe(no_mangle)]
extern "C" fn cuDeviceGet(device: *mut c_int, ordinal: c_int) -> Code {
    call(Need::Device, |_| if ordinal == 0 { put(device, 0) } else { Err(INVALID_DEVICE) })
}

#[unsafe(no_mangle)]
extern "C" fn cuDeviceGetName(name: *mut c_char, size: c_int, device: c_int) -> Code {
    call(Need::Device, |_| {
        check_device(device)?;
        put_text(name, usize::try_from(size).unwrap_or(0), NAME)
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuDeviceTotalMem_v2(bytes: *mut usize, device: c_int) -> Code {
    call(Need::Device, |state| {
        check_device(device)?;
        put(bytes, state.memory.usage().0 as usize)
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuDeviceGetAttribute(value: *mut c_int, attribute: u32, device: c_int) -> Code {
    call(Need::Device, |state| {
        check_device(device)?;
        let capability = state.faults.get("compute_capability").unwrap_or(75) as c_int;
        // Numbers of `CUdevice_attribute`. What is not listed the fake does not have.
        let found = match attribute {
            1..=3 => 1024,   // threads of a block, and in x and y
            4 => 64,         // in z
            5 => i32::MAX,   // blocks in x
            6 | 7 => 65_535, // and in y, z
            8 => 48 * 1024,  // shared memory of a block
            9 => 64 * 1024,  // constant memory
            10 => 32,        // threads of a warp
            16 => 4,         // multiprocessors
            41 => 1,         // unified addressing
            75 => capability / 10,
            76 => capability % 10,
            _ => 0,
        };
        put(value, found)
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuDevicePrimaryCtxRetain(context: *mut Handle, device: c_int) -> Code {
    call(Need::Device, |state| {
        check_device(device)?;
        put(context, CONTEXT)?;
        state.retained += 1;
        Ok(())
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuDevicePrimaryCtxRelease_v2(device: c_int) -> Code {
    call(Need::Device, |state| {
        check_device(device)?;
        state.release_context()
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuCtxSetCurrent(context: Handle) -> Code {
    call(Need::Device, |state| {
        if context != 0 && (context != CONTEXT || state.retained == 0) {
            return state.refuse(INVALID_CONTEXT, format!("cuCtxSetCurrent: {context:#x} is no context"));
        }
        CURRENT.set(context);
        Ok(())
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuCtxGetCurrent(context: *mut Handle) -> Code {
    call(Need::Device, |_| put(context, CURRENT.get()))
}

#[unsafe(no_mangle)]
extern "C" fn cuCtxSynchronize() -> Code {
    call(Need::Context, |state| {
        state.drain_all();
        state.sticky.map_or(Ok(()), Err)
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuGetErrorName(code: Code, name: *mut *const c_char) -> Code {
    call(Need::Nothing, |_| put(name, words(code).ok_or(INVALID_VALUE)?.0.as_ptr().cast()))
}

#[unsafe(no_mangle)]
extern "C" fn cuGetErrorString(code: Code, description: *mut *const c_char) -> Code {
    call(Need::Nothing, |_| put(description, words(code).ok_or(INVALID_VALUE)?.1.as_ptr().cast()))
}

fn check_device(device: c_int) -> Result<(), Code> {
    if device == 0 { Ok(()) } else { Err(INVALID_DEVICE) }
}
