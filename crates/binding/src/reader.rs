//! Synchronous reads of one key: the buffers are named once, so that a read passes two numbers and no objects. With objects
//! the passing took longer than the reading.

use std::cell::RefCell;
use std::ptr::null_mut;
use std::sync::Arc;

use napi::sys;
use rafterdb_plane::Member;

use crate::direct::{Answer, Call, Kept, Misuse};
use crate::member::find;

struct Reader {
    /// The environment that opened it, which alone may use it.
    env: sys::napi_env,
    member: Arc<Member>,
    request: Kept,
    into: Kept,
}

thread_local! {
    /// Readers of this thread, by number.
    static READERS: RefCell<Vec<Option<Reader>>> = const { RefCell::new(Vec::new()) };
}

/// `openReader(member, request, into)`: names the buffers of a reader, which lie apart; see `Port.openReader` in src/client/port.ts.
/// They live until `closeReader`; should the caller transfer or shrink one meanwhile, reads are refused.
pub fn open_reader(call: &Call) -> Answer {
    let member = find(call.u32(0, "member")?)?;
    let (request, into) = (call.byte_view(1, "request")?, call.byte_view(2, "into")?);
    call.distinct(into, &[request])?;
    let reader = Reader {
        env: call.env,
        member,
        request: call.keep(1, request)?,
        into: call.keep(2, into)?,
    };
    let at = READERS.with_borrow_mut(|readers| {
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
        let found = readers.get(reader).and_then(Option::as_ref);
        let Some(Reader {
            member, request, into, ..
        }) = found.filter(|found| found.env == call.env)
        else {
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
        let slot = readers.get_mut(reader)?;
        slot.take_if(|found| found.env == call.env)
    });
    if let Some(Reader { request, into, .. }) = closed {
        request.let_go(call);
        into.let_go(call);
    }
    Ok(null_mut())
}
