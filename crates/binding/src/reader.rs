//! Synchronous reads of one key: the buffers are named once, so that a read passes two numbers and no objects. With objects
//! the passing took longer than the reading.

use std::cell::RefCell;
use std::ptr::null_mut;
use std::sync::Arc;

use napi::{sys, Env};
use rafterdb_plane::Member;

use crate::direct::{Answer, Call, Kept, Misuse};
use crate::member::find;

/// A reader, for the environment that opened it alone.
struct Reader {
    member: Arc<Member>,
    request: Kept,
    into: Kept,
}

#[derive(Default)]
struct Readers {
    by_number: Vec<Option<Reader>>,
    /// The environments that have opened some, whose end is seen: the next may get the address of one that has ended.
    seen: Vec<sys::napi_env>,
}

thread_local! {
    /// Readers of this thread.
    static READERS: RefCell<Readers> = RefCell::default();
}

/// Has the readers of this environment go when it ends.
fn see_end(call: &Call) -> Result<(), Misuse> {
    let env = call.env;
    READERS.with_borrow_mut(|readers| {
        if !readers.seen.contains(&env) {
            Env::from_raw(env).add_env_cleanup_hook((), move |()| forget(env))?;
            readers.seen.push(env);
        }
        Ok(())
    })
}

/// An environment ends, and lets go by itself of what its readers kept.
fn forget(env: sys::napi_env) {
    // At the very end of a thread they are gone.
    let _ = READERS.try_with(|readers| {
        let Readers { by_number, seen } = &mut *readers.borrow_mut();
        seen.retain(|other| *other != env);
        for slot in by_number {
            slot.take_if(|reader| reader.request.is_of_environment(env));
        }
    });
}

/// `openReader(member, request, into)`: names the buffers of a reader, which lie apart; see `Port.openReader` in src/client/connection/port.ts.
/// They live until `closeReader`; should the caller transfer or shrink one meanwhile, reads are refused.
pub fn open_reader(call: &Call) -> Answer {
    let member = find(call.u32(0, "member")?)?;
    let (request, into) = (call.byte_view(1, "request")?, call.byte_view(2, "into")?);
    call.distinct(into, &[request])?;
    see_end(call)?;
    let reader = Reader {
        member,
        request: call.keep(1, request)?,
        into: call.keep(2, into)?,
    };
    let at = READERS.with_borrow_mut(|readers| {
        let readers = &mut readers.by_number;
        let free = readers.iter().position(Option::is_none);
        let at = free.unwrap_or_else(|| {
            readers.push(None);
            readers.len() - 1
        });
        readers[at] = Some(reader);
        at
    });
    Ok(call.size_value(at))
}

/// `readKey(reader, length)`: reads the key of the first `length` bytes of the request. Bytes written; −n: the result needs n.
#[allow(clippy::cast_precision_loss, reason = "lengths of memory are far below 2^53")]
pub fn read_key(call: &Call) -> Answer {
    let (reader, length) = (call.size(0, "reader", usize::MAX)?, call.size(1, "length", usize::MAX)?);
    READERS.with_borrow(|readers| {
        let found = readers.by_number.get(reader).and_then(Option::as_ref);
        let Some(Reader { member, request, into }) = found.filter(|found| found.request.is_of(call)) else {
            return Err(Misuse::Range(format!("no reader {reader} is open")));
        };
        let (Some(request), Some(into)) = (request.view(call), into.view(call)) else {
            return Err(Misuse::Type(format!(
                "a buffer of reader {reader} was transferred or shrunk"
            )));
        };
        // SAFETY: two views of this call, which were found apart from each other when they were named.
        let (request, into) = unsafe { (request.slice::<u8>(), into.slice_mut::<u8>()) };
        let Some(request) = request.get(..length) else {
            return Err(Misuse::Range(format!("reader {reader} has no room for {length} bytes")));
        };
        Ok(call.float_value(member.read_sync(request, into) as f64))
    })
}

/// `closeReader(reader)`: its buffers are not looked at any more.
pub fn close_reader(call: &Call) -> Answer {
    let reader = call.size(0, "reader", usize::MAX)?;
    let closed = READERS.with_borrow_mut(|readers| {
        let slot = readers.by_number.get_mut(reader)?;
        slot.take_if(|found| found.request.is_of(call))
    });
    if let Some(Reader { request, into, .. }) = closed {
        request.let_go(call);
        into.let_go(call);
    }
    Ok(null_mut())
}
