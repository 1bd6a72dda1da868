//! What a call returns: numbers, strings, Buffers and typed arrays, made in the memory of JavaScript.

use std::ffi::c_void;
use std::ptr::null_mut;

use napi::sys;

use super::call::{Answer, Call, Misuse};
use super::view::Plain;

impl Call {
    /// A number for JavaScript.
    #[inline]
    pub fn float_value(&self, number: f64) -> sys::napi_value {
        let mut value = null_mut();
        // SAFETY: a new value of this call.
        unsafe { sys::napi_create_double(self.env, number, &raw mut value) };
        value
    }

    /// A number for JavaScript.
    #[inline]
    pub fn u32_value(&self, number: u32) -> sys::napi_value {
        let mut value = null_mut();
        // SAFETY: a new value of this call.
        unsafe { sys::napi_create_uint32(self.env, number, &raw mut value) };
        value
    }

    /// A bigint of 64 bits.
    pub fn u64_value(&self, number: u64) -> sys::napi_value {
        let mut value = null_mut();
        // SAFETY: a new value of this call.
        unsafe { sys::napi_create_bigint_uint64(self.env, number, &raw mut value) };
        value
    }

    /// A bigint of 128 bits, the lower word first.
    pub fn u128_value(&self, words: [u64; 2]) -> sys::napi_value {
        let mut value = null_mut();
        // SAFETY: a new value of this call, from as many words as are there.
        unsafe { sys::napi_create_bigint_words(self.env, 0, words.len(), words.as_ptr(), &raw mut value) };
        value
    }

    /// A string for JavaScript.
    pub fn text_value(&self, text: &str) -> sys::napi_value {
        let mut value = null_mut();
        // SAFETY: the bytes are UTF-8 and copied.
        unsafe {
            sys::napi_create_string_utf8(self.env, text.as_ptr().cast(), text.len().cast_signed(), &raw mut value);
        }
        value
    }

    /// A Buffer with a copy of `bytes`.
    pub fn buffer_value(&self, bytes: &[u8]) -> Answer {
        let mut value = null_mut();
        // SAFETY: so many bytes are read.
        let status = unsafe {
            sys::napi_create_buffer_copy(self.env, bytes.len(), bytes.as_ptr().cast(), null_mut(), &raw mut value)
        };
        if status == sys::Status::napi_ok {
            Ok(value)
        } else {
            Err(Misuse::Range(format!(
                "Node has no room for a Buffer of {} bytes",
                bytes.len()
            )))
        }
    }

    /// No value.
    pub const fn nothing(&self) -> sys::napi_value {
        null_mut()
    }

    /// A length or count for JavaScript.
    #[allow(clippy::cast_precision_loss, reason = "lengths of memory are far below 2^53")]
    pub fn size_value(&self, size: usize) -> sys::napi_value {
        self.float_value(size as f64)
    }

    /// A new Buffer that `fill` writes: all of it, as its memory holds whatever Node left there. What is not filled is not returned.
    pub fn filled_buffer(&self, bytes: usize, fill: impl FnOnce(&mut [u8]) -> Result<usize, Misuse>) -> Answer {
        let (mut value, mut data) = (null_mut(), null_mut::<c_void>());
        // SAFETY: a new value of this call.
        let status = unsafe { sys::napi_create_buffer(self.env, bytes, &raw mut data, &raw mut value) };
        if status != sys::Status::napi_ok {
            return Err(Misuse::Range(format!("Node has no room for a Buffer of {bytes} bytes")));
        }
        let room: &mut [u8] = if bytes == 0 {
            &mut []
        } else {
            // SAFETY: the memory is new, as long as was asked for, and lives as long as the call. It comes from Node's allocator, so
            // that its bytes have some value; clearing it first took a twentieth of the time to decompress 64 KiB into it.
            unsafe { std::slice::from_raw_parts_mut(data.cast::<u8>(), bytes) }
        };
        let written = fill(room)?;
        assert_eq!(written, bytes, "a new buffer is filled");
        Ok(value)
    }

    /// A new typed array of the kind that holds such numbers.
    pub fn numbers<T: Plain>(&self, kind: i32, numbers: &[T]) -> Answer {
        let (mut memory, mut data, mut value) = (null_mut(), null_mut::<c_void>(), null_mut());
        let bytes = size_of_val(numbers);
        // SAFETY: a new ArrayBuffer of so many bytes, filled, then a view of all of it.
        unsafe {
            if sys::napi_create_arraybuffer(self.env, bytes, &raw mut data, &raw mut memory) != sys::Status::napi_ok {
                return Err(Misuse::Range(format!("Node has no room for an array of {bytes} bytes")));
            }
            if bytes > 0 {
                data.copy_from_nonoverlapping(numbers.as_ptr().cast(), bytes);
            }
            sys::napi_create_typedarray(self.env, kind, numbers.len(), memory, 0, &raw mut value);
        }
        Ok(value)
    }

    /// An array of `values`.
    pub fn array(&self, values: &[sys::napi_value]) -> Answer {
        let mut array = null_mut();
        // SAFETY: values of this call.
        unsafe {
            sys::napi_create_array_with_length(self.env, values.len(), &raw mut array);
            for (i, value) in (0..).zip(values) {
                sys::napi_set_element(self.env, array, i, *value);
            }
        }
        Ok(array)
    }
}
