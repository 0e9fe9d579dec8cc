//! All calls into the CUDA driver: device, memory, transfers, modules, launches.
//!
//! `cudarc`'s thin layer (`driver::result`) is used rather than its safe one: the latter allocates for each launch, records
//! events for each operand (48,804 of them for 10,500 launches in a measured LeNet) and calls functions that
//! [`crate::libraries`] would then have to know about.

#![allow(unsafe_code)]

use crate::NAME;
use core_tensor::{Error, Result};
use cudarc::driver::{
    result::{self, DriverError},
    sys::{self, CUresult},
};
use std::{
    ffi::{CString, c_void},
    fmt,
    sync::Arc,
};

/// A place in the device's memory, or null.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(transparent)]
pub(crate) struct Address(u64);

impl Address {
    /// The address so many bytes further on.
    pub(crate) fn offset(self, bytes: usize) -> Self {
        Address(self.0 + bytes as u64)
    }

    pub(crate) fn as_u64(self) -> u64 {
        self.0
    }
}

/// A device with its context and the one stream that everything runs on.
pub(crate) struct Device {
    ordinal: usize,
    name: String,
    capability: (i32, i32),
    bytes: usize,
    multiprocessors: u32,
    driver_version: i32,
    device: sys::CUdevice,
    context: sys::CUcontext,
    stream: sys::CUstream,
}

// SAFETY: the handles are addresses of the driver's own objects, and the driver may be called from any thread. What belongs to
// a thread, the current context, is set before each call.
unsafe impl Send for Device {}
// SAFETY: as above.
unsafe impl Sync for Device {}

impl Device {
    /// Starts the driver and makes the device ready. [`crate::libraries::check`] has passed.
    pub(crate) fn open(ordinal: usize) -> Result<Self> {
        use sys::CUdevice_attribute as Attribute;
        let failed = |error| failed("starting CUDA", error);
        result::init().map_err(failed)?;
        let count = result::device::get_count().map_err(failed)?;
        let number = i32::try_from(ordinal).ok().filter(|number| *number < count);
        let Some(number) = number else {
            return Err(backend_error(format!(
                "there is no device {ordinal}; the driver knows {count}, counted from 0 (see `nvidia-smi`)"
            )));
        };
        let device = result::device::get(number).map_err(failed)?;
        let name = result::device::get_name(device).map_err(failed)?;
        let mut driver_version = 0;
        // SAFETY: `device` is valid, the target lives through the call, and the context is released in `drop`.
        let (bytes, major, minor, multiprocessors, context) = unsafe {
            sys::cuDriverGetVersion(&raw mut driver_version).result().map_err(failed)?;
            let attribute = |which| result::device::get_attribute(device, which);
            (
                result::device::total_mem(device).map_err(failed)?,
                attribute(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR).map_err(failed)?,
                attribute(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR).map_err(failed)?,
                attribute(Attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT).map_err(failed)?,
                result::primary_ctx::retain(device).map_err(failed)?,
            )
        };
        let mut this = Device {
            ordinal,
            name,
            capability: (major, minor),
            bytes,
            multiprocessors: u32::try_from(multiprocessors).unwrap_or(1).max(1),
            driver_version,
            device,
            context,
            stream: result::stream::null(),
        };
        if this.capability < (5, 0) {
            return Err(backend_error(format!("{this}: the kernels need compute capability 5.0 (Maxwell) or newer")));
        }
        this.bind()?;
        this.stream = result::stream::create(result::stream::StreamKind::NonBlocking).map_err(failed)?;
        Ok(this)
    }

    /// Processors of the device, each of which runs several blocks at a time.
    pub(crate) fn multiprocessors(&self) -> u32 {
        self.multiprocessors
    }

    /// Makes the device's context current on this thread.
    pub(crate) fn bind(&self) -> Result<()> {
        // SAFETY: the context lives as long as `self`.
        unsafe { result::ctx::set_current(self.context) }.map_err(|error| failed("choosing the device", error))
    }

    /// The stream, for cuBLAS.
    pub(crate) fn stream(&self) -> sys::CUstream {
        self.stream
    }

    /// Memory with undefined content, or `None` if there is not enough.
    pub(crate) fn allocate(&self, bytes: usize) -> Result<Option<Address>> {
        self.bind()?;
        // SAFETY: the context is current; whoever gets the address gives it to `free` once.
        match unsafe { result::malloc_sync(bytes) } {
            Ok(address) => Ok(Some(Address(address))),
            Err(DriverError(CUresult::CUDA_ERROR_OUT_OF_MEMORY)) => Ok(None),
            Err(error) => Err(failed("allocating memory", error)),
        }
    }

    /// Gives memory back. Nobody may use it any more, and the stream must have done with it.
    pub(crate) fn free(&self, address: Address) {
        // SAFETY: the address came from `allocate` and is given up here. A failure (the device is lost) changes nothing.
        let _ = self.bind().map(|()| unsafe { result::free_sync(address.0) });
    }

    /// Sets bytes to zero, in the stream's order.
    pub(crate) fn clear(&self, address: Address, bytes: usize) -> Result<()> {
        self.bind()?;
        // SAFETY: callers own `bytes` bytes from `address` on.
        unsafe { result::memset_d8_async(address.0, 0, bytes, self.stream) }
            .map_err(|error| failed("clearing memory", error))
    }

    /// Copies a pinned buffer's first bytes to the device, in the stream's order. The buffer may be written again once it
    /// [`Pinned::wait`]ed.
    pub(crate) fn upload(&self, to: Address, from: &Pinned, bytes: usize) -> Result<()> {
        self.bind()?;
        // SAFETY: callers own the target; the source outlives the copy, since `Pinned` waits before it is written or freed.
        unsafe { result::memcpy_htod_async(to.0, &from.bytes()[..bytes], self.stream) }
            .and_then(|()| unsafe { result::event::record(from.done, self.stream) }) // SAFETY: the event is alive
            .map_err(|error| failed("copying to the device", error))
    }

    /// Copies from the device into a pinned buffer and waits for it; so errors of everything before it come out here.
    pub(crate) fn download(&self, from: Address, to: &mut Pinned, bytes: usize) -> Result<()> {
        self.bind()?;
        let stream = self.stream;
        // SAFETY: callers own the source; the target is borrowed until the stream has been waited for.
        unsafe { result::memcpy_dtoh_async(&mut to.bytes_mut()[..bytes], from.0, stream) }
            .map_err(|error| failed("copying from the device", error))?;
        self.synchronize()
    }

    /// Waits until the stream is empty.
    pub(crate) fn synchronize(&self) -> Result<()> {
        self.bind()?;
        // SAFETY: the stream lives as long as `self`.
        unsafe { result::stream::synchronize(self.stream) }.map_err(|error| failed("computing", error))
    }

    /// Bytes that are free on the device, and all that it has.
    pub(crate) fn free_and_total(&self) -> Result<(usize, usize)> {
        self.bind()?;
        result::mem_get_info().map_err(|error| failed("asking for free memory", error))
    }

    /// Hands PTX to the driver, which compiles it for the device or finds it in its cache.
    pub(crate) fn load(self: &Arc<Self>, what: &str, ptx: &str) -> Result<Module> {
        self.bind()?;
        let text = CString::new(ptx).map_err(|error| backend_error(format!("the PTX of {what}: {error}")))?;
        // SAFETY: the text ends with a zero, as the driver expects.
        let module = unsafe { result::module::load_data(text.as_ptr().cast()) };
        let module = module.map_err(|error| failed(&format!("compiling the kernels of {what} for {self}"), error))?;
        Ok(Module { module, device: self.clone() })
    }

    /// Queues a kernel.
    ///
    /// # Safety
    /// Each pointer of `parameters` must point to a value of the type that the kernel's parameter at its place has, and the
    /// addresses among the values to memory as large as the kernel uses.
    pub(crate) unsafe fn launch(
        &self,
        function: Function,
        blocks: (u32, u32),
        threads: (u32, u32),
        parameters: &mut [*mut c_void],
    ) -> Result<()> {
        self.bind()?;
        let (blocks, threads) = ((blocks.0, blocks.1, 1), (threads.0, threads.1, 1));
        // SAFETY: the function's module lives as long as the backend; for the parameters the caller vouches.
        unsafe { result::launch_kernel(function.0, blocks, threads, 0, self.stream, parameters) }
            .map_err(|error| failed("launching a kernel", error))
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ((major, minor), version) = (self.capability, self.driver_version);
        write!(
            f,
            "CUDA device {}, {}, compute capability {major}.{minor}, {} MiB, driver for CUDA {}.{}",
            self.ordinal,
            self.name,
            self.bytes >> 20,
            version / 1000,
            version % 1000 / 10
        )
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // After a failure of the device these fail too; there is nothing left to do about it.
        let _ = self.bind();
        if !self.stream.is_null() {
            // SAFETY: everything that used the stream held an `Arc` of this device and is gone.
            let _ = unsafe { result::stream::destroy(self.stream) };
        }
        // SAFETY: as above; it was retained once.
        let _ = unsafe { result::primary_ctx::release(self.device) };
    }
}

/// Kernels of one family, loaded.
pub(crate) struct Module {
    module: sys::CUmodule,
    device: Arc<Device>,
}

// SAFETY: as for `Device`.
unsafe impl Send for Module {}
// SAFETY: as for `Device`.
unsafe impl Sync for Module {}

/// A kernel of a loaded module.
#[derive(Clone, Copy)]
pub(crate) struct Function(sys::CUfunction);

// SAFETY: as for `Device`.
unsafe impl Send for Function {}
// SAFETY: as for `Device`.
unsafe impl Sync for Function {}

impl Module {
    /// The kernel of this name.
    pub(crate) fn function(&self, name: &str) -> Result<Function> {
        self.device.bind()?;
        let text = CString::new(name).map_err(|error| backend_error(format!("kernel `{name}`: {error}")))?;
        // SAFETY: the module is loaded.
        let function = unsafe { result::module::get_function(self.module, text) };
        function.map(Function).map_err(|error| failed(&format!("looking for the kernel `{name}`"), error))
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        // SAFETY: its functions are kept beside it and go with it.
        let _ = self.device.bind().map(|()| unsafe { result::module::unload(self.module) });
    }
}

/// Host memory that the device can read and write by itself, so that copies need not be waited for.
pub(crate) struct Pinned {
    memory: *mut u8,
    length: usize,
    /// Recorded behind the last upload from this buffer.
    done: sys::CUevent,
    device: Arc<Device>,
}

// SAFETY: the memory belongs to this value alone; for the event as for `Device`.
unsafe impl Send for Pinned {}

impl Pinned {
    pub(crate) fn new(device: &Arc<Device>, length: usize) -> Result<Self> {
        device.bind()?;
        let failed = |error| failed(&format!("pinning {} MiB of host memory", length >> 20), error);
        let flags = sys::CUevent_flags::CU_EVENT_DISABLE_TIMING;
        let done = result::event::create(flags).map_err(failed)?;
        // SAFETY: the context is current. From here on `drop` frees what was made.
        let memory = unsafe { result::malloc_host(length, 0) };
        let memory = memory.as_ref().map_or(std::ptr::null_mut(), |memory| memory.cast::<u8>());
        let this = Pinned { memory, length, done, device: device.clone() };
        if this.memory.is_null() {
            return Err(failed(DriverError(CUresult::CUDA_ERROR_OUT_OF_MEMORY)));
        }
        // SAFETY: the driver gave `length` bytes; they are set here for the first time.
        unsafe { std::ptr::write_bytes(this.memory, 0, length) };
        Ok(this)
    }

    /// Waits until the last upload from this buffer is done.
    pub(crate) fn wait(&self) -> Result<()> {
        self.device.bind()?;
        // SAFETY: the event is alive. One that was never recorded counts as done.
        unsafe { result::event::synchronize(self.done) }.map_err(|error| failed("copying to the device", error))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: `length` initialized bytes that this value owns; the device only reads them.
        unsafe { std::slice::from_raw_parts(self.memory, self.length) }
    }

    /// The buffer for writing; callers have [`Pinned::wait`]ed.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`, and borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.memory, self.length) }
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        let _ = self.device.synchronize();
        // SAFETY: both were made in `new` and nobody else has them.
        unsafe {
            let _ = result::event::destroy(self.done);
            if !self.memory.is_null() {
                let _ = result::free_host(self.memory.cast());
            }
        }
    }
}

/// An error of the driver in words.
pub(crate) fn failed(doing: &str, error: DriverError) -> Error {
    let text = |text: std::result::Result<&std::ffi::CStr, DriverError>| {
        text.map_or_else(|_| "unknown error".to_owned(), |text| text.to_string_lossy().into_owned())
    };
    let (name, description) = (text(error.error_name()), text(error.error_string()));
    backend_error(format!("{doing} failed: {description} ({name}, {}){}", error.0 as u32, advice(error.0)))
}

/// What to do about an error.
fn advice(error: CUresult) -> &'static str {
    match error {
        CUresult::CUDA_ERROR_NO_DEVICE => "; is a card in the machine, and does `nvidia-smi` list it?",
        CUresult::CUDA_ERROR_OUT_OF_MEMORY => "; use a smaller batch or a smaller net",
        CUresult::CUDA_ERROR_INVALID_PTX | CUresult::CUDA_ERROR_UNSUPPORTED_PTX_VERSION => "; update NVIDIA's driver",
        CUresult::CUDA_ERROR_ILLEGAL_ADDRESS
        | CUresult::CUDA_ERROR_MISALIGNED_ADDRESS
        | CUresult::CUDA_ERROR_LAUNCH_FAILED
        | CUresult::CUDA_ERROR_LAUNCH_TIMEOUT
        | CUresult::CUDA_ERROR_DEVICE_UNAVAILABLE
        | CUresult::CUDA_ERROR_ECC_UNCORRECTABLE
        | CUresult::CUDA_ERROR_HARDWARE_STACK_ERROR => {
            "; this or an earlier operation failed on the device, which takes no more work from this process: start it again, \
             it goes on from the last snapshot"
        }
        _ => "",
    }
}

/// An error with this text.
pub(crate) fn backend_error(message: impl Into<String>) -> Error {
    Error::Backend { backend: NAME.into(), message: message.into() }
}
