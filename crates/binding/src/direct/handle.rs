//! Native objects that JavaScript holds: an external value that only the classes in src/library see. Freed with their holder.

use std::any::TypeId;
use std::ffi::c_void;
use std::ptr::null_mut;

use napi::sys;

use super::call::{Call, Misuse};

/// A kind of native object.
pub trait NativeObject: Sized + 'static {
    /// Its class, as users know it.
    const NAME: &'static str;

    /// Memory that it holds, bytes; tells the garbage collector what its holder is worth.
    fn bytes(&self) -> usize;
}

/// What an external of ours points to. The type comes first, so that an object is known before it is used.
#[repr(C)]
struct Tagged<T> {
    kind: TypeId,
    /// Bytes that were announced to the garbage collector.
    bytes: i64,
    object: T,
}

/// Hands an object to JavaScript.
pub fn hold<T: NativeObject>(env: sys::napi_env, object: T) -> sys::napi_value {
    let bytes = i64::try_from(object.bytes()).unwrap_or(i64::MAX);
    let tagged = Box::into_raw(Box::new(Tagged {
        kind: TypeId::of::<T>(),
        bytes,
        object,
    }));
    let (mut value, mut total) = (null_mut(), 0);
    // SAFETY: the object is freed by `free`, once, when its holder is gone.
    unsafe {
        sys::napi_create_external(env, tagged.cast(), Some(free::<T>), null_mut(), &raw mut value);
        sys::napi_adjust_external_memory(env, bytes, &raw mut total);
    }
    value
}

impl Call {
    /// Hands an object to JavaScript.
    pub fn hold<T: NativeObject>(&self, object: T) -> sys::napi_value {
        hold(self.env, object)
    }

    /// The object that is an argument.
    pub fn held<T: NativeObject>(&self, at: usize) -> Result<&T, Misuse> {
        // SAFETY: what `object` finds lives as long as its holder, which is an argument of the call, and calls do not nest.
        self.object(at).map(|object| unsafe { &*object })
    }

    /// The object that is an argument, to change. For one argument of a call, as two could be the same object.
    #[allow(
        clippy::mut_from_ref,
        reason = "the object is not part of the call, and calls do not nest"
    )]
    pub fn held_mut<T: NativeObject>(&self, at: usize) -> Result<&mut T, Misuse> {
        // SAFETY: as above, and nobody else refers to it, as its class is used on this thread alone.
        self.object(at).map(|object| unsafe { &mut *object })
    }

    fn object<T: NativeObject>(&self, at: usize) -> Result<*mut T, Misuse> {
        let mut pointer = null_mut::<c_void>();
        // SAFETY: the value is of this call.
        let status = unsafe { sys::napi_get_value_external(self.env, self.value(at), &raw mut pointer) };
        let tagged = pointer.cast::<Tagged<T>>();
        // SAFETY: externals reach only the classes of this package, and point to a `Tagged`, whose first field is the type.
        if status != sys::Status::napi_ok || tagged.is_null() || unsafe { (*tagged).kind } != TypeId::of::<T>() {
            return Err(Misuse::Type(format!("this is not a {}", T::NAME)));
        }
        // SAFETY: the type says that it is one of these.
        Ok(unsafe { &raw mut (*tagged).object })
    }
}

/// Frees an object whose holder is gone.
///
/// # Safety
/// Called by Node, once, with what `hold` gave it.
unsafe extern "C" fn free<T: NativeObject>(env: sys::napi_env, data: *mut c_void, _: *mut c_void) {
    // SAFETY: as the caller promises.
    let tagged = unsafe { Box::from_raw(data.cast::<Tagged<T>>()) };
    let mut total = 0;
    // SAFETY: `env` is the one that held it.
    unsafe { sys::napi_adjust_external_memory(env, -tagged.bytes, &raw mut total) };
}
