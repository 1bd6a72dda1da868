//! What the store keeps on disk and sends as a snapshot, value by value: rows, what history's files hold, what a flush writes, the
//! machine's state. Owns the bytes, their checksums and bounds; knows no files, no order of writing and no recovery. Those are the
//! store's (`crates/store`).
//!
//! What cannot be read is `None`, [`crate::Malformed`] or a fault of its own; the store says in which file that is. Readers
//! allocate nothing but the lists that they return, and those only of what is there.

pub mod apart;
pub mod chunk;
pub mod current;
pub mod digest;
pub mod flush;
pub mod history_file;
pub mod machine_state;
pub mod pair;
pub mod range_tombstone;
pub mod record;
pub mod row;
pub mod skips;
pub mod snapshot;
pub mod stored_keys;
pub mod table_list;
pub mod value;
pub mod varint;

pub use row::RowRef;
pub use value::Value;
