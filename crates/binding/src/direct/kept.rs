//! Memory of JavaScript that is used by more calls than the one it was an argument of. Knows nothing of what is in it.

use std::ffi::c_void;
use std::marker::PhantomData;
use std::ptr::null_mut;

use napi::sys;

use super::call::{Call, Misuse};
use super::view::View;

/// A view that later calls look at again. Its ArrayBuffer lives until it is let go, but stays JavaScript's, which may transfer or
/// shrink it between two calls: so each call looks whether it is still there.
pub struct Kept {
    /// The environment that has the reference, which is never looked at in another.
    env: sys::napi_env,
    buffer: sys::napi_ref,
    kind: i32,
    start: *mut u8,
    bytes: usize,
}

impl Call {
    /// Keeps the typed array that is argument `at`, of which `view` is the memory.
    pub fn keep(&self, at: usize, view: View<'_>) -> Result<Kept, Misuse> {
        let (mut memory, mut buffer) = (null_mut(), null_mut());
        // SAFETY: the value is of this call, the places to write to are ours.
        let status = unsafe {
            sys::napi_get_typedarray_info(
                self.env,
                self.value(at),
                null_mut(),
                null_mut(),
                null_mut(),
                &raw mut memory,
                null_mut(),
            )
        };
        if status == sys::Status::napi_ok {
            // SAFETY: the ArrayBuffer of the array.
            let status = unsafe { sys::napi_create_reference(self.env, memory, 1, &raw mut buffer) };
            if status == sys::Status::napi_ok {
                let (env, View { kind, start, bytes, .. }) = (self.env, view);
                return Ok(Kept {
                    env,
                    buffer,
                    kind,
                    start,
                    bytes,
                });
            }
        }
        Err(Misuse::Type("this memory cannot be kept".to_owned()))
    }
}

impl Kept {
    /// Whether it was kept in the environment of this call.
    #[inline]
    pub fn is_of(&self, call: &Call) -> bool {
        self.is_of_environment(call.env)
    }

    pub fn is_of_environment(&self, env: sys::napi_env) -> bool {
        self.env == env
    }

    /// The view, for the length of this call; `None` if its memory is there no more, or of another environment.
    #[inline]
    pub fn view<'call>(&self, call: &'call Call) -> Option<View<'call>> {
        if !self.is_of(call) {
            return None;
        }
        let (mut memory, mut data, mut bytes) = (null_mut(), null_mut::<c_void>(), 0usize);
        // SAFETY: the reference is of this environment, and not let go yet, as that takes `self`; the places to write to are ours.
        let status = unsafe {
            sys::napi_get_reference_value(call.env, self.buffer, &raw mut memory);
            sys::napi_get_arraybuffer_info(call.env, memory, &raw mut data, &raw mut bytes)
        };
        let (start, end) = (self.start as usize, self.start as usize + self.bytes);
        let is_there = status == sys::Status::napi_ok && data as usize <= start && end <= data as usize + bytes;
        is_there.then_some(View {
            kind: self.kind,
            start: self.start,
            bytes: self.bytes,
            of: PhantomData,
        })
    }

    /// Lets the memory go. If its environment has ended, that was done.
    pub fn let_go(self, call: &Call) {
        if self.is_of(call) {
            // SAFETY: made in this environment, and deleted once.
            unsafe { sys::napi_delete_reference(call.env, self.buffer) };
        }
    }
}
