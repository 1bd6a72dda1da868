//! Goal: wherever the connection breaks under a snapshot, the bytes that arrive are those that were sent, and no more than the window
//! of them goes out twice. A sender and a receiver, with the connection between them in the test's hand.

use std::cell::Cell;
use std::io::Write;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rafterdb_codec::{limits, Role, SnapshotMessage, SnapshotRecord, SnapshotState};

use super::slice;
use crate::ground::member_log::MemberLog;
use crate::member::shared::Shared;
use crate::snapshots::outgoing::Outgoing;
use crate::snapshots::receive::receive;
use crate::snapshots::records::{RecordWriter, Way};
use crate::snapshots::under_way::{Incoming, Received, Snapshots};
use crate::state::group::Group;
use crate::testing::{Bench, Recorder};

/// More than the window, and no multiple of a record.
const BYTES: usize = limits::SNAPSHOT_WINDOW_BYTES_MAX + (2 << 20) + 77;
const WINDOW: u64 = limits::SNAPSHOT_WINDOW_BYTES_MAX as u64;
/// The sender's number for the stream.
const ID: u64 = 9;
const PATIENCE: Duration = Duration::from_secs(60);

/// Where the connection breaks: before this record is delivered, counted from 1 over all connections, those that are sent again too.
/// Answers that are on their way go with it. 0: when all has arrived, before it is installed.
type Cuts<'a> = &'a mut dyn FnMut(u64) -> bool;

/// What came of one stream.
#[derive(Default)]
struct Outcome {
    failed: Option<std::io::Error>,
    /// Bytes in DATA records that went out, beyond once each.
    twice: u64,
    /// Losses.
    cuts: u64,
    /// Those that the receiver heard of too late.
    losses_heard: u64,
    /// What arrived.
    received: Option<Vec<u8>>,
    /// Records that were delivered or lost.
    records: u64,
}

fn content() -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(next)
        .take(BYTES / 8 + 1)
        .flatten()
        .take(BYTES)
        .collect()
}

/// One end of the connection.
struct End<'a> {
    snapshots: &'a Snapshots,
    member_log: &'a MemberLog,
    wire: &'a Recorder,
    peer: u64,
    /// Bytes in DATA records that went out.
    data: Cell<u64>,
}

impl<'a> End<'a> {
    fn new(shared: &'a Shared, wire: &'a Recorder, peer: u64) -> Self {
        let data = Cell::new(0);
        Self {
            snapshots: &shared.snapshots,
            member_log: &shared.member_log,
            wire,
            peer,
            data,
        }
    }

    /// The other lane is lost, and there again.
    fn lose(&self) {
        self.snapshots.peer_lost(self.peer);
        self.snapshots.peer_connected(self.peer);
    }

    fn hear(&self, frame: &[u8]) {
        self.snapshots.arrived(self.member_log, self.peer, slice(frame));
    }

    fn frames(&self) -> Vec<Vec<u8>> {
        let frames = std::mem::take(&mut *self.wire.frames.lock().expect("it works"));
        for (_, body) in &frames {
            if let SnapshotMessage::Data { bytes, .. } = SnapshotRecord::parse(body).expect("it works").part {
                self.data.set(self.data.get() + bytes.len() as u64);
            }
        }
        frames.into_iter().map(|(_, body)| body).collect()
    }
}

/// The connection breaks, and is there again.
fn cut(ends: [&End<'_>; 2]) {
    for end in ends {
        end.wire.is_cut.store(true, Ordering::Relaxed);
    }
    for end in ends {
        end.frames();
        end.snapshots.peer_lost(end.peer);
    }
    for end in ends {
        end.frames();
        end.wire.is_cut.store(false, Ordering::Relaxed);
    }
    for end in ends {
        end.snapshots.peer_connected(end.peer);
    }
}

/// The connection, in the test's hand.
struct Connection<'a> {
    near: End<'a>,
    far: End<'a>,
    arrived: &'a Receiver<Received>,
    cuts: Cuts<'a>,
    outcome: Outcome,
    /// How many records are to be delivered before what has arrived counts as installed.
    install_at: Option<u64>,
    /// It is the other lane that is lost: nothing of this one goes, and the receiver hears of it when it has been asked already.
    is_late: bool,
}

impl Connection<'_> {
    fn cut(&mut self) {
        self.outcome.cuts += 1;
        cut([&self.near, &self.far]);
    }

    /// Carries what was sent since, both ways, until the connection breaks.
    fn carry(&mut self) {
        for frame in self.near.frames() {
            self.outcome.records += 1;
            if (self.cuts)(self.outcome.records) {
                if !self.is_late {
                    self.cut();
                    break;
                }
                self.outcome.cuts += 1;
                self.near.lose();
            }
            self.far.hear(&frame);
            let part = SnapshotRecord::parse(&frame).expect("it works").part;
            if self.is_late
                && self.outcome.losses_heard < self.outcome.cuts
                && matches!(part, SnapshotMessage::Resume { .. })
            {
                self.outcome.losses_heard += 1;
                self.far.lose();
            }
        }
        for frame in self.far.frames() {
            self.near.hear(&frame);
        }
    }

    /// Has what has arrived whole count as installed.
    fn install(&mut self) {
        if let Ok(received) = self.arrived.try_recv() {
            self.outcome.received = std::fs::read(&received.path).ok();
            let is_cut = (self.cuts)(0);
            if is_cut {
                self.cut();
            }
            // The question where to go on, and the end once more.
            self.install_at = Some(self.outcome.records + if is_cut { 2 } else { 0 });
        }
        if self.install_at.is_some_and(|at| self.outcome.records >= at) {
            self.install_at = None;
            self.far.snapshots.tell(Incoming::Ended {
                peer: self.far.peer,
                group: 0,
                id: ID,
                result: Ok(()),
            });
        }
    }
}

fn writer<'a>(shared: &'a Shared, group: &'a Group, outgoing: Arc<Outgoing>) -> RecordWriter<'a> {
    RecordWriter::new(Way {
        network: &shared.network,
        rate: &shared.snapshots.rate,
        member_log: &shared.member_log,
        group,
        id: ID,
        index: 5,
        outgoing,
    })
}

/// Sends all of it, as the thread that sends does.
fn send(shared: &Shared, group: &Group, outgoing: Arc<Outgoing>, bytes: &[u8]) -> std::io::Result<()> {
    let mut writer = writer(shared, group, outgoing);
    writer.begin(3)?;
    writer.write_all(bytes)?;
    writer.finish()
}

/// Sends `bytes` from one member to another over a connection that breaks there.
fn stream(bytes: &[u8], cuts: Cuts<'_>) -> Outcome {
    stream_over(bytes, false, cuts)
}

/// The same; `is_late`: it is the other lane that breaks, and the receiver hears of it when it has been asked where to go on.
fn stream_over(bytes: &[u8], is_late: bool, cuts: Cuts<'_>) -> Outcome {
    let (from, to) = (Bench::new(1), Bench::new(1));
    from.group(0).set_role(Role::Leader);
    let peer = from.id("b");
    let outgoing = Arc::new(Outgoing::new(0, peer));
    from.shared.snapshots.outgoing.lock().add(ID, outgoing.clone());
    let Bench {
        queues,
        shared,
        threads,
        wire,
        ..
    } = to;
    let (receiver, incoming) = (threads.receiver, queues.incoming);
    let mut connection = Connection {
        near: End::new(&from.shared, &from.wire, peer),
        far: End::new(&shared, &wire, peer),
        arrived: &queues.received,
        cuts,
        outcome: Outcome::default(),
        install_at: None,
        is_late,
    };
    let (parts, group) = (&from.shared, from.group(0).clone());
    std::thread::scope(|scope| {
        let receiving = scope.spawn(move || receive(&receiver, &incoming));
        let sending = scope.spawn(|| send(parts, &group, outgoing, bytes));
        let began = Instant::now();
        while !sending.is_finished() {
            let Outcome { records, cuts, .. } = connection.outcome;
            assert!(began.elapsed() < PATIENCE, "{records} records and {cuts} cuts");
            connection.carry();
            connection.install();
            std::thread::yield_now();
        }
        connection.outcome.failed = sending.join().expect("it works").err();
        shared.snapshots.close();
        receiving.join().expect("it works");
    });
    let Connection { near, mut outcome, .. } = connection;
    outcome.twice = near.data.get().saturating_sub(BYTES as u64);
    outcome
}

#[test]
fn a_stream_whose_connection_breaks_at_any_record_arrives_whole_and_no_more_than_the_window_is_sent_again() {
    let bytes = content();
    let whole = stream(&bytes, &mut |_| false);
    assert!(whole.failed.is_none() && whole.twice == 0);
    let first_data = 2;
    for at in (first_data..=whole.records).step_by(3).chain([whole.records]) {
        let outcome = stream(&bytes, &mut |record| record == at);
        assert!(outcome.failed.is_none(), "record {at}: {:?}", outcome.failed);
        assert!(
            outcome.received.as_ref() == Some(&bytes),
            "record {at}: other bytes came"
        );
        assert_eq!(outcome.cuts, 1, "record {at}");
        assert!(
            outcome.twice <= WINDOW,
            "record {at}: {} bytes were sent again",
            outcome.twice
        );
    }
}

#[test]
fn no_more_than_the_window_is_ahead_of_the_answers() {
    let (from, bytes) = (Bench::new(1), content());
    let outgoing = Arc::new(Outgoing::new(0, from.id("b")));
    let near = End::new(&from.shared, &from.wire, outgoing.peer);
    let (parts, group, sent) = (&from.shared, from.group(0).clone(), outgoing.clone());
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| send(parts, &group, sent, &bytes));
        let began = Instant::now();
        // Whoever went on regardless would be at the end after this.
        while began.elapsed() < Duration::from_millis(500) || near.data.get() + (1 << 20) < WINDOW {
            assert!(began.elapsed() < PATIENCE, "{} bytes went out", near.data.get());
            near.frames();
            std::thread::yield_now();
        }
        assert!(near.data.get() <= WINDOW, "{} bytes", near.data.get());
        outgoing.give_up();
        assert!(sending.join().expect("it works").is_err());
    });
}

#[test]
fn a_connection_that_breaks_again_and_again_brings_all_of_it_in_the_end() {
    let bytes = content();
    for every in [3, 7, 13] {
        let outcome = stream(&bytes, &mut |record| record > 1 && record % every == 0);
        assert!(outcome.failed.is_none(), "every {every} records: {:?}", outcome.failed);
        assert!(outcome.received.as_ref() == Some(&bytes), "every {every} records");
        assert!(outcome.cuts > 1);
    }
}

#[test]
fn a_connection_that_breaks_while_all_of_it_is_installed_is_none_to_the_stream() {
    let bytes = content();
    let outcome = stream(&bytes, &mut |record| record == 0);
    assert!(outcome.failed.is_none(), "{:?}", outcome.failed);
    assert!(outcome.received.as_ref() == Some(&bytes));
    assert_eq!((outcome.cuts, outcome.twice), (1, 0));
}

#[test]
fn a_receiver_that_hears_of_a_loss_after_the_question_where_to_go_on_is_asked_again() {
    let bytes = content();
    let outcome = stream_over(&bytes, true, &mut |record| record == 20);
    assert!(outcome.failed.is_none(), "{:?}", outcome.failed);
    assert!(outcome.received.as_ref() == Some(&bytes));
    assert_eq!((outcome.cuts, outcome.losses_heard), (1, 1));
    assert!(outcome.twice <= 2 * WINDOW, "{} bytes were sent again", outcome.twice);
}

#[test]
fn a_beginning_that_is_lost_ends_the_stream_to_be_begun_anew() {
    let outcome = stream(&content(), &mut |record| record == 1);
    assert!(outcome.failed.is_some() && outcome.received.is_none());
}

#[test]
fn who_has_nothing_to_send_for_long_asks_where_to_go_on_when_the_connection_was_lost() {
    let (from, bytes) = (Bench::new(1), content());
    from.group(0).set_role(Role::Leader);
    let outgoing = Arc::new(Outgoing::new(0, from.id("b")));
    let near = End::new(&from.shared, &from.wire, outgoing.peer);
    from.shared.snapshots.outgoing.lock().add(ID, outgoing.clone());
    let (parts, group) = (&from.shared, from.group(0).clone());
    let (loss, lost) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let (group, bytes) = (&group, &bytes);
        let sending = scope.spawn(move || {
            let mut writer = writer(parts, group, outgoing);
            writer.begin(3)?;
            writer.write_all(&bytes[..1 << 20])?;
            lost.recv().map_err(std::io::Error::other)?;
            writer.flush()
        });
        let began = Instant::now();
        while near.data.get() < 1 << 20 {
            assert!(began.elapsed() < PATIENCE, "{} bytes went out", near.data.get());
            near.frames();
        }
        near.lose();
        loss.send(()).expect("it works");
        let asks = |frame: &Vec<u8>| {
            let part = SnapshotRecord::parse(frame).expect("it works").part;
            matches!(part, SnapshotMessage::Resume { .. })
        };
        while !near.frames().iter().any(asks) {
            assert!(began.elapsed() < PATIENCE && !sending.is_finished(), "it does not ask");
        }
        let (received, state, base) = (1 << 20, SnapshotState::Resumed, 0);
        near.hear(&super::record(SnapshotMessage::Ack { received, state, base }));
        assert!(sending.join().expect("it works").is_ok());
    });
}
