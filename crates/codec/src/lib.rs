//! FORMATS.md in Rust: what crosses a boundary in rafterdb, parsed without copying and encoded into byte vectors.
//! Owns layouts, codes and limits. Knows no I/O, no threads and no state.
//!
//! Parsers borrow from their input, check every length before they use it and never allocate; malformed input is
//! [`Malformed`], never a panic.

#![forbid(unsafe_code)]

mod batch;
mod block;
mod bounds;
mod bounds_fit;
mod commands;
mod compare;
mod configuration;
mod delivery;
mod events;
mod frame;
mod hello;
mod kinds;
pub mod log;
mod messages;
mod numbered;
mod operations;
mod peer;
mod principal;
mod reader;
mod refusal;
mod results;
mod safe_number;
mod selection;
mod shortage;
mod snapshot_record;
pub mod store;
mod sync_read;
mod tables;
mod unencodable;
mod validate;
mod watch_event;
mod weight;
mod written_keys;

pub use batch::{Batch, BatchHeader, BATCH_HEADER_BYTES, BATCH_RETRY, BATCH_START};
pub use block::{
    count_entries, count_entries_in_parts, encode_identity, entries_bytes, parse_identity, skip_entries, split_entries,
    strip_batches, Entries, Entry, ENTRY_HEADER_BYTES,
};
pub use bounds::{ENTRY_BYTES_MAX, PAIR_BYTES_MAX, RESULT_BYTES_MAX};
pub use commands::{Command, Commands, MemberParts, RosterMembers, SendCommand, TermRuns};
pub use compare::{Compare, Compares, Operand};
pub use configuration::{
    Configuration, ConfigurationChange, ConfigurationEntry, ConfiguredMember, CONFIGURATION_BYTES_MAX, PART_INCOMING,
    PART_OUTGOING, PART_WITNESS,
};
pub use delivery::{first_response_bytes, whole_responses};
pub use events::{Event, Events, LogRuns, MemberPairs, EVENTS_HEADER_DOUBLES, MESSAGE_EVENT_DOUBLES};
pub use frame::{Body, Frame, FRAME_HEADER_BYTES};
pub use hello::{
    decode_challenge, decode_proof, decode_refusal, encode_challenge, encode_proof, encode_refusal, Hello, NotHello,
    Proof, HELLO_BYTES_MAX, PROOF_BYTES, PROTOCOL,
};
pub use kinds::*;
pub use messages::{
    begin_response, encode_error_response, end_response, parse_number, parse_watch_credit, KnownMembers, RangePlace,
    Ranges, ReadRequest, Request, Requests, Response, Responses, WatchRequest, MESSAGE_HEADER_BYTES, RESPONSE_PLAIN,
    WATCH_PREV_KV, WATCH_PROGRESS,
};
pub use operations::{
    encode_compact, encode_raise_revision, encode_txn, DeleteRange, Operation, Operations, Put, Range, Txn, TxnPart,
    DELETE_PREV_KV, PUT_HAS_LEASE, PUT_IGNORE_LEASE, PUT_IGNORE_VALUE, PUT_PREV_KV, RANGE_COUNT_ONLY, RANGE_KEYS_ONLY,
    RANGE_NO_COUNT, RANGE_REVERSE, TXN_DEPTH_MAX,
};
pub use peer::{
    encode_forwarded_header, encode_read_index, CheckedEntries, Forward, PeerRecord, PeerRecords, RaftHeader,
    RaftRecord, ReadReply, Run, Runs, RAFT_HEADER_BYTES, RUN_BYTES,
};
pub use principal::Principal;
pub use reader::{Malformed, Parsed, Reader};
pub use refusal::Refusal;
pub use results::{
    encode_error, encode_plain, parse_error, parse_plain, patch_count, CountedPairs, OpenResult, OperationResult,
    OperationResults, Pair, Pairs, PAIR_HEADER_BYTES, RESULT_HEADER_BYTES, RESULT_PREVIOUS_LEFT_OUT,
    RESULT_PUT_PREVIOUS, RESULT_RANGE_MORE, RESULT_TXN_SUCCEEDED,
};
pub use safe_number::SAFE_NUMBER_MAX;
pub use selection::Selection;
pub use shortage::{code_of, is_shortage};
pub use snapshot_record::{SnapshotMessage, SnapshotRecord, SnapshotStream};
pub use sync_read::{encode_sync_error, encode_sync_result, SyncRead};
pub use tables::*;
pub use unencodable::Unencodable;
pub use validate::{
    validate_batch, validate_put, validate_raise, validate_selection, validate_txn, BatchInfo, Limits,
    TXN_NESTED_OPERATIONS_MAX,
};
pub use watch_event::{
    encode_watch_created, encode_watch_header, patch_watch_header, WatchEvent, WatchEvents, WATCH_HEADER_BYTES,
};
pub use weight::Weight;
