//! Native objects that JavaScript holds: an external value that only the classes in src/library see. Freed with their holder. What an
//! external of any other addon points to is never looked at: the addresses of ours are known. Node's own way to tell them apart
//! (`napi_type_tag_object`) looks up a property of the object, through the boundary, in each call.

use std::any::TypeId;
use std::cell::{Ref, RefCell, RefMut};
use std::collections::HashMap;
use std::ffi::c_void;
use std::hash::{BuildHasherDefault, Hasher};
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

/// What an external of ours points to.
struct Held<T> {
    /// Bytes that were announced to the garbage collector.
    bytes: i64,
    object: RefCell<T>,
}

thread_local! {
    /// The type of each object that JavaScript of this thread holds, by its address. A value never goes to another thread.
    static HELD: RefCell<HashMap<usize, TypeId, BuildHasherDefault<AddressHasher>>> = RefCell::default();
}

/// Addresses are apart from each other as they are.
#[derive(Default)]
struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn write(&mut self, _: &[u8]) {
        unreachable!("addresses are hashed as numbers")
    }

    fn write_usize(&mut self, address: usize) {
        // Fibonacci hashing: the table looks at the lowest and the highest bits.
        self.0 = (address as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Hands an object to JavaScript; undefined if that takes no more.
///
/// # Safety
/// `env` is an environment of the calling thread that may be called into now.
pub unsafe fn hold<T: NativeObject>(env: sys::napi_env, object: T) -> sys::napi_value {
    let bytes = i64::try_from(object.bytes()).unwrap_or(i64::MAX);
    let object = RefCell::new(object);
    let held = Box::into_raw(Box::new(Held { bytes, object }));
    HELD.with_borrow_mut(|known| known.insert(held as usize, TypeId::of::<T>()));
    let (mut value, mut total) = (null_mut(), 0);
    // SAFETY: the caller's environment; the object is freed by `free`, once, when its holder is gone, or here, if it has none.
    unsafe {
        let status = sys::napi_create_external(env, held.cast(), Some(free::<T>), null_mut(), &raw mut value);
        if status != sys::Status::napi_ok {
            HELD.with_borrow_mut(|known| known.remove(&(held as usize)));
            drop(Box::from_raw(held));
            return null_mut();
        }
        sys::napi_adjust_external_memory(env, bytes, &raw mut total);
    }
    value
}

impl Call {
    /// Hands an object to JavaScript.
    pub fn hold<T: NativeObject>(&self, object: T) -> sys::napi_value {
        // SAFETY: the environment of a call that is running.
        unsafe { hold(self.env, object) }
    }

    /// The object that is an argument.
    pub fn held<T: NativeObject>(&self, at: usize) -> Result<Ref<'_, T>, Misuse> {
        self.object(at)?.try_borrow().map_err(|_| in_use::<T>())
    }

    /// The object that is an argument, to change.
    pub fn held_mut<T: NativeObject>(&self, at: usize) -> Result<RefMut<'_, T>, Misuse> {
        self.object(at)?.try_borrow_mut().map_err(|_| in_use::<T>())
    }

    fn object<T: NativeObject>(&self, at: usize) -> Result<&RefCell<T>, Misuse> {
        let mut pointer = null_mut::<c_void>();
        // SAFETY: the value is of this call.
        let status = unsafe { sys::napi_get_value_external(self.env, self.value(at), &raw mut pointer) };
        let kind = HELD.with_borrow(|known| known.get(&(pointer as usize)).copied());
        if status != sys::Status::napi_ok || kind != Some(TypeId::of::<T>()) {
            return Err(Misuse::Type(format!("this is not a {}", T::NAME)));
        }
        // SAFETY: an object of this type lives at this address; `free` forgets the address before it frees it, which it does not
        // while the holder is an argument of the call.
        Ok(unsafe { &(*pointer.cast::<Held<T>>()).object })
    }
}

/// Two arguments of a call are the same object, or a call is made within one.
fn in_use<T: NativeObject>() -> Misuse {
    Misuse::Type(format!("this {} is in use", T::NAME))
}

/// Frees an object whose holder is gone.
///
/// # Safety
/// Called by Node, once, with what `hold` gave it.
unsafe extern "C" fn free<T: NativeObject>(env: sys::napi_env, data: *mut c_void, _: *mut c_void) {
    // At the very end of a thread there is nobody left to ask.
    let _ = HELD.try_with(|known| known.borrow_mut().remove(&(data as usize)));
    // SAFETY: as the caller promises.
    let held = unsafe { Box::from_raw(data.cast::<Held<T>>()) };
    let mut total = 0;
    // SAFETY: `env` is the one that held it.
    unsafe { sys::napi_adjust_external_memory(env, -held.bytes, &raw mut total) };
}
