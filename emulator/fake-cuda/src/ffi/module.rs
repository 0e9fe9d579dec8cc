//! Modules and launches.

use super::{Need, arguments, call, put, text};
use crate::{
    codes::{Code, INVALID_HANDLE, INVALID_VALUE},
    state::{Function, Handle, State},
    work::Task,
};
use std::ffi::{c_char, c_int, c_void};

/// Threads and shared memory that a block may have.
const MOST_THREADS: u64 = 1024;
const MOST_SHARED: usize = 48 * 1024;

#[unsafe(no_mangle)]
extern "C" fn cuModuleLoadData(module: *mut Handle, image: *const c_char) -> Code {
    call(Need::Context, |state| put(module, state.load_module(&text(image)?)?))
}

#[unsafe(no_mangle)]
extern "C" fn cuModuleLoadDataEx(
    module: *mut Handle,
    image: *const c_char,
    _options: u32,
    _names: *const u32,
    _values: *const *const c_void,
) -> Code {
    cuModuleLoadData(module, image)
}

#[unsafe(no_mangle)]
extern "C" fn cuModuleUnload(module: Handle) -> Code {
    call(Need::Context, |state| state.unload_module(module))
}

#[unsafe(no_mangle)]
extern "C" fn cuModuleGetFunction(function: *mut Handle, module: Handle, name: *const c_char) -> Code {
    call(Need::Context, |state| put(function, state.function(module, &text(name)?)?))
}

#[unsafe(no_mangle)]
extern "C" fn cuFuncGetAttribute(value: *mut c_int, attribute: u32, function: Handle) -> Code {
    call(Need::Context, |state| {
        let function = find(state, function)?;
        let kernel = function.program.kernel(&function.name).ok_or(INVALID_HANDLE)?;
        // Numbers of `CUfunction_attribute`: threads of a block, shared and own memory, PTX version.
        let found = match attribute {
            0 => MOST_THREADS as c_int,
            1 => kernel.shared_bytes as c_int,
            3 => kernel.local_bytes as c_int,
            5 => 50,
            _ => 0,
        };
        put(value, found)
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuFuncSetAttribute(function: Handle, _attribute: u32, _value: c_int) -> Code {
    call(Need::Context, |state| find(state, function).map(|_| ()))
}

#[unsafe(no_mangle)]
extern "C" fn cuLaunchKernel(
    function: Handle,
    grid_x: u32,
    grid_y: u32,
    grid_z: u32,
    block_x: u32,
    block_y: u32,
    block_z: u32,
    shared_bytes: u32,
    stream: Handle,
    parameters: *const *const c_void,
    extra: *const *const c_void,
) -> Code {
    call(Need::Context, |state| {
        let function = find(state, function)?;
        let (grid, block) = ([grid_x, grid_y, grid_z], [block_x, block_y, block_z]);
        let shared_bytes = shared_bytes as usize;
        let count = |sizes: [u32; 3]| sizes.iter().map(|n| u64::from(*n)).product::<u64>();
        let kernel = function.program.kernel(&function.name).ok_or(INVALID_HANDLE)?;
        let fits =
            (1..=MOST_THREADS).contains(&count(block)) && count(grid) > 0 && grid_y <= 65_535 && grid_z <= 65_535;
        if !extra.is_null() || !fits || kernel.shared_bytes + shared_bytes > MOST_SHARED {
            let name = &function.name;
            let what = format!(
                "cuLaunchKernel of `{name}`: {grid:?} blocks of {block:?} threads, {shared_bytes} bytes shared"
            );
            return state.refuse(INVALID_VALUE, what);
        }
        let arguments = arguments(kernel, parameters)?;
        state.count_launch()?;
        let number = state.launches;
        state.submit(stream, Task::Launch { function, grid, block, shared_bytes, arguments, number })
    })
}

fn find(state: &mut State, function: Handle) -> Result<Function, Code> {
    match state.functions.get(&function) {
        Some(function) => Ok(function.clone()),
        None => state.refuse(INVALID_HANDLE, format!("{function:#x} is no kernel, or its module has been unloaded")),
    }
}
