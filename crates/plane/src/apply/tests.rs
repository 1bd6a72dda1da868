//! Goal: what is applied is committed and on this disk, once, in order; who waits is answered; tasks run between entries.

use std::sync::atomic::Ordering;
use std::sync::mpsc::channel;

use rafterdb_codec::{Code, Entry, EntryKind, Principal, ENTRY_HEADER_BYTES};
use rafterdb_pool::{Buffer, Slice};
use rafterdb_store::MACHINE_VERSION;

use crate::askers::asker::{Asker, Waiter};
use crate::state::tail::Block;
use crate::testing::{batch, block, Bench};

/// So many entries are in the log's tail, from 1 on, on disk up to `durable`; the port waits for each under its index.
fn log(bench: &Bench, count: u64, durable: u64) {
    let group = bench.group(0);
    for first in 1..=count {
        let bytes = block(&[&batch(b"value")]);
        group.tail.lock().push(Block {
            first,
            term: 1,
            count: 1,
            bytes,
        });
        let asker = Asker::Port(bench.port.clone());
        group.waiting.lock().push_back((first, Waiter { asker, id: first }));
    }
    group.last.store(count, Ordering::Release);
    group.durable.lock().index = durable;
}

fn commit(bench: &Bench, index: u64) {
    bench.group(0).commit.store(index, Ordering::Release);
    bench.quick();
    bench.threads.applier.look(bench.group(0));
}

#[test]
fn what_is_applied_is_committed_and_on_this_disk() {
    let bench = Bench::new(1);
    log(&bench, 5, 3);
    bench.threads.applier.look(bench.group(0));
    assert_eq!(bench.answers(), [], "nothing is committed");
    commit(&bench, 2);
    assert_eq!(bench.answers(), [(1, Code::Ok), (2, Code::Ok)]);
    commit(&bench, 5);
    assert_eq!(bench.answers(), [(3, Code::Ok)], "the others are not on this disk");
    assert_eq!(bench.group(0).machine().applied(), 3);
    bench.group(0).durable.lock().index = 5;
    bench.quick();
    bench.threads.applier.look(bench.group(0));
    assert_eq!(bench.answers(), [(4, Code::Ok), (5, Code::Ok)]);
    assert_eq!(bench.script(""), "APPLIED 0 5\n");
}

#[test]
fn what_is_much_is_left_to_the_thread() {
    let bench = Bench::new(1);
    log(&bench, 200, 200);
    commit(&bench, 200);
    assert_eq!(bench.answers(), []);
    bench.shared.apply.close();
    bench.threads.applier.run();
    assert_eq!(bench.answers().len(), 200);
}

#[test]
fn a_task_runs_between_two_entries_and_before_those_that_came_after_it() {
    let bench = Bench::new(1);
    log(&bench, 2, 2);
    commit(&bench, 1);
    let (told, hears) = channel();
    let task = Box::new(move |group: &std::sync::Arc<crate::state::group::Group>| {
        let _ = told.send(group.machine().applied());
    });
    bench.shared.apply.run(0, task);
    commit(&bench, 2);
    assert_eq!(bench.answers(), [(1, Code::Ok)], "the task has its turn first");
    bench.shared.apply.close();
    bench.threads.applier.run();
    assert_eq!(
        (hears.recv().expect("it works"), bench.answers()),
        (1, vec![(2, Code::Ok)])
    );
}

/// The next entry of group 0's log is one of `version`.
fn log_one(bench: &Bench, version: u8) {
    let body = batch(b"value");
    let entry = Entry {
        version,
        principal: Principal::new(b"ann").expect("it works"),
        ..Entry::new(EntryKind::Batch, &body)
    };
    let mut bytes = Buffer::new(entry.encoded_size());
    let size = entry.encode_to(&mut bytes).expect("it works");
    log_block(bench, bytes.freeze(size));
}

/// The next entry of group 0's log, as bytes.
fn log_block(bench: &Bench, bytes: Slice) {
    let group = bench.group(0);
    let first = group.last.load(Ordering::Acquire) + 1;
    group.tail.lock().push(Block {
        first,
        term: 1,
        count: 1,
        bytes,
    });
    group.last.store(first, Ordering::Release);
    group.durable.lock().index = first;
}

#[test]
fn an_entry_of_a_version_that_this_member_does_not_know_stops_it_and_nothing_is_lost() {
    let bench = Bench::new(1);
    log(&bench, 1, 1);
    commit(&bench, 1);
    assert_eq!(bench.answers(), [(1, Code::Ok)]);
    log_one(&bench, MACHINE_VERSION + 1);
    commit(&bench, 2);
    let why = bench.shared.failure.why().expect("the member has failed");
    assert_eq!(why.code, Code::FormatNewer);
    assert!(
        why.text.contains("entry 2") && why.text.contains("upgrade"),
        "{}",
        why.text
    );
    assert_eq!(bench.put(0, 7), Err(Code::Poisoned));
    let group = bench.group(0);
    assert_eq!((group.machine().applied(), group.last.load(Ordering::Acquire)), (1, 2));
}

#[test]
fn an_entry_without_what_it_says_stops_a_member_that_has_data() {
    let bench = Bench::new(1);
    let mut bytes = Buffer::new(ENTRY_HEADER_BYTES);
    let entry = Entry::new(EntryKind::Stripped, &[]);
    entry.encode_to(&mut bytes).expect("it works");
    log_block(&bench, bytes.freeze(ENTRY_HEADER_BYTES));
    commit(&bench, 1);
    let why = bench.shared.failure.why().expect("the member has failed");
    assert_eq!(why.code, Code::LogCorrupt);
    assert_eq!(bench.group(0).machine().applied(), 0);
}

#[test]
fn what_has_a_principal_is_applied_like_what_has_none() {
    let bench = Bench::new(1);
    log_one(&bench, MACHINE_VERSION);
    commit(&bench, 1);
    assert_eq!(bench.shared.failure.why().map(|why| why.text.clone()), None);
    assert_eq!(bench.group(0).machine().applied(), 1);
    assert_eq!(bench.group(0).machine().revision(), 2, "its put was done");
}

#[test]
fn reads_that_waited_for_an_entry_have_their_turn_once_it_is_applied() {
    let bench = Bench::new(1);
    log(&bench, 2, 2);
    let read = crate::state::waiting_reads::Read::Index {
        peer: bench.id("b"),
        id: 4,
    };
    bench.group(0).reads.lock().unapplied.entry(2).or_default().push(read);
    // It counts among those that wait.
    let again = crate::state::waiting_reads::Read::Index {
        peer: bench.id("b"),
        id: 4,
    };
    assert!(bench.group(0).reads.lock().admit(&again));
    commit(&bench, 1);
    assert_eq!(bench.sent(), []);
    commit(&bench, 2);
    assert_eq!(bench.sent().len(), 1, "the member that asked is told the index");
}
