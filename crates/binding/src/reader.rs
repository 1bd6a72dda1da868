//! Synchronous reads of one key: the buffers are named once, so that a read passes two numbers and no objects. With objects
//! the passing took longer than the reading.

use std::cell::RefCell;
use std::sync::Arc;

use napi::bindgen_prelude::Uint8ArraySlice;
use napi::{Result, Status};
use napi_derive::napi;
use rafterdb_plane::Member;

use crate::direct::{Answer, Call, Misuse};
use crate::member::find;

/// Memory of an array of the caller's.
struct Memory {
    start: *mut u8,
    length: usize,
}

impl Memory {
    fn of(mut array: Uint8ArraySlice<'_>) -> Self {
        // SAFETY: no JavaScript runs before this returns, and only the address is kept.
        let bytes = unsafe { array.as_mut() };
        Self {
            start: bytes.as_mut_ptr(),
            length: bytes.len(),
        }
    }
}

struct Reader {
    member: Arc<Member>,
    request: Memory,
    into: Memory,
}

thread_local! {
    /// Readers of this thread, by number.
    static READERS: RefCell<Vec<Option<Reader>>> = const { RefCell::new(Vec::new()) };
}

/// Names the buffers of a reader; see `Port.openReader` in src/client/port.ts. The caller keeps both arrays, neither detached
/// nor resized, for as long as it calls `readKey` with the number returned, and calls it on this thread alone.
#[napi]
pub fn open_reader(member: u32, request: Uint8ArraySlice<'_>, into: Uint8ArraySlice<'_>) -> Result<u32> {
    let reader = Reader {
        member: find(member)?,
        request: Memory::of(request),
        into: Memory::of(into),
    };
    READERS.with_borrow_mut(|readers| {
        let free = readers.iter().position(Option::is_none);
        let at = free.unwrap_or_else(|| {
            readers.push(None);
            readers.len() - 1
        });
        readers[at] = Some(reader);
        u32::try_from(at).map_err(|_| napi::Error::new(Status::GenericFailure, "too many readers"))
    })
}

/// `readKey(reader, length)`: reads the key of the first `length` bytes of the request. Bytes written; −n: the result needs n.
#[allow(clippy::cast_precision_loss, reason = "lengths of memory are far below 2^53")]
pub fn read_key(call: &Call) -> Answer {
    let (reader, length) = (call.size(0, "reader", usize::MAX)?, call.size(1, "length", usize::MAX)?);
    READERS.with_borrow(|readers| {
        let found = readers.get(reader).and_then(Option::as_ref);
        let Some(Reader { member, request, into }) = found.filter(|reader| length <= reader.request.length) else {
            return Err(Misuse::Range(format!("no reader {reader} for {length} bytes is open")));
        };
        // SAFETY: whoever opened the reader keeps both arrays where they are; they are two, and no JavaScript runs before
        // this returns.
        let (request, into) = unsafe {
            (
                std::slice::from_raw_parts(request.start, length),
                std::slice::from_raw_parts_mut(into.start, into.length),
            )
        };
        Ok(call.float_value(member.read_sync(request, into) as f64))
    })
}

/// The buffers of a reader are not looked at any more.
#[napi]
pub fn close_reader(reader: u32) {
    READERS.with_borrow_mut(|readers| {
        if let Some(slot) = readers.get_mut(reader as usize) {
            *slot = None;
        }
    });
}
