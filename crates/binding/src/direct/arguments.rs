//! The arguments of a call: bytes, numbers and typed arrays, looked at where they lie; what is wrong with one is a `Misuse`.

use std::ffi::c_void;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr::null_mut;

use napi::sys;

use super::call::{Call, Misuse};
use super::view::{element_bytes, View, DATA_VIEW};

/// Bytes of a string that are converted on the stack; longer ones take a buffer of the heap.
const TEXT_STACK_BYTES: usize = 1024;

/// Numbers up to here are whole and exact in JavaScript.
const SAFE_INTEGER_MAX: u64 = 9_007_199_254_740_991;

/// Room for the bytes of a string.
pub struct Text {
    stack: [MaybeUninit<u8>; TEXT_STACK_BYTES],
    heap: Vec<u8>,
}

impl Text {
    pub fn new() -> Self {
        Self {
            stack: [const { MaybeUninit::uninit() }; TEXT_STACK_BYTES],
            heap: Vec::new(),
        }
    }
}

impl Call {
    /// The argument at `at`, as it came.
    pub fn value(&self, at: usize) -> sys::napi_value {
        self.values[at]
    }

    /// Whether the argument was left out, or is undefined.
    pub fn is_absent(&self, at: usize) -> bool {
        at >= self.count || self.type_of(self.values[at]) == sys::ValueType::napi_undefined
    }

    fn type_of(&self, value: sys::napi_value) -> i32 {
        let mut kind = 0;
        // SAFETY: `value` is of this call.
        unsafe { sys::napi_typeof(self.env, value, &raw mut kind) };
        kind
    }

    /// A TypeError that says what an argument must be.
    pub fn must_be(&self, at: usize, name: &str, what: &str) -> Misuse {
        self.is_not(self.values[at], name, what)
    }

    fn is_not(&self, value: sys::napi_value, name: &str, what: &str) -> Misuse {
        let got = match self.type_of(value) {
            sys::ValueType::napi_undefined => "undefined",
            sys::ValueType::napi_null => "null",
            sys::ValueType::napi_boolean => "a boolean",
            sys::ValueType::napi_number => "a number",
            sys::ValueType::napi_string => "a string",
            sys::ValueType::napi_symbol => "a symbol",
            sys::ValueType::napi_function => "a function",
            sys::ValueType::napi_bigint => "a bigint",
            _ => "another object",
        };
        Misuse::Type(format!("{name} must be {what}, not {got}"))
    }

    /// The memory of a typed array or DataView; `None` if the argument is neither. Shared or detached memory is a TypeError.
    pub fn view(&self, at: usize, name: &str) -> Result<Option<View<'_>>, Misuse> {
        self.view_of(self.values[at], name)
    }

    fn view_of(&self, value: sys::napi_value, name: &str) -> Result<Option<View<'_>>, Misuse> {
        match self.typed_array(value, name)? {
            None => self.data_view(value, name),
            found => Ok(found),
        }
    }

    #[inline]
    fn typed_array(&self, value: sys::napi_value, name: &str) -> Result<Option<View<'_>>, Misuse> {
        let (mut kind, mut length, mut data, mut buffer) = (0, 0usize, null_mut::<c_void>(), null_mut());
        // SAFETY: the value is of this call, the places to write to are ours.
        let status = unsafe {
            sys::napi_get_typedarray_info(
                self.env,
                value,
                &raw mut kind,
                &raw mut length,
                &raw mut data,
                &raw mut buffer,
                null_mut(),
            )
        };
        if status != sys::Status::napi_ok {
            return Ok(None);
        }
        let element = element_bytes(kind).ok_or_else(|| self.is_not(value, name, "a typed array of known elements"))?;
        self.check_memory(buffer, length, name)?;
        Ok(Some(View {
            kind,
            start: data.cast(),
            bytes: length * element,
            of: PhantomData,
        }))
    }

    fn data_view(&self, value: sys::napi_value, name: &str) -> Result<Option<View<'_>>, Misuse> {
        let (mut length, mut data, mut buffer) = (0usize, null_mut::<c_void>(), null_mut());
        // SAFETY: as above.
        let status = unsafe {
            sys::napi_get_dataview_info(
                self.env,
                value,
                &raw mut length,
                &raw mut data,
                &raw mut buffer,
                null_mut(),
            )
        };
        if status != sys::Status::napi_ok {
            return Ok(None);
        }
        self.check_memory(buffer, length, name)?;
        Ok(Some(View {
            kind: DATA_VIEW,
            start: data.cast(),
            bytes: length,
            of: PhantomData,
        }))
    }

    /// The memory of each element of an array of typed arrays and DataViews; `None` if the argument is no array.
    pub fn views(&self, at: usize, name: &str) -> Result<Option<Vec<View<'_>>>, Misuse> {
        let Some(elements) = self.elements(at) else {
            return Ok(None);
        };
        let piece = |(i, element): (usize, sys::napi_value)| {
            let name = format!("{name}[{i}]");
            let view = self.view_of(element, &name)?;
            view.ok_or_else(|| self.is_not(element, &name, "a Buffer, typed array or DataView"))
        };
        elements
            .into_iter()
            .enumerate()
            .map(piece)
            .collect::<Result<_, _>>()
            .map(Some)
    }

    /// The elements of an array; `None` if the argument is no array. All are taken before one
    /// is looked at, and an array is the first argument that is: taking an element may run JavaScript (a getter, a proxy), which may
    /// transfer the memory of whatever was looked at before.
    fn elements(&self, at: usize) -> Option<Vec<sys::napi_value>> {
        let mut count = 0;
        // SAFETY: the value is of this call.
        let status = unsafe { sys::napi_get_array_length(self.env, self.values[at], &raw mut count) };
        if status != sys::Status::napi_ok {
            return None;
        }
        let take = |i| {
            let mut element = null_mut();
            // SAFETY: the value is of this call; an element that is not there any more is undefined.
            unsafe { sys::napi_get_element(self.env, self.values[at], i, &raw mut element) };
            element
        };
        Some((0..count).map(take).collect())
    }

    /// Other threads write to shared memory while it is read, and detached memory is gone.
    fn check_memory(&self, buffer: sys::napi_value, length: usize, name: &str) -> Result<(), Misuse> {
        let mut is_own = false;
        // SAFETY: `buffer` is the view's.
        unsafe { sys::napi_is_arraybuffer(self.env, buffer, &raw mut is_own) };
        if !is_own {
            return Err(Misuse::Type(format!(
                "{name} lies in shared memory, which may change meanwhile; pass a copy"
            )));
        }
        if length == 0 {
            let mut is_detached = false;
            // SAFETY: `buffer` is an ArrayBuffer.
            unsafe { sys::napi_is_detached_arraybuffer(self.env, buffer, &raw mut is_detached) };
            if is_detached {
                return Err(Misuse::Type(format!("{name} is detached: its memory was transferred")));
            }
        }
        Ok(())
    }

    /// The bytes of a Buffer, typed array, string (as UTF-8) or DataView, looked for in this order.
    #[inline]
    pub fn bytes<'call>(&'call self, at: usize, name: &str, text: &'call mut Text) -> Result<&'call [u8], Misuse> {
        let value = self.values[at];
        let view = match self.typed_array(value, name)? {
            Some(view) => view,
            None => match self.text(value, text) {
                Some(bytes) => return Ok(bytes),
                None => self
                    .data_view(value, name)?
                    .ok_or_else(|| self.must_be(at, name, "a string, Buffer, typed array or DataView"))?,
            },
        };
        // SAFETY: a view of this call, read only.
        Ok(unsafe { view.slice() })
    }

    /// The UTF-8 of a string; `None` if the argument is none. Half a surrogate pair becomes U+FFFD, as in a Buffer.
    fn text<'call>(&self, value: sys::napi_value, text: &'call mut Text) -> Option<&'call [u8]> {
        let mut length = 0;
        let room = text.stack.as_mut_ptr();
        // SAFETY: as many bytes may be written as the room has.
        let status =
            unsafe { sys::napi_get_value_string_utf8(self.env, value, room.cast(), TEXT_STACK_BYTES, &raw mut length) };
        if status != sys::Status::napi_ok {
            return None;
        }
        // The last byte is a zero, and up to three more stay free if a character did not fit.
        if length < TEXT_STACK_BYTES - 4 {
            // SAFETY: so many bytes were written.
            return Some(unsafe { std::slice::from_raw_parts(room.cast(), length) });
        }
        // SAFETY: without a buffer, only the length is told; then the buffer has room for it and the zero.
        unsafe {
            sys::napi_get_value_string_utf8(self.env, value, null_mut(), 0, &raw mut length);
            text.heap.resize(length + 1, 0);
            let room = text.heap.as_mut_ptr();
            sys::napi_get_value_string_utf8(self.env, value, room.cast(), length + 1, &raw mut length);
        }
        Some(&text.heap[..length])
    }

    /// A string as Rust has it.
    pub fn string(&self, at: usize, name: &str) -> Result<String, Misuse> {
        self.string_of(self.values[at], name)
    }

    fn string_of(&self, value: sys::napi_value, name: &str) -> Result<String, Misuse> {
        let mut text = Text::new();
        let bytes = self
            .text(value, &mut text)
            .ok_or_else(|| self.is_not(value, name, "a string"))?;
        Ok(String::from_utf8_lossy(bytes).into_owned())
    }

    /// An array of strings.
    pub fn strings(&self, at: usize, name: &str) -> Result<Vec<String>, Misuse> {
        let elements = self
            .elements(at)
            .ok_or_else(|| self.must_be(at, name, "an array of strings"))?;
        elements
            .into_iter()
            .enumerate()
            .map(|(i, element)| self.string_of(element, &format!("{name}[{i}]")))
            .collect()
    }

    /// A Buffer or Uint8Array to read.
    pub fn byte_view(&self, at: usize, name: &str) -> Result<View<'_>, Misuse> {
        self.view(at, name)?
            .filter(View::is_bytes)
            .ok_or_else(|| self.must_be(at, name, "a Buffer or Uint8Array"))
    }

    /// A Uint32Array.
    pub fn u32_view(&self, at: usize, name: &str) -> Result<View<'_>, Misuse> {
        self.view(at, name)?
            .filter(View::is_uint32)
            .ok_or_else(|| self.must_be(at, name, "a Uint32Array"))
    }

    /// A Float64Array.
    pub fn f64_view(&self, at: usize, name: &str) -> Result<View<'_>, Misuse> {
        self.view(at, name)?
            .filter(View::is_float64)
            .ok_or_else(|| self.must_be(at, name, "a Float64Array"))
    }

    /// True or false.
    pub fn boolean(&self, at: usize, name: &str) -> Result<bool, Misuse> {
        let mut value = false;
        // SAFETY: the value is of this call.
        let status = unsafe { sys::napi_get_value_bool(self.env, self.values[at], &raw mut value) };
        if status == sys::Status::napi_ok {
            Ok(value)
        } else {
            Err(self.must_be(at, name, "a boolean"))
        }
    }

    /// A number, whatever it is.
    fn number(&self, at: usize, name: &str) -> Result<f64, Misuse> {
        let mut value = 0.0;
        // SAFETY: the value is of this call.
        let status = unsafe { sys::napi_get_value_double(self.env, self.values[at], &raw mut value) };
        if status == sys::Status::napi_ok {
            Ok(value)
        } else {
            Err(self.must_be(at, name, "a number"))
        }
    }

    /// A number between two others, whole or not.
    pub fn float(&self, at: usize, name: &str, min: f64, max: f64) -> Result<f64, Misuse> {
        let value = self.number(at, name)?;
        if value >= min && value <= max {
            Ok(value)
        } else {
            Err(Misuse::Range(format!(
                "{name} must be from {min} to {max}, not {value}"
            )))
        }
    }

    /// A whole number from `min` to `max`.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "checked to be whole and in range"
    )]
    pub fn integer(&self, at: usize, name: &str, min: u64, max: u64) -> Result<u64, Misuse> {
        let value = self.number(at, name)?;
        // What is not whole, negative or no number does not come back from the conversion.
        let whole = value as u64;
        if whole as f64 == value && whole <= SAFE_INTEGER_MAX && (min..=max).contains(&whole) {
            return Ok(whole);
        }
        Err(Misuse::Range(format!(
            "{name} must be a whole number from {min} to {max}, not {value}"
        )))
    }

    /// A number of something: of a member, a length in elements.
    pub fn u32(&self, at: usize, name: &str) -> Result<u32, Misuse> {
        let value = self.integer(at, name, 0, u64::from(u32::MAX))?;
        Ok(u32::try_from(value).unwrap_or(u32::MAX))
    }

    /// An offset or length in bytes.
    pub fn size(&self, at: usize, name: &str, max: usize) -> Result<usize, Misuse> {
        self.integer(at, name, 0, max as u64)
            .map(|value| usize::try_from(value).unwrap_or(usize::MAX))
    }

    /// A u64: a whole number or a bigint; `absent` if left out.
    #[inline]
    pub fn u64_or(&self, at: usize, name: &str, absent: u64) -> Result<u64, Misuse> {
        if self.is_absent(at) {
            return Ok(absent);
        }
        let (mut value, mut is_exact) = (0, false);
        // SAFETY: the value is of this call.
        let status =
            unsafe { sys::napi_get_value_bigint_uint64(self.env, self.values[at], &raw mut value, &raw mut is_exact) };
        match status {
            sys::Status::napi_ok if is_exact => Ok(value),
            sys::Status::napi_ok => Err(Misuse::Range(format!("{name} must be from 0n to 2n ** 64n - 1n"))),
            _ if self.type_of(self.values[at]) != sys::ValueType::napi_number => {
                Err(self.must_be(at, name, "a number or a bigint"))
            }
            _ => self.integer(at, name, 0, SAFE_INTEGER_MAX),
        }
    }

    /// Refuses an output that lies in the memory of an input.
    pub fn distinct(&self, out: View<'_>, inputs: &[View<'_>]) -> Result<(), Misuse> {
        if inputs.iter().any(|input| input.overlaps(&out)) {
            return Err(Misuse::Range(
                "out lies in the memory that is read; give it its own".to_owned(),
            ));
        }
        Ok(())
    }
}
