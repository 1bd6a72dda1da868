//! Sizes of the largest layouts, which follow from the bounds of `limits`; what those are for is said in `tables.json`.

use crate::block::ENTRY_HEADER_BYTES;
use crate::limits::{KEY_BYTES_MAX, PRINCIPAL_BYTES_MAX, REQUEST_BYTES_MAX, VALUE_BYTES_LARGEST};
use crate::messages::MESSAGE_HEADER_BYTES;

/// Bytes of the largest pair in a result or an event.
pub const PAIR_BYTES_MAX: usize = 40 + KEY_BYTES_MAX + VALUE_BYTES_LARGEST;

/// Bytes of the largest result without pairs: its header, and the detail and text of a refusal.
pub const RESULT_BYTES_MAX: usize = 16 + 8 + 128;

/// Bytes of the largest entry: the batch of a WRITE request as large as one may be, of somebody with the longest name.
pub const ENTRY_BYTES_MAX: usize = ENTRY_HEADER_BYTES + PRINCIPAL_BYTES_MAX + REQUEST_BYTES_MAX - MESSAGE_HEADER_BYTES;
