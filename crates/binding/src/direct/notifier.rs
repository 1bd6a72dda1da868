//! Calls a function of JavaScript from any thread, without arguments and without allocating: napi-rs boxes what it passes, once a
//! call. Knows nothing of why.

use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::Arc;

use napi::{sys, Error, Result, Status};
use parking_lot::RwLock;

/// The function, until its environment ends or the last notifier goes.
type Function = RwLock<Option<Raw>>;

struct Raw(sys::napi_threadsafe_function);

// SAFETY: Node-API takes a threadsafe function from any thread, as long as it is not finalized; see `ended`.
unsafe impl Send for Raw {}
// SAFETY: as above.
unsafe impl Sync for Raw {}

/// Calls the function soon, on its own thread. Does not keep the process alive.
pub struct Notifier(Arc<Function>);

impl Notifier {
    /// A notifier of `function`; an error if it is none.
    ///
    /// # Safety
    /// `env` is that of a call that is running, `function` a value of it.
    pub unsafe fn new(env: sys::napi_env, function: sys::napi_value) -> Result<Self> {
        let shared: Arc<Function> = Arc::default();
        let (name, mut label, mut raw) = ("rafterdb", null_mut(), null_mut());
        let told = Arc::into_raw(Arc::clone(&shared)).cast_mut().cast::<c_void>();
        // SAFETY: as the caller promises; `ended` takes back what it is told, once.
        let status = unsafe {
            sys::napi_create_string_utf8(env, name.as_ptr().cast(), name.len().cast_signed(), &raw mut label);
            sys::napi_create_threadsafe_function(
                env,
                function,
                null_mut(),
                label,
                0,
                1,
                told,
                Some(ended),
                null_mut(),
                Some(call),
                &raw mut raw,
            )
        };
        if status != sys::Status::napi_ok {
            // SAFETY: nobody took it.
            drop(unsafe { Arc::from_raw(told.cast::<Function>()) });
            return Err(Error::new(Status::from(status), "notify must be a function"));
        }
        // SAFETY: just made, on this thread.
        unsafe { sys::napi_unref_threadsafe_function(env, raw) };
        *shared.write() = Some(Raw(raw));
        Ok(Self(shared))
    }

    /// Has the function called, unless its environment has ended.
    pub fn notify(&self) {
        if let Some(Raw(raw)) = &*self.0.read() {
            // SAFETY: not finalized while the lock is held, see `ended`.
            unsafe {
                sys::napi_call_threadsafe_function(*raw, null_mut(), sys::ThreadsafeFunctionCallMode::nonblocking)
            };
        }
    }
}

impl Drop for Notifier {
    fn drop(&mut self) {
        if let Some(Raw(raw)) = self.0.write().take() {
            // SAFETY: not finalized, as `ended` would have taken it; given up once.
            unsafe { sys::napi_release_threadsafe_function(raw, sys::ThreadsafeFunctionReleaseMode::release) };
        }
    }
}

/// Node's word that the function is about to go: nobody calls it from here on.
unsafe extern "C" fn ended(_: sys::napi_env, told: *mut c_void, _: *mut c_void) {
    // SAFETY: what `new` gave, taken back once.
    let shared = unsafe { Arc::from_raw(told.cast::<Function>()) };
    shared.write().take();
}

/// The call, on the function's own thread. What it throws is an uncaught exception.
unsafe extern "C" fn call(env: sys::napi_env, function: sys::napi_value, _: *mut c_void, _: *mut c_void) {
    // Both are null while the environment ends.
    if env.is_null() || function.is_null() {
        return;
    }
    let (mut this, mut result, mut thrown) = (null_mut(), null_mut(), null_mut());
    // SAFETY: Node calls this on the thread of `env`.
    unsafe {
        sys::napi_get_undefined(env, &raw mut this);
        let status = sys::napi_call_function(env, this, function, 0, null_mut(), &raw mut result);
        if status == sys::Status::napi_pending_exception {
            sys::napi_get_and_clear_last_exception(env, &raw mut thrown);
            sys::napi_fatal_exception(env, thrown);
        }
    }
}
