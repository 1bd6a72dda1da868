//! Events for the Raft core, written into the exchange's array of doubles: FORMATS.md "The exchange" has the table of their fields.
//! Knows nothing of when they are told.

use crate::kinds::EventKind;
use crate::peer::{RaftHeader, Run};

/// Doubles before the first event: how many are used, and the time.
pub const EVENTS_HEADER_DOUBLES: usize = 2;
/// Doubles of a MESSAGE event without its runs; every other event but OPENED and `OPENED_RUNS` is smaller.
pub const MESSAGE_EVENT_DOUBLES: usize = 14;

/// Runs of terms in a log: (first index, term) of each.
pub type LogRuns<'a> = &'a [(u64, u64)];

/// Members and their parts in a configuration: (id, part) of each.
pub type MemberPairs<'a> = &'a [(u64, u64)];

/// One event.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event<'a> {
    /// Where a group stands at start.
    Opened {
        /// The term.
        term: u64,
        /// For whom this member voted in it; 0: nobody.
        vote: u64,
        /// What is known to be committed.
        commit: u64,
        /// (index, term) of the entry before the log's first one.
        start: (u64, u64),
        /// Index of the log's last entry.
        last: u64,
        /// Index of the last entry that is applied.
        applied: u64,
        /// Whether the data directory may lack what was acknowledged.
        recovering: bool,
        /// The log's runs of terms, but for those that were told before.
        runs: LogRuns<'a>,
    },
    /// The first of more runs than an array holds.
    OpenedRuns {
        /// Them.
        runs: LogRuns<'a>,
    },
    /// A chunk of entries waits to be accepted.
    Proposals {
        /// How many.
        count: u64,
        /// Bytes of them.
        bytes: u64,
    },
    /// A Raft message of another member.
    Message {
        /// Who sent it.
        from: u64,
        /// Kind, term and fields.
        header: &'a RaftHeader,
        /// Its entries, by this number from now on; 0: it has none.
        handle: u64,
        /// Bytes of them.
        bytes: u64,
        /// Terms of them.
        runs: &'a [Run],
    },
    /// How far the log is on this member's disk.
    Durable {
        /// Index of the last entry there.
        index: u64,
        /// Its term.
        term: u64,
    },
    /// How far the log is applied.
    Applied {
        /// Index of the last entry that is.
        index: u64,
    },
    /// Another member is, or is not, connected.
    Peer {
        /// Which.
        peer: u64,
        /// Whether it is.
        up: bool,
        /// Time of a round trip, ms.
        rtt: f64,
    },
    /// Reads wait to be confirmed.
    Reads {
        /// Those up to this number.
        sequence: u64,
    },
    /// How sending a snapshot ended.
    SnapshotSent {
        /// To whom.
        peer: u64,
        /// Whether it has all of it.
        ok: bool,
        /// Index of the snapshot.
        index: u64,
    },
    /// How receiving a snapshot ended.
    SnapshotInstalled {
        /// Whether it has replaced the state machine.
        ok: bool,
        /// Index of the snapshot.
        index: u64,
        /// Term of that entry.
        term: u64,
        /// Who sent it.
        from: u64,
    },
    /// How far the store holds the log.
    Persisted {
        /// Everything up to this index.
        index: u64,
        /// Bytes of the whole log from this group's first entry on.
        log_bytes: u64,
    },
    /// Somebody asks for the leadership to move.
    Transfer {
        /// To whom.
        peer: u64,
    },
    /// Who the members are, in what the next event of the group tells of.
    Configuration {
        /// Of a message, how many of its entries come before this one; else, its index.
        at: u64,
        /// Its term; 0 in a message.
        term: u64,
        /// Who has which part in it.
        parts: MemberPairs<'a>,
    },
    /// Somebody asks for other members.
    Change {
        /// A number, above 0, that the answer names.
        asker: u64,
        /// Index of the configuration that the wish was made from.
        from: u64,
        /// Also when a majority of the new voters does not answer now.
        is_forced: bool,
        /// Who they shall be: (id, 1 if it votes, else 0).
        members: MemberPairs<'a>,
    },
    /// Stop the worker.
    Close,
    /// The leader says that an entry is committed.
    Committed {
        /// Its index.
        index: u64,
        /// Its term.
        term: u64,
    },
    /// How far the entries of a message went.
    Sent {
        /// To whom.
        peer: u64,
        /// Index of the first.
        first: u64,
        /// Index after the last; `first`: none went.
        end: u64,
        /// Bytes of them.
        bytes: u64,
    },
}

impl Event<'_> {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> EventKind {
        match self {
            Self::Opened { .. } => EventKind::Opened,
            Self::OpenedRuns { .. } => EventKind::OpenedRuns,
            Self::Proposals { .. } => EventKind::Proposals,
            Self::Message { .. } => EventKind::Message,
            Self::Durable { .. } => EventKind::Durable,
            Self::Applied { .. } => EventKind::Applied,
            Self::Peer { .. } => EventKind::Peer,
            Self::Reads { .. } => EventKind::Reads,
            Self::SnapshotSent { .. } => EventKind::SnapshotSent,
            Self::SnapshotInstalled { .. } => EventKind::SnapshotInstalled,
            Self::Persisted { .. } => EventKind::Persisted,
            Self::Transfer { .. } => EventKind::Transfer,
            Self::Configuration { .. } => EventKind::Configuration,
            Self::Change { .. } => EventKind::Change,
            Self::Close => EventKind::Close,
            Self::Committed { .. } => EventKind::Committed,
            Self::Sent { .. } => EventKind::Sent,
        }
    }

    /// Doubles that it takes, kind and group included.
    #[must_use]
    pub const fn doubles(&self) -> usize {
        2 + match self {
            Self::Opened { runs, .. } => 9 + 2 * runs.len(),
            Self::OpenedRuns { runs } => 1 + 2 * runs.len(),
            Self::Message { runs, .. } => MESSAGE_EVENT_DOUBLES - 2 + 2 * runs.len(),
            Self::Configuration { parts, .. } => 3 + 2 * parts.len(),
            Self::Change { members, .. } => 4 + 2 * members.len(),
            Self::SnapshotInstalled { .. } | Self::Sent { .. } => 4,
            Self::Peer { .. } | Self::SnapshotSent { .. } => 3,
            Self::Proposals { .. } | Self::Durable { .. } | Self::Persisted { .. } | Self::Committed { .. } => 2,
            Self::Applied { .. } | Self::Reads { .. } | Self::Transfer { .. } => 1,
            Self::Close => 0,
        }
    }
}

/// The events of one exchange under construction.
#[derive(Debug)]
pub struct Events<'a> {
    doubles: &'a mut [f64],
    used: usize,
}

impl<'a> Events<'a> {
    /// No events yet, in an array of at least [`EVENTS_HEADER_DOUBLES`].
    #[must_use]
    pub const fn new(doubles: &'a mut [f64]) -> Self {
        Self {
            doubles,
            used: EVENTS_HEADER_DOUBLES,
        }
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.used == EVENTS_HEADER_DOUBLES
    }

    /// Doubles that are left.
    #[must_use]
    pub const fn room(&self) -> usize {
        self.doubles.len().saturating_sub(self.used)
    }

    /// Appends an event for a group, if it fits; whether it did. One that did not waits for the next exchange.
    #[inline]
    #[must_use = "an event that did not fit was not told"]
    pub fn tell(&mut self, group: u16, event: &Event<'_>) -> bool {
        let fits = event.doubles() <= self.room();
        if fits {
            self.put(&[event.kind() as u64, u64::from(group)]);
            self.put_fields(event);
        }
        fits
    }

    /// Ends the array, `now` ms of the clock; returns the doubles that are used.
    pub fn finish(self, now: f64) -> usize {
        #[allow(clippy::cast_precision_loss, reason = "at most eventsDoublesMax")]
        let used = self.used as f64;
        self.doubles[..EVENTS_HEADER_DOUBLES].copy_from_slice(&[used, now]);
        self.used
    }

    fn put_fields(&mut self, event: &Event<'_>) {
        match *event {
            Event::Opened {
                term,
                vote,
                commit,
                start,
                last,
                applied,
                recovering,
                runs,
            } => {
                self.put(&[
                    term,
                    vote,
                    commit,
                    start.0,
                    start.1,
                    last,
                    applied,
                    u64::from(recovering),
                ]);
                self.put_runs(runs.iter().copied());
            }
            Event::OpenedRuns { runs } => self.put_runs(runs.iter().copied()),
            Event::Proposals { count, bytes } => self.put(&[count, bytes]),
            Event::Message {
                from,
                header,
                handle,
                bytes,
                runs,
            } => {
                self.put(&[from, header.kind as u64, header.term, handle]);
                self.put(&header.fields);
                self.put(&[bytes]);
                self.put_runs(runs.iter().map(|run| (run.term, u64::from(run.count))));
            }
            Event::Durable { index, term } | Event::Committed { index, term } => self.put(&[index, term]),
            Event::Applied { index: only } | Event::Reads { sequence: only } => self.put(&[only]),
            Event::Transfer { peer } => self.put(&[peer]),
            Event::Peer { peer, up, rtt } => {
                self.put(&[peer, u64::from(up)]);
                self.put_float(rtt);
            }
            Event::SnapshotSent { peer, ok, index } => self.put(&[peer, u64::from(ok), index]),
            Event::SnapshotInstalled { ok, index, term, from } => self.put(&[u64::from(ok), index, term, from]),
            Event::Persisted { index, log_bytes } => self.put(&[index, log_bytes]),
            Event::Configuration { at, term, parts } => {
                self.put(&[at, term]);
                self.put_runs(parts.iter().copied());
            }
            Event::Change {
                asker,
                from,
                is_forced,
                members,
            } => {
                self.put(&[asker, from, u64::from(is_forced)]);
                self.put_runs(members.iter().copied());
            }
            Event::Close => {}
            Event::Sent {
                peer,
                first,
                end,
                bytes,
            } => self.put(&[peer, first, end, bytes]),
        }
    }

    #[inline]
    fn put(&mut self, fields: &[u64]) {
        for field in fields {
            #[allow(clippy::cast_precision_loss, reason = "indexes, terms and ids are below 2^53")]
            self.put_float(*field as f64);
        }
    }

    /// A count, and pairs.
    fn put_runs(&mut self, runs: impl ExactSizeIterator<Item = (u64, u64)>) {
        self.put(&[runs.len() as u64]);
        for (one, other) in runs {
            self.put(&[one, other]);
        }
    }

    #[inline]
    fn put_float(&mut self, value: f64) {
        self.doubles[self.used] = value;
        self.used += 1;
    }
}
