//! A watch may begin with the compacted revision itself, as in etcd, and gets its changes whole, previous values included: before and
//! after history on disk has followed, after a restart, and from a member that was restored by a snapshot.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod model;

use std::path::Path;
use std::sync::Arc;

use model::harness::Collector;
use model::semantics::{Op, PutOp, TxnOp};
use model::wire::encode_batch;
use rafterdb_codec::{BatchHeader, Code, Entry, EntryKind, WatchEvents, WatchRequest, WATCH_PREV_KV};
use rafterdb_store::{install_snapshot, EngineOptions, LsmEngine, Machine, WatchId};

/// (revision, key, is a delete, previous value).
type Event = (u64, Vec<u8>, bool, Option<Vec<u8>>);

struct Store {
    machine: Machine<LsmEngine>,
    collector: Arc<Collector>,
    watches: u64,
}

impl Store {
    fn open(directory: &Path) -> Self {
        let options = EngineOptions {
            history_segment_bytes: Some(4 << 10),
            ..EngineOptions::default()
        };
        let (engine, recovered) = LsmEngine::open(directory, options).unwrap();
        let collector = Arc::new(Collector::default());
        let machine = Machine::new(engine, recovered, collector.clone()).unwrap();
        Self {
            machine,
            collector,
            watches: 0,
        }
    }

    fn apply(&self, op: Op) {
        let body = encode_batch(BatchHeader::default(), &[op]);
        let mut results = Vec::new();
        let index = self.machine.applied() + 1;
        self.machine
            .apply(index, 1, &Entry::new(EntryKind::Batch, &body), &mut results)
            .unwrap();
        self.machine.publish().unwrap();
    }

    /// What a watch of everything from `start` on gets; or why it does not begin.
    fn watch(&mut self, start: u64) -> Result<Vec<Event>, Code> {
        self.watches += 1;
        let id = WatchId {
            connection: 1,
            request: self.watches,
        };
        let request = WatchRequest {
            flags: WATCH_PREV_KV,
            start_revision: start,
            credit: 1000,
            cluster: 0,
            key: b"\0",
            end: b"\0",
        };
        self.machine.watch(id, &request).map_err(|error| error.code)?;
        while self.machine.catch_up().unwrap() {}
        let mut events = Vec::new();
        for (_, code, body) in self.collector.take().into_iter().filter(|(of, ..)| *of == id) {
            assert_eq!(code, Code::Ok);
            for event in WatchEvents::parse(&body).unwrap() {
                let event = event.unwrap();
                let previous = event.previous.map(|pair| pair.value.to_vec());
                events.push((event.pair.modified, event.pair.key.to_vec(), event.is_delete, previous));
            }
        }
        self.machine.cancel_watch(id);
        Ok(events)
    }

    /// Has history on disk follow the compaction.
    fn settle(&self) {
        self.machine.rotate().unwrap();
        while self.machine.engine().stats().flushing || self.machine.engine().stats().compacting {
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        assert_eq!(
            self.machine.engine().stats().history_floor,
            self.machine.status().compacted
        );
    }
}

fn put(key: &str, value: &str) -> Op {
    Op::Put(PutOp {
        key: key.into(),
        value: value.into(),
        ..PutOp::default()
    })
}

fn delete(key: &str) -> Op {
    Op::Delete {
        key: key.into(),
        end: Vec::new(),
        previous: false,
    }
}

#[test]
fn it_gets_the_changes_of_that_revision_whole() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Store::open(directory.path());
    store.apply(put("a", "a1"));
    store.apply(put("b", "b1"));
    // Of one revision: a change, a deletion and a new key.
    store.apply(Op::Txn(TxnOp {
        compares: Vec::new(),
        then: vec![put("a", "a2"), delete("b"), put("c", "c1")],
        otherwise: Vec::new(),
    }));
    let at = store.machine.revision();
    store.apply(put("b", "b2"));
    store.apply(put("a", "a3"));
    store.apply(Op::Compact(at));
    let bytes = |text: &str| text.as_bytes().to_vec();
    let expected: Vec<Event> = vec![
        (at, bytes("a"), false, Some(bytes("a1"))),
        (at, bytes("b"), true, Some(bytes("b1"))),
        (at, bytes("c"), false, None),
        (at + 1, bytes("b"), false, None),
        (at + 2, bytes("a"), false, Some(bytes("a2"))),
    ];
    let check = |store: &mut Store, when: &str| {
        assert_eq!(store.watch(at).as_ref(), Ok(&expected), "{when}");
        assert_eq!(store.watch(at + 1).as_deref(), Ok(&expected[3..]), "{when}");
        assert_eq!(store.watch(at - 1), Err(Code::WatchLost), "{when}");
    };
    check(&mut store, "at once");
    store.settle();
    check(&mut store, "compacted on disk");

    let elsewhere = tempfile::tempdir().unwrap();
    let (mark, state) = store.machine.state();
    let mut stream = Vec::new();
    let snapshot = store.machine.engine().snapshot(mark, state).unwrap();
    snapshot.write(&mut stream).unwrap();
    install_snapshot(elsewhere.path(), &mut stream.as_slice()).unwrap();
    check(&mut Store::open(elsewhere.path()), "from a snapshot");

    store.machine.engine().close(Some(store.machine.state())).unwrap();
    drop(store);
    let mut store = Store::open(directory.path());
    check(&mut store, "after a restart");
    // A further compaction leaves nothing of it.
    store.apply(Op::Compact(at + 2));
    store.settle();
    assert_eq!(store.watch(at), Err(Code::WatchLost));
    assert_eq!(store.watch(at + 2).as_deref(), Ok(&expected[4..]));
}

#[test]
fn one_that_meets_the_compaction_half_way_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Store::open(directory.path());
    for number in 0..200 {
        store.apply(put("key", &format!("{number}{}", "x".repeat(200))));
    }
    let at = store.machine.revision() - 1;
    store.apply(Op::Compact(at));
    std::thread::scope(|scope| {
        let machine = &store.machine;
        scope.spawn(|| machine.rotate().unwrap());
    });
    for _ in 0..50 {
        assert_eq!(store.watch(at).unwrap().len(), 2);
    }
}
