//! The fake through `cudarc`, as the backend calls it. Each test runs itself again in a process that finds the fake.

#![allow(unsafe_code, clippy::unwrap_used, clippy::panic)] // calls of the driver; a test that cannot go on shall panic

use cudarc::{
    cublas::{result as blas, sys::cublasOperation_t},
    driver::{
        result::{self, DriverError},
        sys::{self, CUresult},
    },
};
use fake_cuda::{Control, Libraries, is_rerun, rerun};
use std::ffi::{CString, c_void};

const PTX: &str = "
.version 7.8
.target sm_50
.address_size 64
.visible .entry scale(.param .u64 x, .param .f32 factor, .param .u32 n)
{
    .reg .pred %p<2>;
    .reg .b64 %rd<3>;
    .reg .b32 %r<5>;
    .reg .f32 %f<4>;
    ld.param.u64 %rd1, [x];
    ld.param.f32 %f1, [factor];
    ld.param.u32 %r1, [n];
    mov.u32 %r2, %ctaid.x;
    mov.u32 %r3, %ntid.x;
    mov.u32 %r4, %tid.x;
    mad.lo.u32 %r4, %r2, %r3, %r4;
    setp.ge.u32 %p1, %r4, %r1;
    @%p1 bra END;
    mad.wide.u32 %rd2, %r4, 4, %rd1;
    ld.global.f32 %f2, [%rd2];
    mul.f32 %f3, %f1, %f2;
    st.global.f32 [%rd2], %f3;
END:
    ret;
}";

/// Runs the rest of a test on the fake: true in the process that has it.
fn on_the_fake(test: &str, environment: &[(&str, &str)]) -> bool {
    if is_rerun() {
        return true;
    }
    let folder = Libraries::new().build().unwrap();
    let output = rerun(folder.path(), test, environment).unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}{}", String::from_utf8_lossy(&output.stderr));
    false
}

/// A device that is ready, with a stream.
struct Ready {
    device: i32,
    stream: sys::CUstream,
}

fn open() -> Ready {
    result::init().unwrap();
    let device = result::device::get(0).unwrap();
    // SAFETY: `device` is valid.
    let context = unsafe { result::primary_ctx::retain(device) }.unwrap();
    // SAFETY: the context is retained.
    unsafe { result::ctx::set_current(context) }.unwrap();
    let stream = result::stream::create(result::stream::StreamKind::NonBlocking).unwrap();
    Ready { device, stream }
}

impl Ready {
    fn close(self) {
        // SAFETY: made in `open`, and not used any more.
        unsafe {
            result::stream::destroy(self.stream).unwrap();
            result::primary_ctx::release(self.device).unwrap();
        }
    }

    fn upload(&self, numbers: &[f32]) -> u64 {
        // SAFETY: the context is current; the copy takes the numbers at once, since they are not pinned.
        unsafe {
            let address = result::malloc_sync(size_of_val(numbers)).unwrap();
            result::memcpy_htod_async(address, numbers, self.stream).unwrap();
            address
        }
    }

    fn scale(&self, module: sys::CUmodule, address: u64, factor: f32, n: u32, blocks: u32) -> Result<(), DriverError> {
        // SAFETY: the module is loaded.
        let function = unsafe { result::module::get_function(module, CString::new("scale").unwrap()) }?;
        let pointers: [*const c_void; 3] =
            [(&raw const address).cast(), (&raw const factor).cast(), (&raw const n).cast()];
        // SAFETY: pointers to what the kernel's parameters are.
        unsafe {
            result::launch_kernel(
                function,
                (blocks, 1, 1),
                (32, 1, 1),
                0,
                self.stream,
                &mut pointers.map(<*const _>::cast_mut),
            )
        }
    }

    fn load(&self) -> sys::CUmodule {
        let text = CString::new(PTX).unwrap();
        // SAFETY: ends with a zero.
        unsafe { result::module::load_data(text.as_ptr().cast()) }.unwrap()
    }

    fn synchronize(&self) -> Result<(), DriverError> {
        // SAFETY: the stream is alive.
        unsafe { result::stream::synchronize(self.stream) }
    }
}

#[test]
fn kernels_run_when_the_stream_is_waited_for() {
    if !on_the_fake("kernels_run_when_the_stream_is_waited_for", &[]) {
        return;
    }
    let control = Control::open().unwrap();
    let ready = open();
    assert_eq!(result::device::get_name(ready.device).unwrap(), "Fake");
    let module = ready.load();
    let x = ready.upload(&[1.0, 2.0, 3.0]);
    ready.scale(module, x, 2.0, 3, 1).unwrap();
    let mut read = [0.0_f32; 3];
    // SAFETY: `read` outlives the wait below.
    unsafe { result::memcpy_dtoh_async(&mut read, x, ready.stream) }.unwrap();
    assert!(read.iter().all(|x| x.is_nan()), "the target of a copy under way is spoiled: {read:?}");
    ready.synchronize().unwrap();
    assert_eq!(read, [2.0, 4.0, 6.0]);
    assert_eq!((control.get("launches").unwrap(), control.get("live_allocations").unwrap()), (1, 1));
    // SAFETY: allocated and loaded above.
    unsafe {
        result::free_sync(x).unwrap();
        result::module::unload(module).unwrap();
    }
    ready.close();
    assert_eq!(control.messages().unwrap(), [""; 0]);
}

#[test]
fn products_are_those_of_cublas() {
    if !on_the_fake("products_are_those_of_cublas", &[]) {
        return;
    }
    let control = Control::open().unwrap();
    let ready = open();
    let handle = blas::create_handle().unwrap();
    // A is 2x3 and B is 3x2, by columns.
    let (a, b) = (ready.upload(&[1.0, 4.0, 2.0, 5.0, 3.0, 6.0]), ready.upload(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
    let c = ready.upload(&[100.0; 4]);
    let (alpha, beta) = (1.0_f32, 1.0_f32);
    let n = cublasOperation_t::CUBLAS_OP_N;
    let product = |lda| {
        // SAFETY: addresses of matrices of these sizes.
        unsafe {
            blas::set_stream(handle, ready.stream.cast()).unwrap();
            let (a, b, c) = (a as *const f32, b as *const f32, c as *mut f32);
            blas::sgemm(handle, n, n, 2, 2, 3, &raw const alpha, a, lda, b, 3, &raw const beta, c, 2)
        }
    };
    product(2).unwrap();
    let mut read = [0.0_f32; 4];
    // SAFETY: `read` outlives the wait below.
    unsafe { result::memcpy_dtoh_async(&mut read, c, ready.stream) }.unwrap();
    ready.synchronize().unwrap();
    assert_eq!(read, [114.0, 132.0, 132.0, 177.0]);
    assert!(product(1).is_err());
    // SAFETY: made above.
    unsafe {
        blas::destroy_handle(handle).unwrap();
        assert!(blas::destroy_handle(handle).is_err());
        [a, b, c].into_iter().for_each(|address| result::free_sync(address).unwrap());
    }
    ready.close();
    let messages = control.messages().unwrap();
    assert_eq!(messages.len(), 2, "{messages:#?}");
    assert!(messages[0].contains("lda is 1, but a has 2 rows") && messages[1].contains("has been destroyed"));
}

#[test]
fn wrong_use_is_noted() {
    if !on_the_fake("wrong_use_is_noted", &[]) {
        return;
    }
    let control = Control::open().unwrap();
    let ready = open();
    let x = ready.upload(&[1.0; 4]);
    let leaked = ready.upload(&[1.0; 4]);
    // SAFETY: wrong on purpose; the fake checks it.
    unsafe {
        result::free_sync(x).unwrap();
        assert_eq!(result::free_sync(x), Err(DriverError(CUresult::CUDA_ERROR_INVALID_VALUE)));
        let used_after = result::memcpy_htod_async(x, &[1.0_f32], ready.stream);
        assert_eq!(used_after, Err(DriverError(CUresult::CUDA_ERROR_INVALID_VALUE)));
        let too_long = result::memcpy_htod_async(leaked, &[1.0_f32; 5], ready.stream);
        assert_eq!(too_long, Err(DriverError(CUresult::CUDA_ERROR_INVALID_VALUE)));
        let foreign = result::stream::synchronize(0x1234 as sys::CUstream);
        assert_eq!(foreign, Err(DriverError(CUresult::CUDA_ERROR_INVALID_HANDLE)));
    }
    ready.close();
    let messages = control.messages().unwrap();
    let expected = [
        "cuMemFree: free at ",
        "a copy to the device: read at",
        "a copy to the device: read at",
        "0x1234 is no stream",
        "leak: 16 bytes of device memory",
    ];
    assert_eq!(messages.len(), expected.len(), "{messages:#?}");
    for (message, expected) in messages.iter().zip(expected) {
        assert!(message.starts_with(expected), "{message}");
    }
    assert!(messages[0].ends_with("which has been freed"));
}

#[test]
fn a_kernel_that_runs_too_far_fails_all_that_follows() {
    if !on_the_fake("a_kernel_that_runs_too_far_fails_all_that_follows", &[("FAKE_CUDA_ORDER", "3")]) {
        return;
    }
    let control = Control::open().unwrap();
    let ready = open();
    let module = ready.load();
    let x = ready.upload(&[1.0; 40]);
    ready.scale(module, x, 2.0, 41, 2).unwrap();
    let failed = Err(DriverError(CUresult::CUDA_ERROR_ILLEGAL_ADDRESS));
    assert_eq!(ready.synchronize(), failed);
    assert_eq!(ready.scale(module, x, 2.0, 40, 2), failed);
    let messages = control.messages().unwrap();
    assert_eq!(messages.len(), 1, "{messages:#?}");
    for part in
        ["launch 1: OutOfBounds: kernel `scale`", "block [1, 0, 0], thread [8, 0, 0]", "0 bytes behind the end of"]
    {
        assert!(messages[0].contains(part), "{}", messages[0]);
    }
}

#[test]
fn faults_on_demand() {
    if !on_the_fake("faults_on_demand", &[("FAKE_CUDA_MEMORY", "4096")]) {
        return;
    }
    let control = Control::open().unwrap();
    let error = |code| Err(DriverError(code));
    let ready = open();
    let module = ready.load();
    let x = ready.upload(&[1.0; 4]);
    // SAFETY: the context is current.
    let allocate = |bytes| unsafe { result::malloc_sync(bytes) }.map(|_| ());
    assert_eq!(allocate(8192), error(CUresult::CUDA_ERROR_OUT_OF_MEMORY));
    control.set("fail_allocation", 4).unwrap();
    assert_eq!(allocate(4), Ok(()));
    assert_eq!(allocate(4), error(CUresult::CUDA_ERROR_OUT_OF_MEMORY));
    control.set("refuse_launch", 2).unwrap();
    control.set("fail_launch", 3).unwrap();
    assert_eq!(ready.scale(module, x, 1.0, 4, 1), Ok(()));
    assert_eq!(ready.scale(module, x, 1.0, 4, 1), error(CUresult::CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES));
    assert_eq!(ready.scale(module, x, 1.0, 4, 1), Ok(()));
    assert_eq!(ready.synchronize(), error(CUresult::CUDA_ERROR_LAUNCH_FAILED));
    control.set("lose_device", 3).unwrap();
    assert_eq!(ready.synchronize(), error(CUresult::CUDA_ERROR_DEVICE_UNAVAILABLE));
    assert!(control.set("no such fault", 1).is_err() && control.get("no such count").is_err());
    control.reset().unwrap();
    control.set("devices", 0).unwrap();
    assert_eq!(result::init(), error(CUresult::CUDA_ERROR_NO_DEVICE));
}

/// A process that leaves something behind fails when it ends, though its test is content and asks for nothing.
#[test]
fn who_is_careless_fails_at_the_end() {
    if let Ok(mistake) = std::env::var("MISTAKE") {
        let ready = open();
        let x = ready.upload(&[1.0; 4]);
        if mistake != "memory kept" {
            // SAFETY: allocated above.
            unsafe { result::free_sync(x) }.unwrap();
        }
        if mistake == "freed twice" {
            // SAFETY: wrong on purpose; the fake checks it.
            assert!(unsafe { result::free_sync(x) }.is_err());
        }
        if mistake == "forgotten" {
            // SAFETY: wrong on purpose; the fake checks it.
            assert!(unsafe { result::stream::synchronize(0x1234 as sys::CUstream) }.is_err());
        }
        if mistake != "context kept" {
            ready.close();
        }
        if mistake == "forgotten" {
            Control::open().unwrap().reset().unwrap();
        }
        return;
    }
    for (mistake, complaint) in [
        ("none", None),
        ("memory kept", Some("leak: 16 bytes of device memory")),
        ("freed twice", Some("which has been freed")),
        ("context kept", Some("leak: the context has not been released")),
        ("forgotten", Some("0x1234 is no stream")),
    ] {
        let folder = Libraries::new().build().unwrap();
        let environment = [("MISTAKE", mistake)];
        let output = rerun(folder.path(), "who_is_careless_fails_at_the_end", &environment).unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.success(), complaint.is_none(), "{mistake}: {said}");
        assert!(said.contains(complaint.unwrap_or_default()), "{mistake}: {said}");
    }
}

/// In the process without a symbol the test only looks for it: `cudarc` would panic.
#[test]
fn a_function_or_library_can_be_missing() {
    let names = ["cuLaunchKernel", "cuMemAlloc_v2", "cublasSgemm_v2"];
    if is_rerun() {
        // SAFETY: nothing is called.
        let library = unsafe { libloading::Library::new("libcuda.so") }.unwrap();
        for name in names {
            // SAFETY: as above.
            let found = unsafe { library.get::<extern "C" fn()>(name.as_bytes()) }.is_ok();
            assert_eq!(found, std::env::var("MISSING").unwrap() != name, "{name}");
        }
        // SAFETY: as above.
        assert!(unsafe { libloading::Library::new("libcublas.so") }.is_err());
        return;
    }
    for name in names {
        let folder = Libraries::new().without_library("cublas").without_symbol(name).build().unwrap();
        let output = rerun(folder.path(), "a_function_or_library_can_be_missing", &[("MISSING", name)]).unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
    assert!(Libraries::new().without_symbol("cuNothing").build().is_err());
}
