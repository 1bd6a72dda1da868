//! A call from JavaScript with the least between: arguments are looked at where they lie, what is wrong with them is thrown as
//! TypeError or RangeError. Measured with a 32-byte Buffer: 60 ns a call, against 175 ns through the wrapper that napi-derive
//! makes; so what is called once a value goes this way, what is called once a turn does not need to.

use std::ffi::CString;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr::null_mut;

use napi::sys;

/// Arguments of one function, at most.
const ARGUMENTS_MAX: usize = 6;

/// What is wrong with a call; thrown with code `INVALID_ARGUMENT` unless it names another.
#[derive(Debug)]
pub enum Misuse {
    /// A value of the wrong kind: a TypeError.
    Type(String),
    /// A value outside its range: a RangeError.
    Range(String),
    /// Input that is well-formed as a call, but not what the function takes: an Error with this code.
    Failed(&'static str, String),
}

impl From<napi::Error> for Misuse {
    fn from(error: napi::Error) -> Self {
        Self::Failed("INTERNAL", error.reason.clone())
    }
}

/// What a function returns to JavaScript.
pub type Answer = Result<sys::napi_value, Misuse>;

/// The arguments of a call. Borrowed bytes live as long as the call: no JavaScript runs before it returns.
pub struct Call {
    pub env: sys::napi_env,
    pub(super) values: [sys::napi_value; ARGUMENTS_MAX],
    pub(super) count: usize,
}

impl Call {
    /// Runs `function` for a call from JavaScript.
    ///
    /// # Safety
    /// `env` and `info` are those of a callback that is running.
    pub unsafe fn run(
        env: sys::napi_env,
        info: sys::napi_callback_info,
        function: fn(&Self) -> Answer,
    ) -> sys::napi_value {
        let mut call = Self {
            env,
            values: [null_mut(); ARGUMENTS_MAX],
            count: ARGUMENTS_MAX,
        };
        // SAFETY: the room for arguments is as long as `count` says; absent ones are filled with undefined.
        unsafe {
            sys::napi_get_cb_info(
                env,
                info,
                &raw mut call.count,
                call.values.as_mut_ptr(),
                null_mut(),
                null_mut(),
            );
        }
        match catch_unwind(AssertUnwindSafe(|| function(&call))) {
            Ok(Ok(value)) => value,
            Ok(Err(misuse)) => call.throw(&misuse),
            Err(_) => call.throw(&Misuse::Failed(
                "INTERNAL",
                "an invariant is broken; stderr has it".to_owned(),
            )),
        }
    }

    fn throw(&self, misuse: &Misuse) -> sys::napi_value {
        let (code, text) = match misuse {
            Misuse::Type(text) | Misuse::Range(text) => ("INVALID_ARGUMENT", text),
            Misuse::Failed(code, text) => (*code, text),
        };
        let code = CString::new(code).unwrap_or_default();
        let text = CString::new(text.replace('\0', "\\0")).unwrap_or_default();
        // SAFETY: both are strings that end in a zero byte, copied before the call returns.
        unsafe {
            match misuse {
                Misuse::Type(_) => sys::napi_throw_type_error(self.env, code.as_ptr(), text.as_ptr()),
                Misuse::Range(_) => sys::napi_throw_range_error(self.env, code.as_ptr(), text.as_ptr()),
                Misuse::Failed(..) => sys::napi_throw_error(self.env, code.as_ptr(), text.as_ptr()),
            };
        }
        null_mut()
    }
}

/// Makes `function` one of the addon's functions.
///
/// # Safety
/// `env` and `exports` are those of the addon that is being loaded.
pub unsafe fn export(
    env: sys::napi_env,
    exports: sys::napi_value,
    name: &str,
    function: unsafe extern "C" fn(sys::napi_env, sys::napi_callback_info) -> sys::napi_value,
) {
    let mut value = null_mut();
    let terminated = CString::new(name).unwrap_or_default();
    // SAFETY: the name is copied; the function lives as long as the addon.
    unsafe {
        sys::napi_create_function(
            env,
            name.as_ptr().cast(),
            name.len().cast_signed(),
            Some(function),
            null_mut(),
            &raw mut value,
        );
        sys::napi_set_named_property(env, exports, terminated.as_ptr(), value);
    }
}
