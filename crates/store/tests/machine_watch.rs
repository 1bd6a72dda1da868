//! Watches get every event of their keys once, in order, whole revisions at a time, whatever their credit, however far
//! behind they start, and across cancelling and starting again where the last one ended.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod model;

use std::collections::BTreeMap;

use model::engine::ModelEngine;
use model::generate::{self, Random};
use model::harness::{Harness, TestEngine};
use model::semantics::{selects, Bytes, Event, Semantics};
use model::wire::{encode_batch, kv};
use rafterdb_codec::{BatchHeader, Code, WatchEvents, WatchRequest, WATCH_PREV_KV, WATCH_PROGRESS};
use rafterdb_store::{LsmEngine, WatchId};

const STEPS: u64 = 250;

/// What a watcher has seen, across the watches that took over from one another.
#[derive(Debug)]
struct Watcher {
    key: Bytes,
    end: Bytes,
    flags: u8,
    /// First revision that it wants.
    start: u64,
    /// Everything up to here has been sent, it was told.
    reached: u64,
    /// First revision that it could not have any more.
    lost_at: Option<u64>,
    credit: i64,
    events: Vec<Event>,
}

impl Watcher {
    fn request(&self, start_revision: u64) -> WatchRequest<'_> {
        let credit = self.credit as u32;
        WatchRequest {
            flags: self.flags,
            start_revision,
            credit,
            cluster: 0,
            key: &self.key,
            end: &self.end,
        }
    }

    /// Takes a response in; what must hold of every response is checked here.
    fn take(&mut self, code: Code, body: &[u8]) -> Result<(), String> {
        if code == Code::WatchLost {
            self.lost_at = Some(self.reached + 1);
            return Ok(());
        }
        let events = WatchEvents::parse(body).unwrap();
        let (revision, count) = (events.revision, events.left);
        if count > 0 && self.credit <= 0 {
            return Err("events were sent without credit".into());
        }
        self.credit -= i64::from(count);
        let before = self.events.last().map_or(0, |event| event.revision);
        for event in events {
            let event = event.unwrap();
            if event.pair.modified == before {
                return Err(format!("revision {before} was split"));
            }
            if event.pair.modified <= self.reached || event.pair.modified > revision {
                return Err(format!(
                    "an event of {} in a response from {} to {revision}",
                    event.pair.modified, self.reached
                ));
            }
            self.events.push(Event {
                revision: event.pair.modified,
                key: event.pair.key.to_vec(),
                after: (!event.is_delete).then(|| kv(event.pair)),
                before: event.previous.map(kv),
            });
        }
        self.reached = self.reached.max(revision);
        Ok(())
    }

    fn check(&self, semantics: &Semantics) -> Result<(), String> {
        let wanted = |event: &&Event| {
            (self.start..=self.reached).contains(&event.revision) && selects(&self.key, &self.end, &event.key)
        };
        let with_previous = self.flags & WATCH_PREV_KV != 0;
        let expected: Vec<Event> = semantics
            .events
            .iter()
            .filter(wanted)
            .map(|event| Event {
                before: event.before.clone().filter(|_| with_previous),
                ..event.clone()
            })
            .collect();
        if self.events != expected {
            return Err(format!("{self:#?}\nexpected {expected:#?}"));
        }
        Ok(())
    }
}

struct Run<E: TestEngine> {
    harness: Harness<E>,
    semantics: Semantics,
    random: Random,
    watchers: BTreeMap<WatchId, Watcher>,
    lost: Vec<Watcher>,
    next_id: u64,
}

impl<E: TestEngine> Run<E> {
    fn new(seed: u64) -> Self {
        Self {
            harness: Harness::new(40),
            semantics: Semantics::default(),
            random: Random::new(seed),
            watchers: BTreeMap::new(),
            lost: Vec::new(),
            next_id: 1,
        }
    }

    fn step(&mut self, distort: fn(&mut Vec<u8>) -> bool) -> Result<(), String> {
        match self.random.below(12) {
            0..=5 => self.write(),
            6 => self.start_watching(),
            7 | 8 => drop(self.harness.machine().catch_up().unwrap()),
            9 => self.give_credit(),
            10 if self.random.one_in(3) => self.take_over(),
            _ => drop(self.harness.machine().publish().unwrap()),
        }
        self.collect(distort)
    }

    fn write(&mut self) {
        let ops = generate::ops(&mut self.random, self.semantics.revision());
        self.harness.apply(encode_batch(BatchHeader::default(), &ops));
        ops.iter().for_each(|op| drop(self.semantics.apply(op)));
    }

    fn start_watching(&mut self) {
        let published = self.harness.machine().revision();
        let (key, end) = generate::selection(&mut self.random);
        let start = match self.random.below(4) {
            0 => 0,
            1 => published + 1 + self.random.below(5),
            _ => self.semantics.revision().saturating_sub(self.random.below(30)).max(1),
        };
        let start_or_now = if start == 0 { published + 1 } else { start };
        let watcher = Watcher {
            key,
            end,
            flags: self.random.below(4) as u8,
            start: start_or_now,
            reached: start_or_now - 1,
            lost_at: None,
            credit: self.random.below(12) as i64,
            events: Vec::new(),
        };
        self.add(watcher, start);
    }

    fn add(&mut self, watcher: Watcher, start: u64) {
        let id = WatchId {
            connection: self.random.below(3),
            request: self.next_id,
        };
        self.next_id += 1;
        match self.harness.machine().watch(id, &watcher.request(start)) {
            Ok(()) => drop(self.watchers.insert(id, watcher)),
            Err(error) => {
                assert_eq!(error.code, Code::WatchLost);
                assert!(
                    start < error.detail,
                    "refused though {start} is not below {}",
                    error.detail
                );
            }
        }
    }

    fn give_credit(&mut self) {
        let random = &mut self.random;
        for (id, watcher) in &mut self.watchers {
            let events = random.below(20) as u32;
            watcher.credit += i64::from(events);
            self.harness.machine().watch_credit(*id, events);
        }
    }

    /// Cancels a watch, or all of a connection, and starts others where they ended.
    fn take_over(&mut self) {
        let connection = self.random.below(3);
        let ids: Vec<WatchId> = self
            .watchers
            .keys()
            .copied()
            .filter(|id| id.connection == connection)
            .collect();
        assert_eq!(self.harness.machine().cancel_watches_of(connection), ids.len());
        for id in ids {
            let mut watcher = self.watchers.remove(&id).unwrap();
            watcher.credit = self.random.below(12) as i64;
            let start = watcher.reached + 1;
            self.add(watcher, start);
        }
    }

    fn collect(&mut self, distort: fn(&mut Vec<u8>) -> bool) -> Result<(), String> {
        for (id, code, mut body) in self.harness.collector.take() {
            if code == Code::Ok && !distort(&mut body) {
                continue;
            }
            // Responses of a watch that was cancelled meanwhile would be dropped by whoever owns the connection.
            let Some(watcher) = self.watchers.get_mut(&id) else {
                continue;
            };
            watcher.take(code, &body)?;
            if code != Code::Ok {
                self.lost.extend(self.watchers.remove(&id));
            }
        }
        Ok(())
    }

    /// Gives everybody credit until all are live, then compares.
    fn finish(mut self, distort: fn(&mut Vec<u8>) -> bool) -> Result<(), String> {
        let revision = self.harness.machine().publish().unwrap().revision;
        for (id, watcher) in &mut self.watchers {
            watcher.credit += 1 << 30;
            self.harness.machine().watch_credit(*id, 1 << 30);
        }
        while self.harness.machine().catch_up().unwrap() {}
        self.collect(distort)?;
        for watcher in self.watchers.values_mut() {
            // Where the last changes did not concern it nobody said so, but it has them all.
            watcher.reached = watcher.reached.max(revision);
        }
        let compacted = self.semantics.compacted;
        for watcher in &self.lost {
            assert!(
                watcher.lost_at.unwrap() < compacted,
                "lost at {:?}, not below {compacted}",
                watcher.lost_at
            );
        }
        self.watchers
            .values()
            .chain(&self.lost)
            .try_for_each(|watcher| watcher.check(&self.semantics))
    }
}

fn run<E: TestEngine>(seed: u64, distort: fn(&mut Vec<u8>) -> bool) -> Result<(), String> {
    let mut run = Run::<E>::new(seed);
    for _ in 0..STEPS {
        run.step(distort).map_err(|text| format!("seed {seed}: {text}"))?;
    }
    run.finish(distort).map_err(|text| format!("seed {seed}: {text}"))
}

#[test]
fn random_watches_miss_nothing() {
    for seed in generate::seeds(60) {
        run::<ModelEngine>(seed, |_| true).unwrap();
    }
}

#[test]
fn random_watches_miss_nothing_on_disk() {
    for seed in generate::seeds(6) {
        run::<LsmEngine>(seed, |_| true).unwrap();
    }
}

#[test]
fn canary_a_lost_response_is_caught() {
    let is_caught = |seed| run::<ModelEngine>(seed, |body| WatchEvents::parse(body).unwrap().left != 2).is_err();
    assert!((1..10).any(is_caught));
}

#[test]
fn canary_a_response_sent_twice_is_caught() {
    let twice = |body: &mut Vec<u8>| {
        // The revision that the response claims to reach, one too low: the last events come again.
        body[0] = body[0].saturating_sub(1);
        true
    };
    assert!((1..10).any(|seed| run::<ModelEngine>(seed, twice).is_err()));
}

#[test]
fn progress_is_told_to_those_who_asked() {
    let mut harness = Harness::<ModelEngine>::new(1000);
    for (request, flags) in [(1, 0), (2, WATCH_PROGRESS)] {
        let watch = WatchRequest {
            flags,
            start_revision: 0,
            credit: 10,
            cluster: 0,
            key: b"other",
            end: b"",
        };
        harness
            .machine()
            .watch(WatchId { connection: 1, request }, &watch)
            .unwrap();
    }
    harness.apply(encode_batch(
        BatchHeader::default(),
        &[model::semantics::Op::Put(Default::default())],
    ));
    let mut random = Random::new(3);
    while harness.machine().revision() < 5 {
        harness.apply(encode_batch(BatchHeader::default(), &generate::ops(&mut random, 1)));
        harness.machine().publish().unwrap();
    }
    harness.collector.take();
    harness.machine().watch_progress();
    let told = harness.collector.take();
    assert_eq!(told.len(), 1);
    assert_eq!(
        told[0].0,
        WatchId {
            connection: 1,
            request: 2
        }
    );
    let events = WatchEvents::parse(&told[0].2).unwrap();
    assert_eq!((events.revision, events.left), (harness.machine().revision(), 0));
}

#[test]
fn a_machine_that_is_replaced_ends_its_watches() {
    let harness = Harness::<ModelEngine>::new(1000);
    let watch = WatchRequest {
        flags: 0,
        start_revision: 0,
        credit: 10,
        cluster: 0,
        key: b"k",
        end: b"",
    };
    harness
        .machine()
        .watch(
            WatchId {
                connection: 1,
                request: 1,
            },
            &watch,
        )
        .unwrap();
    harness.machine().end_watches();
    let codes: Vec<Code> = harness.collector.take().iter().map(|(_, code, _)| *code).collect();
    assert_eq!(codes, [Code::Ok, Code::LeaderLost]);
    let late = harness.machine().watch(
        WatchId {
            connection: 1,
            request: 2,
        },
        &watch,
    );
    assert_eq!(late.unwrap_err().code, Code::LeaderLost);
    assert_eq!(harness.machine().watch_count(), 0);
}
