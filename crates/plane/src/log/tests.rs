//! Goal: what is handed over together is one durable write, and what had to wait for it goes out after it and never before.

use std::sync::{Arc, Mutex};

use rafterdb_net::Parts;

use crate::ground::error::PlaneError;
use crate::log::writer::{LogParts, LogWriter, Marks};
use crate::network::roster::Roster;
use crate::queues::log_queue::LogTask;
use crate::state::tail::Block;
use crate::testing::{batch, block, Bench};

/// What happened to the marks, beside what was sent by then.
#[derive(Default)]
struct Noted(Mutex<Vec<u16>>);

impl Marks for Noted {
    fn recovered(&self, group: u16) -> Result<(), PlaneError> {
        self.0.lock().expect("it works").push(group);
        Ok(())
    }

    fn log_failed(&self, _error: &PlaneError) {}
}

/// A log of its own beside a member's rooms.
fn writer(bench: &Bench, marks: Arc<Noted>, is_alone: bool) -> (LogWriter, tempfile::TempDir) {
    let (writer, _, dir) = measured(bench, marks, is_alone);
    (writer, dir)
}

/// The same, and what it counts.
fn measured(
    bench: &Bench,
    marks: Arc<Noted>,
    is_alone: bool,
) -> (LogWriter, Arc<rafterdb_wal::Metrics>, tempfile::TempDir) {
    let dir = tempfile::tempdir().expect("it works");
    let (writer, _, _) = rafterdb_wal::open(rafterdb_wal::Options::new(dir.path().join("log"))).expect("it works");
    let (shared, config) = (&bench.shared, &bench.config);
    let mut members = config.members.clone();
    members.retain(|member| !is_alone || member.id == config.id());
    let roster = Arc::new(Roster::new(
        config.id(),
        &members,
        config.groups,
        shared.network.clone(),
    ));
    let parts = LogParts {
        queue: shared.log.clone(),
        groups: bench.rooms.groups.clone(),
        inbox: shared.inbox.clone(),
        apply: shared.apply.clone(),
        network: shared.network.clone(),
        marks,
        stalls: shared.stalls.clone(),
        failure: shared.failure.clone(),
        member_log: shared.member_log.clone(),
        roster,
    };
    let metrics = writer.metrics();
    (LogWriter::new(writer, parts), metrics, dir)
}

fn take(bench: &Bench, writer: &LogWriter, mut tasks: Vec<LogTask>) {
    bench.quick();
    writer.take(&mut tasks);
}

fn entries(first: u64, epoch: u64) -> LogTask {
    let block = Block {
        first,
        term: 1,
        count: 1,
        bytes: block(&[&batch(b"value")]),
    };
    LogTask::Entries { group: 0, epoch, block }
}

fn send(peer: u64) -> LogTask {
    let parts = Parts::new(vec![1]);
    LogTask::Send { peer, parts }
}

#[test]
fn tasks_that_come_together_are_one_write_and_their_frames_follow_it() {
    let bench = Bench::new(1);
    let (writer, metrics, _dir) = measured(&bench, Arc::default(), false);
    take(&bench, &writer, vec![entries(1, 0), send(7), entries(2, 0), send(8)]);
    assert_eq!(metrics.batches.get(), 1);
    assert_eq!(bench.sent().iter().map(|(to, _)| *to).collect::<Vec<_>>(), [7, 8]);
    assert_eq!(bench.script(""), "DURABLE 0 2 1\n");
    assert_eq!(bench.group(0).durable.lock().index, 2);
}

#[test]
fn what_was_cut_while_it_was_written_is_not_reported() {
    let bench = Bench::new(1);
    let (writer, _dir) = writer(&bench, Arc::default(), false);
    bench.group(0).durable.lock().epoch = 1;
    take(&bench, &writer, vec![entries(1, 0)]);
    assert_eq!(
        (bench.script(""), bench.group(0).durable.lock().index),
        (String::new(), 0)
    );
    take(&bench, &writer, vec![entries(1, 1)]);
    assert_eq!(bench.script(""), "DURABLE 0 1 1\n");
}

#[test]
fn the_mark_of_new_data_goes_in_its_turn() {
    let bench = Bench::new(1);
    let marks = Arc::<Noted>::default();
    let (writer, _dir) = writer(&bench, marks.clone(), false);
    take(&bench, &writer, vec![entries(1, 0)]);
    assert!(marks.0.lock().expect("it works").is_empty());
    bench.group(0).last.store(1, std::sync::atomic::Ordering::Release);
    take(&bench, &writer, vec![LogTask::Recovered { group: 0 }]);
    assert_eq!(*marks.0.lock().expect("it works"), [0]);
    assert!(bench
        .notes
        .lock()
        .expect("it works")
        .iter()
        .any(|note| note == "group 0 has caught up and votes again"));
}

#[test]
fn what_the_thread_writes_is_told_to_who_applies_and_what_the_worker_writes_is_not() {
    let bench = Bench::new(1);
    let (writer, _dir) = writer(&bench, Arc::default(), false);
    bench.group(0).commit.store(2, std::sync::atomic::Ordering::Release);
    take(&bench, &writer, vec![entries(1, 0)]);
    bench.quick();
    assert!(bench.shared.apply.begin_inline().is_some(), "the worker looks itself");
    let turn = bench.shared.log.begin_inline(&mut Vec::new()).expect("nobody writes");
    take(&bench, &writer, vec![entries(2, 0)]);
    drop(turn);
    bench.shared.log.close();
    writer.run();
    bench.quick();
    assert!(
        bench.shared.apply.begin_inline().is_none(),
        "the thread that applies is to look"
    );
}
