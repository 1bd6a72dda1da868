//! A machine over an engine that can crash, with its log, so that what was applied can be applied again.

use std::sync::Arc;

use parking_lot::Mutex;
use rafterdb_codec::{parse_plain, BatchHeader, Code, Entry, EntryKind, BATCH_START, RESPONSE_PLAIN};
use rafterdb_store::{Applied, Bounds, Deliver, Engine, Machine, Mark, WatchId};

/// An engine that tests can open, and open again after dropping it without a word: a crash.
pub trait TestEngine: Engine + Sized + 'static {
    type Disk;

    fn new_disk() -> Self::Disk;

    fn open(disk: &Self::Disk, rotate_after: u64) -> (Self, Option<(Mark, Vec<u8>)>);
}

/// Keeps every response of every watch.
#[derive(Debug, Default)]
pub struct Collector(pub Mutex<Vec<(WatchId, Code, Vec<u8>)>>);

impl Collector {
    pub fn take(&self) -> Vec<(WatchId, Code, Vec<u8>)> {
        std::mem::take(&mut *self.0.lock())
    }
}

impl Deliver for Collector {
    fn deliver(&self, watch: WatchId, code: Code, body: &[u8]) {
        self.0.lock().push((watch, code, body.to_vec()));
    }

    fn behind(&self) {}
}

pub struct Harness<E: TestEngine> {
    disk: E::Disk,
    rotate_after: u64,
    bounds: Bounds,
    /// How many answers had counts to be filled in.
    pub filled_in: usize,
    /// `None` only while it is opened again.
    machine: Option<Machine<E>>,
    pub collector: Arc<Collector>,
    /// Bodies of all entries with what each was answered; the first has index 1.
    log: Vec<(Vec<u8>, Applied, Vec<u8>)>,
}

impl<E: TestEngine> Harness<E> {
    pub fn new(rotate_after: u64) -> Self {
        Self::bounded(rotate_after, Bounds::default())
    }

    pub fn bounded(rotate_after: u64, bounds: Bounds) -> Self {
        let disk = E::new_disk();
        let (engine, recovered) = E::open(&disk, rotate_after);
        let collector = Arc::new(Collector::default());
        let machine = Machine::with_versions(engine, recovered, collector.clone(), vec![bounds]).unwrap();
        Self {
            disk,
            rotate_after,
            bounds,
            filled_in: 0,
            machine: Some(machine),
            collector,
            log: Vec::new(),
        }
    }

    pub fn machine(&self) -> &Machine<E> {
        self.machine.as_ref().unwrap()
    }

    /// Applies a batch as the next entry.
    pub fn apply(&mut self, body: Vec<u8>) -> (Applied, Vec<u8>) {
        let mut results = Vec::new();
        let index = self.log.len() as u64 + 1;
        let applied = self
            .machine()
            .apply(index, 1, &Entry::new(EntryKind::Batch, &body), &mut results)
            .unwrap();
        self.log.push((body.clone(), applied, results.clone()));
        self.fill_in(&body, applied, results)
    }

    /// Starts a session; its number.
    pub fn start_session(&mut self) -> u64 {
        let header = BatchHeader {
            session: 1,
            sequence: 1,
            acked: 1,
            flags: BATCH_START,
            count: 0,
        };
        let mut body = Vec::new();
        header.encode(&mut body);
        let (applied, results) = self.apply(body);
        assert_eq!((applied.code, applied.flags), (Code::Ok, RESPONSE_PLAIN));
        let (session, operations) = parse_plain(&results).unwrap();
        assert_eq!(operations, 0);
        session
    }

    /// As the plane does before it answers.
    fn fill_in(&mut self, body: &[u8], applied: Applied, mut results: Vec<u8>) -> (Applied, Vec<u8>) {
        if !applied.is_uncounted {
            return (applied, results);
        }
        self.filled_in += 1;
        let kept = self.machine().keep_for_counts();
        match self.machine().fill_in(&kept, body, &mut results) {
            Ok(()) => (applied, results),
            Err(error) => (
                Applied {
                    code: error.code,
                    ..applied
                },
                results,
            ),
        }
    }

    /// Crashes, opens what was flushed, and applies the rest again: the answers must be those of the first time.
    pub fn crash(&mut self) {
        let before = {
            self.machine().publish().unwrap();
            self.machine().status()
        };
        self.machine = None;
        let (engine, recovered) = E::open(&self.disk, self.rotate_after);
        self.collector = Arc::new(Collector::default());
        let machine = Machine::with_versions(engine, recovered, self.collector.clone(), vec![self.bounds]).unwrap();
        let first = machine.applied();
        for (place, (body, applied, results)) in self.log.iter().enumerate().skip(first.saturating_sub(2) as usize) {
            let mut again = Vec::new();
            let outcome = machine
                .apply(place as u64 + 1, 1, &Entry::new(EntryKind::Batch, body), &mut again)
                .unwrap();
            if (place as u64) < first {
                assert!(outcome.is_skipped, "an entry below the flushed index is applied twice");
            } else {
                assert_eq!(
                    (outcome, &again),
                    (*applied, results),
                    "entry {} is answered differently",
                    place + 1
                );
            }
        }
        machine.publish().unwrap();
        assert_eq!(machine.status(), before, "a restart changes the state");
        assert!(machine.verify_hash().unwrap());
        self.machine = Some(machine);
    }
}
