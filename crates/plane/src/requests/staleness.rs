//! The bound of a synchronous read: the caller's thread waits until what this member has applied is recent enough.
//! Knows nothing of what is read.

use std::sync::atomic::Ordering;
use std::sync::mpsc::sync_channel;
use std::sync::Arc;
use std::time::Duration;

use rafterdb_codec::Code;

use crate::askers::deliveries::Deliveries;
use crate::ground::clock::now_ms;
use crate::ground::error::PlaneError;
use crate::requests::gate::Gate;
use crate::state::group::Group;
use crate::state::waiting_reads::{Fresh, Read};

/// How long the caller's thread waits for the leader's word, and for the entries that it is about. A round trip takes a part of it.
const WORD_WAIT_MAX: Duration = Duration::from_millis(100);

impl Gate {
    /// Returns once this member has applied all that was committed `staleness` ms ago: at once if that is known, else after a round
    /// trip to the leader, whose word then counts for the reads that follow. Nothing waits on the caller's thread but the caller.
    ///
    /// # Errors
    /// STALE: there is no leader, or it gave no word within 100 ms.
    pub fn await_fresh(&self, group: &Arc<Group>, staleness: u64) -> Result<(), PlaneError> {
        if self.is_fresh(group, staleness) {
            return Ok(());
        }
        let (teller, told) = sync_channel(1);
        let mut out = Deliveries::default();
        self.linearizable(group, Read::Blocking { teller }, &mut out);
        self.answers.deliver_all(&mut out);
        // Whoever gives the read up drops the teller.
        told.recv_timeout(WORD_WAIT_MAX).map_err(|_| {
            let text = "no leader has said within 100 ms how far this member is behind; use `await db.get(key)`, or \
                        consistency: 'serializable'";
            PlaneError::new(Code::Stale, text)
        })
    }

    fn is_fresh(&self, group: &Group, staleness: u64) -> bool {
        let now = now_ms();
        let applied = group.applied.load(Ordering::Acquire);
        if let Some(index) = group.leased_index(now) {
            return applied >= index;
        }
        let fresh = group.reads.lock().fresh;
        #[allow(clippy::cast_precision_loss, reason = "a staleness of 2^53 ms is as good as none")]
        let is_recent = |at: f64| now - at <= staleness as f64;
        matches!(fresh, Some(Fresh { at, index, .. }) if is_recent(at) && applied >= index)
    }
}

#[cfg(test)]
mod tests {
    //! Goal: a synchronous read waits for a word of the leader that is recent enough, and for nothing that does not come.

    use std::thread::JoinHandle;
    use std::time::Instant;

    use rafterdb_codec::{PeerRecord, PeerRecords, ReadReply};

    use super::*;
    use crate::testing::Bench;

    type Outcome = Result<(), Code>;

    fn reads(bench: &Bench, staleness: u64) -> JoinHandle<(Outcome, Duration)> {
        let (gate, group) = (bench.rooms.gate.clone(), bench.group(0).clone());
        std::thread::spawn(move || {
            let began = Instant::now();
            let outcome = gate.await_fresh(&group, staleness).map_err(|error| error.code);
            (outcome, began.elapsed())
        })
    }

    /// The number of the question that a leader was asked; asserts that it was asked just one.
    fn question(bench: &Bench) -> u64 {
        let until = Instant::now() + Duration::from_secs(5);
        let sent = loop {
            let sent = bench.sent();
            if !sent.is_empty() || Instant::now() > until {
                break sent;
            }
            std::thread::yield_now();
        };
        assert_eq!(sent.len(), 1);
        match PeerRecords::new(&sent[0].1).next() {
            Some(Ok(PeerRecord::ReadIndex { id, .. })) => id,
            other => panic!("{other:?}"),
        }
    }

    fn answer(bench: &Bench, id: u64, index: u64) {
        let reply = ReadReply {
            group: 0,
            id,
            code: Code::Ok,
            index,
            term: 1,
        };
        bench.rooms.gate.read_reply(bench.id("b"), &reply);
    }

    fn outcome(read: JoinHandle<(Outcome, Duration)>) -> Outcome {
        read.join().expect("it reads").0
    }

    #[test]
    fn a_word_of_the_leader_counts_for_as_long_as_the_reader_says() {
        let bench = Bench::new(1);
        bench.script("ROLE 0 0 1 b");
        let first = reads(&bench, 60_000);
        answer(&bench, question(&bench), 0);
        assert_eq!(outcome(first), Ok(()));
        assert_eq!(outcome(reads(&bench, 60_000)), Ok(()));
        assert_eq!(bench.sent().len(), 0, "the word was recent enough");
        std::thread::sleep(Duration::from_millis(2));
        let strict = reads(&bench, 1);
        answer(&bench, question(&bench), 0);
        assert_eq!(outcome(strict), Ok(()));
    }

    #[test]
    fn a_word_about_what_is_not_applied_is_not_enough() {
        let bench = Bench::new(1);
        bench.script("PERSIST 0 1 b 0\nROLE 0 0 1 b\nNOOP 0 1 1");
        let early = reads(&bench, 60_000);
        answer(&bench, question(&bench), 1);
        assert_eq!(outcome(early), Err(Code::Stale));
        let late = reads(&bench, 60_000);
        answer(&bench, question(&bench), 1);
        bench.script("COMMIT 0 1");
        assert_eq!(outcome(late), Ok(()));
    }

    #[test]
    fn a_leader_that_is_gone_or_silent_is_not_waited_for() {
        let bench = Bench::new(1);
        assert_eq!(outcome(reads(&bench, 60_000)), Err(Code::Stale), "nobody leads");
        bench.script("ROLE 0 0 1 b");
        let silent = reads(&bench, 60_000);
        question(&bench);
        let (outcome_of_silent, waited) = silent.join().expect("it reads");
        assert_eq!(outcome_of_silent, Err(Code::Stale));
        assert!(waited >= WORD_WAIT_MAX, "{waited:?}");
        bench.script("ROLE 0 0 2 c");
        let replaced = reads(&bench, 60_000);
        question(&bench);
        bench.script("ROLE 0 0 3 b");
        assert_eq!(outcome(replaced), Err(Code::Stale));
    }

    #[test]
    fn a_leader_reads_by_its_lease() {
        let bench = Bench::new(1);
        bench.lead();
        bench.group(0).set_lease(now_ms() + 60_000.0);
        assert_eq!(outcome(reads(&bench, 0)), Ok(()));
        assert_eq!(bench.sent().len(), 0);
    }
}
