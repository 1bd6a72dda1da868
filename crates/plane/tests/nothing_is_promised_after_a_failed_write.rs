//! A write to the log that failed: what it held is not on disk, so nothing that was to wait for it goes out, however idle the
//! log is afterwards.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod harness;

use std::time::Duration;

use harness::{eventually, Bench};
use rafterdb_codec::{CommandKind, MessageKind};

#[test]
fn nothing_is_promised_after_a_failed_write() {
    let bench = Bench::open();
    bench.lead(6);
    rafterdb_fault::arm("wal.sync=error@1+,wal.write=error@1+").unwrap();
    bench.command(&[CommandKind::Noop as u64, 0, 1, 6]);
    eventually("the member has failed", || bench.member.failure().map(|_| ()));
    bench.send(MessageKind::AppendReply, true);
    // What needs no disk still goes, on the same lane: whatever went before it has been heard by then.
    bench.send(MessageKind::PreVote, false);
    eventually("the peer hears", || (!bench.messages().is_empty()).then_some(()));
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(bench.messages(), [MessageKind::PreVote]);
}
