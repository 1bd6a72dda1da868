//! A member's life: open, exchange, close.

use std::sync::Arc;
use std::time::Duration;

use napi::bindgen_prelude::{FnArgs, Function, Object};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Result, Status};
use napi_derive::napi;
use rafterdb_codec::Code;
use rafterdb_plane::{Config, Member, PlaneError};

use crate::direct::{Answer, Call};
use crate::environment::{closed, Environment, Opening};
use crate::error::error_json;
use crate::open_members::{find, forget, insert, next_number};
use crate::promise::on_thread;

type LogLine = ThreadsafeFunction<String, (), String, Status, false, true>;
type Fatal = ThreadsafeFunction<FnArgs<(String, String)>, (), FnArgs<(String, String)>, Status, false, true>;

/// Opens a member: recovery may take seconds. `opening`: for the environment whose end closes it; none for the main thread's, with
/// which the process ends. Returns what the caller is told, as JSON.
fn open(config: &str, opening: Option<&Opening>, on_fatal: Fatal, on_log: LogLine) -> String {
    let tell_fatal = Box::new(move |error: &PlaneError| {
        let arguments = FnArgs::from((error.code.name().to_owned(), error.text.clone()));
        on_fatal.call(arguments, ThreadsafeFunctionCallMode::NonBlocking);
    });
    let log = Arc::new(move |text: &str| {
        on_log.call(text.to_owned(), ThreadsafeFunctionCallMode::NonBlocking);
    });
    match Config::parse(config).and_then(|config| Member::open(config, tell_fatal, log)) {
        Ok(member) => {
            let number = next_number();
            let info = member.info(number);
            insert(number, member);
            if let Some(opening) = opening {
                opening.opened(number);
            }
            info
        }
        Err(error) => error_json(&error),
    }
}

/// Opens a member; `on_log` takes lines for its log. `in_worker`: the calling thread is a worker, with whose end the member is closed.
/// Resolves to JSON: `{"member", "id", "clusterId", "members", …}`, or `{"code", "text"}`.
#[napi]
pub fn open_member<'env>(
    env: &'env Env,
    config: String,
    on_fatal: Function<'_, FnArgs<(String, String)>, ()>,
    on_log: Function<'_, String, ()>,
    in_worker: bool,
) -> Result<Object<'env>> {
    let environment = in_worker.then(|| Environment::current(env)).transpose()?;
    let on_fatal = on_fatal
        .build_threadsafe_function()
        .callee_handled::<false>()
        .weak::<true>()
        .build()?;
    let on_log = on_log
        .build_threadsafe_function()
        .callee_handled::<false>()
        .weak::<true>()
        .build()?;
    let opening = environment.as_ref().map(Environment::opening);
    on_thread(env, "open", move || open(&config, opening.as_ref(), on_fatal, on_log))
}

/// `exchange(member, commands, length, events, timeoutMs)`: one exchange with the Raft core; see crates/codec/FORMATS.md. Blocks
/// the calling thread up to `timeoutMs`. Throws if an invariant is broken; the worker then ends, and `failMember` is called.
pub fn exchange(call: &Call) -> Answer {
    let member = find(call.u32(0, "member")?)?;
    let (commands, events) = (call.f64_view(1, "commands")?, call.f64_view(3, "events")?);
    call.distinct(events, &[commands])?;
    // SAFETY: two arrays of this call, apart from each other.
    let (commands, events) = unsafe { (commands.slice::<f64>(), events.slice_mut::<f64>()) };
    let length = call.size(2, "length", commands.len())?;
    let timeout = Duration::try_from_secs_f64(call.float(4, "timeoutMs", 0.0, f64::MAX)? / 1e3).unwrap_or_default();
    let used = member.exchange(&commands[..length], events, timeout);
    Ok(call.size_value(used))
}

/// Stops a member whose Raft worker is gone.
#[napi]
pub fn fail_member(member: u32, text: String) -> Result<()> {
    find(member)?.fail(PlaneError::new(Code::Internal, text));
    Ok(())
}

/// Counters of a member as JSON.
#[napi]
pub fn member_counters(member: u32) -> Result<String> {
    Ok(find(member)?.counters_json())
}

/// Tells the worker to stop: its next exchange returns a CLOSE event.
#[napi]
pub fn stop_member(member: u32) -> Result<()> {
    find(member)?.stop_worker();
    Ok(())
}

/// Writes out what is queued, joins the threads and forgets the member. The worker should have stopped. Resolves to JSON: `{}`, or
/// `{"code", "text"}` if the disk hangs and that was given up.
#[napi]
pub fn close_member(env: &Env, member: u32) -> Result<Object<'_>> {
    let found = find(member)?;
    forget(member);
    closed(member);
    on_thread(env, "close", move || {
        found
            .close()
            .map_or_else(|error| error_json(&error), |()| "{}".to_owned())
    })
}
