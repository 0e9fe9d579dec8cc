//! What the device knows: memory, streams, events, modules, handles, and what has gone wrong.

use crate::{
    codes::{
        Code, DEVICE_UNAVAILABLE, ILLEGAL_ADDRESS, INVALID_CONTEXT, INVALID_HANDLE, INVALID_PTX, INVALID_VALUE,
        LAUNCH_FAILED, LAUNCH_OUT_OF_RESOURCES, NO_DEVICE, NOT_FOUND, NOT_INITIALIZED, OUT_OF_MEMORY,
    },
    faults::Faults,
    replaced::replace,
    work::{HostMemory, Task},
};
use ptx::{Memory, MemoryError, Program};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

/// A handle as the host sees it: no address of anything.
pub(crate) type Handle = usize;

/// The stream of those who name none.
pub(crate) const NO_STREAM: Handle = 0;
/// The one context of the one device.
pub(crate) const CONTEXT: Handle = 0xc0;

/// Bytes of the device unless a test says otherwise.
const BYTES: u64 = 2 << 30;

/// The fake's whole state.
pub(crate) struct State {
    pub(crate) faults: Faults,
    pub(crate) initialized: bool,
    /// How often the context has been retained.
    pub(crate) retained: u32,
    pub(crate) memory: Memory,
    /// Host memory that the fake has given out, by address.
    pub(crate) pinned: BTreeMap<usize, HostMemory>,
    pub(crate) streams: BTreeMap<Handle, Stream>,
    pub(crate) events: BTreeMap<Handle, Event>,
    pub(crate) modules: BTreeMap<Handle, Arc<Program>>,
    pub(crate) functions: BTreeMap<Handle, Function>,
    pub(crate) blas: BTreeMap<Handle, Handle>,
    /// Once a kernel has failed, every call fails with this.
    pub(crate) sticky: Option<Code>,
    /// What a test must know of: findings in kernels, wrong calls, leaks.
    pub(crate) messages: Vec<String>,
    /// How many of them the test has read.
    pub(crate) read: usize,
    /// Entry points that stand in place of those of the same name in any module.
    pub(crate) replacement: String,
    pub(crate) launches: u64,
    pub(crate) allocations: u64,
    next_handle: Handle,
}

/// Work in order.
#[derive(Default)]
pub(crate) struct Stream {
    /// Whether it does without the order that the default stream imposes.
    pub(crate) independent: bool,
    pub(crate) queue: VecDeque<Task>,
}

/// A mark in a stream.
pub(crate) struct Event {
    /// The stream in which it was recorded last.
    pub(crate) stream: Option<Handle>,
    pub(crate) reached: Option<Instant>,
}

/// A kernel of a loaded module.
#[derive(Clone)]
pub(crate) struct Function {
    pub(crate) module: Handle,
    pub(crate) program: Arc<Program>,
    pub(crate) name: String,
}

/// The state; there is one in a process.
pub(crate) fn lock() -> MutexGuard<'static, Option<State>> {
    static STATE: Mutex<Option<State>> = Mutex::new(None);
    // A state in which a call has panicked is still good for a report.
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Calls with the state, made from the environment at the first time.
pub(crate) fn with<R>(f: impl FnOnce(&mut State) -> R) -> R {
    f(lock().get_or_insert_with(State::new))
}

impl State {
    fn new() -> Self {
        let faults = Faults::from_environment();
        let memory = Memory::new(faults.get("memory").unwrap_or(BYTES));
        State {
            faults,
            initialized: false,
            retained: 0,
            memory,
            pinned: BTreeMap::new(),
            streams: BTreeMap::from([(NO_STREAM, Stream::default())]),
            events: BTreeMap::new(),
            modules: BTreeMap::new(),
            functions: BTreeMap::new(),
            blas: BTreeMap::new(),
            sticky: None,
            messages: Vec::new(),
            read: 0,
            replacement: String::new(),
            launches: 0,
            allocations: 0,
            next_handle: 0x1000,
        }
    }

    /// What any call needs: a device that is there.
    pub(crate) fn check_device(&self) -> Result<(), Code> {
        if self.faults.get("lose_device").is_some_and(|after| self.launches >= after) {
            return Err(DEVICE_UNAVAILABLE);
        }
        if self.initialized { Ok(()) } else { Err(NOT_INITIALIZED) }
    }

    /// What work needs besides: the context, and no kernel that has failed.
    pub(crate) fn check_context(&self, current: bool) -> Result<(), Code> {
        self.check_device()?;
        if !current || self.retained == 0 {
            return Err(INVALID_CONTEXT);
        }
        self.sticky.map_or(Ok(()), Err)
    }

    pub(crate) fn initialize(&mut self) -> Result<(), Code> {
        if self.devices() == 0 {
            return Err(NO_DEVICE);
        }
        self.initialized = true;
        Ok(())
    }

    pub(crate) fn devices(&self) -> u64 {
        self.faults.get("devices").unwrap_or(1)
    }

    pub(crate) fn note(&mut self, message: impl Into<String>) {
        self.messages.push(message.into());
    }

    /// Notes a wrong call and refuses it.
    pub(crate) fn refuse<T>(&mut self, code: Code, message: impl Into<String>) -> Result<T, Code> {
        self.note(message);
        Err(code)
    }

    pub(crate) fn allocate(&mut self, bytes: usize) -> Result<u64, Code> {
        if bytes == 0 {
            return self.refuse(INVALID_VALUE, "cuMemAlloc of 0 bytes");
        }
        self.allocations += 1;
        if self.faults.get("fail_allocation").is_some_and(|from| self.allocations >= from) {
            return Err(OUT_OF_MEMORY);
        }
        self.memory.allocate(bytes as u64).map_err(|_| OUT_OF_MEMORY)
    }

    /// Gives memory back, after the work that may still use it.
    pub(crate) fn free(&mut self, address: u64) -> Result<(), Code> {
        if address == 0 {
            return Ok(());
        }
        self.drain_all();
        self.free_now(address)
    }

    pub(crate) fn free_now(&mut self, address: u64) -> Result<(), Code> {
        match self.memory.free(address) {
            Ok(()) => Ok(()),
            Err(error) => self.refuse(INVALID_VALUE, format!("cuMemFree: {error}")),
        }
    }

    /// Whether a range lies in live memory.
    pub(crate) fn check_range(&mut self, call: &str, address: u64, bytes: usize) -> Result<(), Code> {
        match self.memory.read(address, bytes) {
            Ok(_) => Ok(()),
            Err(error) => self.refuse(INVALID_VALUE, format!("{call}: {error}")),
        }
    }

    pub(crate) fn new_handle(&mut self) -> Handle {
        self.next_handle += 0x10;
        self.next_handle
    }

    pub(crate) fn stream(&mut self, handle: Handle) -> Result<&mut Stream, Code> {
        if !self.streams.contains_key(&handle) {
            return self.refuse(INVALID_HANDLE, format!("{handle:#x} is no stream, or has been destroyed"));
        }
        self.streams.get_mut(&handle).ok_or(INVALID_HANDLE)
    }

    /// Queues work. It runs when something waits for the stream.
    pub(crate) fn submit(&mut self, stream: Handle, task: Task) -> Result<(), Code> {
        let independent = self.stream(stream)?.independent;
        // The default stream comes after all work of the streams that heed it, and before all that follows.
        if stream == NO_STREAM {
            let heeding =
                |(handle, other): (&Handle, &Stream)| (!other.independent && *handle != NO_STREAM).then_some(*handle);
            let before: Vec<Handle> = self.streams.iter().filter_map(heeding).collect();
            before.into_iter().for_each(|handle| self.drain(handle));
        } else if !independent {
            self.drain(NO_STREAM);
        }
        self.stream(stream)?.queue.push_back(task);
        Ok(())
    }

    /// Runs all work of a stream.
    pub(crate) fn drain(&mut self, handle: Handle) {
        while let Some(task) = self.streams.get_mut(&handle).and_then(|stream| stream.queue.pop_front()) {
            // After a failure the device does nothing more.
            if self.sticky.is_none() || matches!(task, Task::Mark(_)) {
                self.perform(task);
            }
        }
    }

    pub(crate) fn drain_all(&mut self) {
        let handles: Vec<Handle> = self.streams.keys().copied().collect();
        handles.into_iter().for_each(|handle| self.drain(handle));
    }

    pub(crate) fn load_module(&mut self, text: &str) -> Result<Handle, Code> {
        let handle = self.new_handle();
        let text = replace(text, &self.replacement);
        match ptx::load(&format!("module {handle:#x}"), &text, &mut self.memory) {
            Ok(program) => {
                self.modules.insert(handle, Arc::new(program));
                Ok(handle)
            }
            Err(error) => self.refuse(INVALID_PTX, format!("cuModuleLoadData: {error}")),
        }
    }

    pub(crate) fn unload_module(&mut self, handle: Handle) -> Result<(), Code> {
        self.drain_all();
        if self.modules.remove(&handle).is_none() {
            return self
                .refuse(INVALID_HANDLE, format!("cuModuleUnload: {handle:#x} is no module, or has been unloaded"));
        }
        self.functions.retain(|_, function| function.module != handle);
        Ok(())
    }

    pub(crate) fn function(&mut self, module: Handle, name: &str) -> Result<Handle, Code> {
        let Some(program) = self.modules.get(&module).cloned() else {
            return self.refuse(INVALID_HANDLE, format!("cuModuleGetFunction: {module:#x} is no module"));
        };
        if program.kernel(name).is_none() {
            return Err(NOT_FOUND);
        }
        let handle = self.new_handle();
        self.functions.insert(handle, Function { module, program, name: name.into() });
        Ok(handle)
    }

    /// Counts a launch, and says whether a fault is due.
    pub(crate) fn count_launch(&mut self) -> Result<(), Code> {
        self.launches += 1;
        let due = self.faults.get("refuse_launch") == Some(self.launches);
        if due { Err(LAUNCH_OUT_OF_RESOURCES) } else { Ok(()) }
    }

    /// Ends the device's work because of what a kernel or library did.
    pub(crate) fn fail(&mut self, code: Code, message: String) {
        self.sticky.get_or_insert(code);
        self.note(message);
    }

    pub(crate) fn fail_access(&mut self, what: &str, error: &MemoryError) {
        self.fail(ILLEGAL_ADDRESS, format!("{what}: {error}"));
    }

    /// What is alive, for a report.
    pub(crate) fn leaks(&self) -> Vec<String> {
        let mut leaks: Vec<String> = self
            .memory
            .live()
            .map(|(address, size)| format!("leak: {size} bytes of device memory at {address:#x}"))
            .collect();
        let mut count = |number: usize, what: &str| {
            if number > 0 {
                leaks.push(format!("leak: {number} {what}"));
            }
        };
        count(self.pinned.len(), "pieces of pinned host memory");
        count(self.streams.len() - 1, "streams");
        count(self.events.len(), "events");
        count(self.modules.len(), "modules");
        count(self.blas.len(), "cuBLAS handles");
        leaks
    }

    /// Messages that nobody has read, and what is alive although the context has been given up or the process ends. A device
    /// that has failed or is lost refuses to free, so nothing is said of what is left on it.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let mut complaints = self.messages[self.read..].to_vec();
        if self.initialized && self.sticky.is_none() && self.check_device().is_ok() && self.retained > 0 {
            complaints.push("leak: the context has not been released".into());
            complaints.extend(self.leaks());
        }
        complaints
    }

    /// Gives up one hold on the context; with the last one everything must be gone.
    pub(crate) fn release_context(&mut self) -> Result<(), Code> {
        if self.retained == 0 {
            return self.refuse(INVALID_CONTEXT, "cuDevicePrimaryCtxRelease of a context that nobody holds");
        }
        self.drain_all();
        self.retained -= 1;
        // A device that has failed refuses to free, so nothing is said of what is left then.
        if self.retained == 0 && self.sticky.is_none() {
            let leaks = self.leaks();
            self.messages.extend(leaks);
        }
        Ok(())
    }

    /// The code for a kernel that the checker stopped.
    pub(crate) fn code_of(fault: ptx::Fault) -> Code {
        match fault {
            ptx::Fault::OutOfBounds | ptx::Fault::UseAfterFree | ptx::Fault::ReadOnly => ILLEGAL_ADDRESS,
            ptx::Fault::Misaligned => crate::codes::MISALIGNED_ADDRESS,
            _ => LAUNCH_FAILED,
        }
    }
}
