//! Goal: under every order of events that loom finds, a crash at any step of a compaction that runs beside the writer leaves a
//! history that opens with all that is needed, and no reader takes a compacted file for a lost one. Each way to get the protocol
//! wrong that was thought of, the one of two looks first, is caught by the same models.
//!
//! Orders with up to three preemptions are tried; with `RAFTERDB_MODELS=long` those with up to six, of more events (a minute).

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use loom::sync::{Mutex, RwLock};
use loom::thread;

use super::kept::{is_left_over, plan, Compaction, Files, Kept, Look, Plan};
use super::segment::Sealed;

/// Why no lock is ever poisoned.
const FIRST_PANIC: &str = "a model ends with its first panic";

/// Records of a segment.
const SPAN: u64 = 10;

/// The protocol as it is, and wrong ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Ours,
    /// What is complete and what is being written are looked at one after the other.
    TwoLooks,
    /// Files go before the survivors file that says so is there.
    DeletesBeforeItSays,
    /// Files go while readers may still be sent to them.
    DeletesBeforeItShows,
}

impl<T> Look<T> for RwLock<T> {
    fn look<R>(&self, see: impl FnOnce(&T) -> R) -> R {
        see(&self.read().expect(FIRST_PANIC))
    }
}

/// What a crash leaves.
#[derive(Default)]
struct Disk {
    segments: BTreeSet<u64>,
    /// Last revision of each complete segment, also of those that are gone.
    lasts: BTreeMap<u64, u64>,
    /// Of the survivors file.
    floor: u64,
    first_kept: u64,
    /// Where the last flush says that history ends.
    end: u64,
}

impl Disk {
    /// A step that a crash may follow: what an open finds then must be all that is needed.
    fn step(&mut self, change: impl FnOnce(&mut Self)) {
        change(self);
        let opened = |number: &u64| !is_left_over(*number, self.first_kept, self.end) && self.segments.contains(number);
        let missing = (self.first_kept..=self.end).find(|number| !opened(number));
        assert!(missing.is_none(), "segment {missing:?} is missing at the next open");
        let needed = self
            .lasts
            .iter()
            .filter(|(number, last)| **last > self.floor && **number < self.end);
        let lost = needed.map(|(number, _)| *number).find(|number| !opened(number));
        assert!(lost.is_none(), "segment {lost:?} is live, and removed by the next open");
    }
}

struct History {
    files: RwLock<Files<()>>,
    disk: Mutex<Disk>,
}

fn path_of(number: u64) -> PathBuf {
    number.to_string().into()
}

fn sealed(number: u64, floor: u64) -> Sealed {
    Sealed {
        path: path_of(number),
        number,
        floor,
        first: (number - 1) * SPAN + 1,
        last: number * SPAN,
        end: 0,
        bytes: 0,
        chain: None,
    }
}

impl History {
    /// One segment is complete, the second is being written.
    fn new() -> Arc<Self> {
        let disk = Disk {
            segments: [1, 2].into(),
            lasts: [(1, SPAN)].into(),
            first_kept: 1,
            end: 2,
            ..Disk::default()
        };
        let kept = Kept {
            segments: vec![Arc::new(sealed(1, 0))],
            ..Kept::default()
        };
        Arc::new(Self {
            files: RwLock::new(Files {
                kept: Arc::new(kept),
                number: 2,
                tail: (),
            }),
            disk: Mutex::new(disk),
        })
    }

    fn step(&self, change: impl FnOnce(&mut Disk)) {
        self.disk.lock().expect(FIRST_PANIC).step(change);
    }

    /// The writer comes to the end of a segment, as `History::seal` does.
    fn seal(&self) {
        let mut files = self.files.write().expect(FIRST_PANIC);
        let number = files.number;
        self.step(|disk| {
            disk.lasts.insert(number, number * SPAN);
            disk.segments.insert(number + 1);
        });
        files.seal(sealed(number, 0), ());
    }

    /// A flush makes persistent where history ends. Returns the compaction that follows it, of all that is complete.
    fn flush(&self) -> Compaction {
        let end = self.files.read().expect(FIRST_PANIC).number;
        self.step(|disk| disk.end = end);
        Compaction {
            to: (end - 1) * SPAN,
            until: (end - 1) * SPAN,
            keep_segment: end,
        }
    }

    fn plan(&self, compaction: &Compaction, protocol: Protocol) -> Option<Plan> {
        if protocol != Protocol::TwoLooks {
            return plan(&self.files, compaction);
        }
        let kept = self.files.look(|files| Arc::clone(&files.kept));
        let number = self.files.look(|files| files.number);
        kept.plan(number, compaction)
    }

    fn delete(&self, plan: &Plan) {
        for file in plan.dropped().filter(|file| file.floor == 0) {
            self.step(|disk| {
                disk.segments.remove(&file.number);
            });
        }
    }

    /// `History::compact`, its bytes left out.
    fn compact(&self, compaction: &Compaction, protocol: Protocol) {
        let Some(plan) = self.plan(compaction, protocol) else {
            return;
        };
        if protocol == Protocol::DeletesBeforeItSays {
            self.delete(&plan);
        }
        self.step(|disk| (disk.floor, disk.first_kept) = (compaction.to, plan.first_kept));
        if protocol == Protocol::DeletesBeforeItShows {
            self.delete(&plan);
        }
        let survivors = Sealed {
            path: path_of(1_000 + compaction.to),
            ..sealed(plan.first_kept, compaction.to)
        };
        self.files
            .write()
            .expect(FIRST_PANIC)
            .carry_out(&plan, compaction.to, survivors);
        self.delete(&plan);
    }

    /// A reader opens what it was told is complete, as `History::opened` does.
    fn read(&self) {
        let kept = self.files.look(|files| Arc::clone(&files.kept));
        for segment in &kept.segments {
            let is_there = self.disk.lock().expect(FIRST_PANIC).segments.contains(&segment.number);
            let is_lost = !is_there && self.files.look(|files| files.holds(&segment.path));
            assert!(!is_lost, "segment {} is taken for lost", segment.number);
        }
    }
}

/// The writer seals and flushes beside compactions.
fn a_crash_at_any_step_loses_nothing(protocol: Protocol, rounds: u64) {
    let history = History::new();
    let writer = thread::spawn({
        let history = Arc::clone(&history);
        move || {
            for _ in 0..rounds {
                history.seal();
                history.flush();
            }
        }
    });
    for round in 1..=rounds {
        let flushed = Compaction {
            to: round * SPAN,
            until: round * SPAN,
            keep_segment: round + 1,
        };
        if round == 1 || history.disk.lock().expect(FIRST_PANIC).end > round {
            history.compact(&flushed, protocol);
        }
    }
    writer.join().expect(FIRST_PANIC);
    let last = history.flush();
    history.compact(&last, protocol);
    history.step(|_| ());
}

/// A reader opens files while they are compacted away.
fn no_reader_takes_a_file_for_lost(protocol: Protocol, rounds: u64) {
    let history = History::new();
    let reader = thread::spawn({
        let history = Arc::clone(&history);
        move || (0..rounds).for_each(|_| history.read())
    });
    let compaction = history.flush();
    history.compact(&compaction, protocol);
    reader.join().expect(FIRST_PANIC);
}

type Model = fn(Protocol, u64);

const MODELS: [Model; 2] = [a_crash_at_any_step_loses_nothing, no_reader_takes_a_file_for_lost];

fn run(model: Model, protocol: Protocol) {
    let is_long = std::env::var("RAFTERDB_MODELS").is_ok_and(|models| models == "long");
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(if is_long { 6 } else { 3 });
    builder.check(move || model(protocol, if is_long { 3 } else { 2 }));
}

#[test]
fn the_protocol_holds_under_every_order_of_events() {
    for model in MODELS {
        run(model, Protocol::Ours);
    }
}

#[test]
fn every_wrong_protocol_is_caught() {
    for (wrong, model, says) in [
        (Protocol::TwoLooks, MODELS[0], "is live, and removed by the next open"),
        (Protocol::DeletesBeforeItSays, MODELS[0], "is missing at the next open"),
        (Protocol::DeletesBeforeItShows, MODELS[1], "is taken for lost"),
    ] {
        let caught = std::panic::catch_unwind(|| run(model, wrong)).expect_err(&format!("{wrong:?} goes unnoticed"));
        let text = caught.downcast_ref::<String>().map_or("", String::as_str);
        assert!(text.contains(says), "{wrong:?}: {text}");
    }
}
