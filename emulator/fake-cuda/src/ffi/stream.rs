//! Streams and events.

use super::{Need, call, put};
use crate::{
    codes::{Code, INVALID_HANDLE, INVALID_VALUE, NOT_READY},
    state::{Event, Handle, NO_STREAM, State, Stream},
    work::Task,
};

/// `CU_STREAM_NON_BLOCKING`
const NON_BLOCKING: u32 = 1;

#[unsafe(no_mangle)]
extern "C" fn cuStreamCreate(stream: *mut Handle, flags: u32) -> Code {
    call(Need::Context, |state| {
        let handle = state.new_handle();
        put(stream, handle)?;
        state.streams.insert(handle, Stream { independent: flags & NON_BLOCKING != 0, ..Stream::default() });
        Ok(())
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuStreamCreateWithPriority(stream: *mut Handle, flags: u32, _priority: i32) -> Code {
    cuStreamCreate(stream, flags)
}

#[unsafe(no_mangle)]
extern "C" fn cuStreamDestroy_v2(stream: Handle) -> Code {
    call(Need::Context, |state| {
        state.stream(stream)?;
        if stream == NO_STREAM {
            return Err(INVALID_HANDLE);
        }
        state.drain(stream);
        state.streams.remove(&stream);
        Ok(())
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuStreamSynchronize(stream: Handle) -> Code {
    call(Need::Context, |state| {
        state.stream(stream)?;
        state.drain(stream);
        state.sticky.map_or(Ok(()), Err)
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuStreamQuery(stream: Handle) -> Code {
    call(Need::Context, |state| if state.stream(stream)?.queue.is_empty() { Ok(()) } else { Err(NOT_READY) })
}

#[unsafe(no_mangle)]
extern "C" fn cuStreamWaitEvent(stream: Handle, event: Handle, _flags: u32) -> Code {
    call(Need::Context, |state| {
        let recorded_in = find(state, event)?.stream;
        if recorded_in.is_none_or(|other| other == stream) {
            return Ok(());
        }
        state.submit(stream, Task::Wait(event))
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuEventCreate(event: *mut Handle, _flags: u32) -> Code {
    call(Need::Context, |state| {
        let handle = state.new_handle();
        put(event, handle)?;
        state.events.insert(handle, Event { stream: None, reached: None });
        Ok(())
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuEventDestroy_v2(event: Handle) -> Code {
    call(Need::Context, |state| {
        find(state, event)?;
        state.reach(event);
        state.events.remove(&event);
        Ok(())
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuEventRecord(event: Handle, stream: Handle) -> Code {
    call(Need::Context, |state| {
        state.stream(stream)?;
        *find(state, event)? = Event { stream: Some(stream), reached: None };
        state.submit(stream, Task::Mark(event))
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuEventSynchronize(event: Handle) -> Code {
    call(Need::Context, |state| {
        find(state, event)?;
        state.reach(event);
        state.sticky.map_or(Ok(()), Err)
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuEventQuery(event: Handle) -> Code {
    call(Need::Context, |state| {
        let event = find(state, event)?;
        if event.stream.is_none() || event.reached.is_some() { Ok(()) } else { Err(NOT_READY) }
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuEventElapsedTime(milliseconds: *mut f32, start: Handle, end: Handle) -> Code {
    call(Need::Context, |state| {
        let start = find(state, start)?.reached.ok_or(INVALID_VALUE)?;
        let end = find(state, end)?.reached.ok_or(INVALID_VALUE)?;
        put(milliseconds, end.saturating_duration_since(start).as_secs_f32() * 1e3)
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuEventElapsedTime_v2(milliseconds: *mut f32, start: Handle, end: Handle) -> Code {
    cuEventElapsedTime(milliseconds, start, end)
}

fn find(state: &mut State, event: Handle) -> Result<&mut Event, Code> {
    if !state.events.contains_key(&event) {
        return state.refuse(INVALID_HANDLE, format!("{event:#x} is no event, or has been destroyed"));
    }
    state.events.get_mut(&event).ok_or(INVALID_HANDLE)
}
