//! Synchronous reads of one key: the memory is named once, so that a read passes one number and no objects. With objects
//! the passing took longer than the reading. It is one array for results and requests, as each array has to be looked at.

use std::cell::RefCell;
use std::ptr::null_mut;
use std::sync::Arc;

use napi::{sys, Env};
use rafterdb_plane::Member;

use crate::direct::{Answer, Call, Kept, Misuse};
use crate::open_members::find;

/// A reader, for the environment that opened it alone.
struct Reader {
    member: Arc<Member>,
    memory: Kept,
    /// Bytes at the start of the memory, for results; the request lies behind them.
    result_bytes: usize,
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
            slot.take_if(|reader| reader.memory.is_of_environment(env));
        }
    });
}

/// `openReader(member, memory, resultBytes)`: names the memory of a reader; see `Port.openReader` in src/client/connection/port.ts. It lives
/// until `closeReader`; should the caller transfer or shrink it meanwhile, reads are refused.
pub fn open_reader(call: &Call) -> Answer {
    let member = find(call.u32(0, "member")?)?;
    let memory = call.byte_view(1, "memory")?;
    let result_bytes = call.size(2, "resultBytes", memory.bytes())?;
    see_end(call)?;
    let reader = Reader {
        member,
        memory: call.keep(1, memory)?,
        result_bytes,
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

/// `readKey(reader)`: reads the key of the request, which says how long it is. Bytes written; −n: the result needs n.
#[allow(clippy::cast_precision_loss, reason = "lengths of memory are far below 2^53")]
pub fn read_key(call: &Call) -> Answer {
    let reader = call.size(0, "reader", usize::MAX)?;
    READERS.with_borrow(|readers| {
        let found = readers.by_number.get(reader).and_then(Option::as_ref);
        let Some(found) = found.filter(|found| found.memory.is_of(call)) else {
            return Err(Misuse::Range(format!("no reader {reader} is open")));
        };
        let Some(memory) = found.memory.view(call) else {
            return Err(Misuse::Type(format!(
                "the memory of reader {reader} was transferred or shrunk"
            )));
        };
        // SAFETY: the only view of this call, and no JavaScript runs before it returns.
        let (into, request) = unsafe { memory.slice_mut::<u8>() }.split_at_mut(found.result_bytes);
        Ok(call.float_value(found.member.read_sync(request, into) as f64))
    })
}

/// `closeReader(reader)`: its memory is not looked at any more.
pub fn close_reader(call: &Call) -> Answer {
    let reader = call.size(0, "reader", usize::MAX)?;
    let closed = READERS.with_borrow_mut(|readers| {
        let slot = readers.by_number.get_mut(reader)?;
        slot.take_if(|found| found.memory.is_of(call))
    });
    if let Some(Reader { memory, .. }) = closed {
        memory.let_go(call);
    }
    Ok(null_mut())
}
