//! Promises whose work is done elsewhere: on a thread of its own, or by whoever holds the other end. Nothing of ours runs on
//! libuv's pool: its few threads are the app's, for files, names and hashes, and what waits there for a disk or a peer stops those.

use napi::bindgen_prelude::{Object, ToNapiValue};
use napi::{Env, JsDeferred, Result};
use rafterdb_codec::Code;
use rafterdb_plane::PlaneError;

use crate::error::error_json;

type Resolver<T> = Box<dyn FnOnce(Env) -> Result<T> + Send>;

/// The end of a promise that is kept: whoever has it resolves it, once, from any thread.
pub struct Promised<T: ToNapiValue + 'static>(JsDeferred<T, Resolver<T>>);

impl<T: ToNapiValue + Send + 'static> Promised<T> {
    /// A promise, which keeps the process alive until it is resolved, and its end.
    pub fn new(env: &Env) -> Result<(Self, Object<'_>)> {
        let (deferred, promise) = env.create_deferred()?;
        Ok((Self(deferred), promise))
    }

    /// Resolves the promise, unless its environment has ended.
    pub fn resolve(self, value: T) {
        self.0.resolve(Box::new(move |_| Ok(value)));
    }
}

/// Runs `work` on a thread of its own, and resolves with what it returns: JSON. `IO` as JSON if there can be no more threads.
pub fn on_thread<'env>(
    env: &'env Env,
    name: &str,
    work: impl FnOnce() -> String + Send + 'static,
) -> Result<Object<'env>> {
    let (promised, promise) = Promised::new(env)?;
    // Shared, as a thread that cannot be started takes what it was given with it.
    let slot = std::sync::Arc::new(parking_lot::Mutex::new(Some((promised, work))));
    let body = {
        let slot = slot.clone();
        move || {
            if let Some((promised, work)) = slot.lock().take() {
                promised.resolve(guarded(work));
            }
        }
    };
    let spawned = rafterdb_fault::point("thread.start")
        .and_then(|()| std::thread::Builder::new().name(format!("rafterdb-{name}")).spawn(body));
    if let Err(error) = spawned {
        let error = PlaneError::new(Code::Io, format!("cannot start a thread to {name} the member: {error}"));
        if let Some((promised, _)) = slot.lock().take() {
            promised.resolve(error_json(&error));
        }
    }
    Ok(promise)
}

/// What `work` returns; a broken invariant in it as an error: a promise that is never settled would be worse.
fn guarded(work: impl FnOnce() -> String) -> String {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or_else(|_| {
        let text = "a bug in rafterdb: a broken invariant ended this call; see the message before it";
        error_json(&PlaneError::new(Code::Internal, text.to_owned()))
    })
}
