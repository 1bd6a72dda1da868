//! What the apply thread alone changes: puts and deletes of single keys and of ranges, and what they leave behind
//! in rows, state hash and feed. Knows no batches, sessions or readers.

use rafterdb_codec::store::digest::{key_digest, pair_digest};
use rafterdb_codec::{Code, Put, Selection, PUT_IGNORE_LEASE, PUT_IGNORE_VALUE, PUT_PREV_KV};

use super::bounds::{take, Allowance, Bounds};
use super::feed::{Feed, FEED_BYTES_MAX};
use super::range::pair_of;
use super::refusal::Failure;
use super::reply::{Previous, Reply};
use super::state::State;
use super::uncounted::UNCOUNTED;
use crate::{skips_after, Engine, KeyRange, RowRef, Skips, StoreError, Value, Visit};

/// Where in the store's history a change stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) revision: u64,
    pub(super) sub: u32,
}

/// What a deleteRange did.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Deleted {
    /// [`UNCOUNTED`] for a range that was deleted as a whole.
    pub(super) keys: u64,
    /// Pairs appended to the reply.
    pub(super) pairs: u32,
    pub(super) left_out: bool,
    /// The next free place's sub.
    pub(super) next_sub: u32,
}

/// The apply thread's side of the machine.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) state: State,
    /// Changes since the last publish, if they are recorded.
    pub(super) feed: Feed,
    /// Whether the feed holds every change since the last publish.
    pub(super) is_recording: bool,
    /// Revision that readers see; the state's runs ahead of it between publishes.
    pub(super) published: u64,
    /// Compaction that the engine is told of at the next publish, since readers may still be below it.
    pub(super) compaction: Option<u64>,
    /// Set by an engine error: the rows are no longer what the state says.
    pub(super) is_poisoned: bool,
    /// Of the entry that is being applied.
    pub(super) bounds: Bounds,
    /// What is left for the entry that is being applied.
    pub(super) allowance: Allowance,
    /// A range was deleted whose pairs are still in the digest.
    pub(super) digest_is_off: bool,
    /// The value that IGNORE_VALUE keeps, and the keys that a deleteRange is about to delete; reused.
    kept_value: Vec<u8>,
    doomed: Doomed,
}

/// The numbers of a key's latest row.
#[derive(Clone, Copy, Debug, Default)]
struct Before {
    create: u64,
    modified: u64,
    version: u64,
    lease: u64,
    digest: u64,
    /// Those of the row that is about to take its place.
    skips: Skips,
}

impl Writer {
    pub(super) fn new(state: State) -> Self {
        Self {
            published: state.mark.revision,
            state,
            feed: Feed::default(),
            is_recording: false,
            compaction: None,
            is_poisoned: false,
            bounds: Bounds::default(),
            allowance: Allowance::default(),
            digest_is_off: false,
            kept_value: Vec::new(),
            doomed: Doomed::default(),
        }
    }

    /// Writes a key at `place`. A put that ignores value or lease must be of a key that exists.
    pub(super) fn put<E: Engine>(
        &mut self,
        engine: &E,
        put: &Put<'_>,
        place: Place,
        reply: &mut Reply<'_>,
    ) -> Result<Previous, StoreError> {
        let hashed = key_digest(put.key);
        let mut before = Before::default();
        let mut previous = Previous::None;
        let mut read = Ok(());
        engine.latest(put.key, &mut |row| {
            before = Before::of(&row, hashed);
            if let Some(skips) = skips_after(&row, place.revision, row.version + 1, self.state.compacted) {
                before.skips = skips;
            }
            if row.is_tombstone() {
                return;
            }
            read = self
                .take_old_value(engine, put, &row, reply)
                .map(|taken| previous = taken);
        })?;
        read?;
        let is_new = before.version == 0;
        let value = if put.flags & PUT_IGNORE_VALUE != 0 {
            self.kept_value.as_slice()
        } else {
            put.value
        };
        let row = RowRef {
            create: if is_new { place.revision } else { before.create },
            modified: place.revision,
            version: before.version + 1,
            lease: if put.flags & PUT_IGNORE_LEASE != 0 {
                before.lease
            } else {
                put.lease
            },
            previous: before.modified,
            skips: before.skips.as_bytes(),
            value: Value::of(value),
        };
        engine.write(put.key, place.sub, row)?;
        let digest = pair_digest(hashed, &row);
        self.state.digest = self.state.digest.wrapping_sub(before.digest).wrapping_add(digest);
        if self.is_recording {
            self.feed.add(place.sub, put.key, &row, value);
            self.bound_feed();
        }
        Ok(previous)
    }

    /// Takes of the pair that a put replaces what is wanted of it. Its value is read for that alone.
    fn take_old_value<E: Engine>(
        &mut self,
        engine: &E,
        put: &Put<'_>,
        row: &RowRef<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<Previous, StoreError> {
        let mut previous = Previous::None;
        let keeps = put.flags & PUT_IGNORE_VALUE != 0;
        let mut returns = put.flags & PUT_PREV_KV != 0;
        if returns && reply.is_full() {
            (returns, previous) = (false, Previous::LeftOut);
        }
        let records = self.records_previous(row);
        if !keeps && !returns && !records {
            return Ok(previous);
        }
        engine.value(put.key, row, &mut |value| {
            if keeps {
                self.kept_value.clear();
                self.kept_value.extend_from_slice(value);
            }
            if returns {
                previous = reply.add(&pair_of(put.key, row, value));
            }
            if records {
                self.feed.add_previous(put.key, row, value);
            }
        })?;
        Ok(previous)
    }

    /// Whether what a change replaces is recorded. If it takes reading much that lies apart, the feed is given up instead.
    fn records_previous(&mut self, row: &RowRef<'_>) -> bool {
        if self.is_recording && row.value.bytes().is_none() && !self.feed.takes_apart(row.value.len()) {
            self.give_up_feed();
        }
        self.is_recording
    }

    /// How long the value of `key` is now, if it exists.
    pub(super) fn live_value_bytes<E: Engine>(&self, engine: &E, key: &[u8]) -> Result<Option<usize>, StoreError> {
        let mut bytes = None;
        engine.latest(key, &mut |row| {
            bytes = (!row.is_tombstone()).then_some(row.value.len());
        })?;
        Ok(bytes)
    }

    /// Deletes every live key of the selection, from `place` on, one sub-revision each.
    pub(super) fn delete<E: Engine>(
        &mut self,
        engine: &E,
        selection: &Selection<'_>,
        place: Place,
        mut reply: Option<Reply<'_>>,
    ) -> Result<Deleted, Failure> {
        let mut deleted = Deleted {
            next_sub: place.sub,
            ..Deleted::default()
        };
        match *selection {
            Selection::One(key) => self.delete_key(engine, key, place.revision, &mut deleted, &mut reply)?,
            Selection::Span { start, end: Some(end) } if end <= start => {}
            Selection::Span { start, end } => {
                self.delete_span(engine, KeyRange { start, end }, place, &mut deleted, &mut reply)?;
            }
        }
        Ok(deleted)
    }

    /// Few keys are deleted one by one, many by one range tombstone. Refused, before anything is done, if there are too many of those.
    fn delete_span<E: Engine>(
        &mut self,
        engine: &E,
        range: KeyRange<'_>,
        place: Place,
        deleted: &mut Deleted,
        reply: &mut Option<Reply<'_>>,
    ) -> Result<(), Failure> {
        let most = self.allowance.next_delete(&self.bounds);
        let mut left = most;
        let mut doomed = std::mem::take(&mut self.doomed);
        // The engine is not written to while it is scanned: keys are gathered first.
        let is_all = gather(engine, range, place.revision, (&self.bounds, &mut left), &mut doomed)?;
        self.allowance.deleted(&self.bounds, most - left);
        if is_all {
            for key in doomed.iter() {
                self.delete_key(engine, key, place.revision, deleted, reply)?;
            }
        } else {
            self.check_range_tombstones(engine, 1, span_bytes(range))?;
            self.delete_whole(engine, range, place, deleted, reply)?;
        }
        self.doomed = doomed;
        Ok(())
    }

    /// Whether so many range tombstones, with so many bytes of keys, may be added.
    pub(super) fn check_range_tombstones<E: Engine>(
        &self,
        engine: &E,
        count: usize,
        bytes: usize,
    ) -> Result<(), Failure> {
        let (kept, kept_bytes) = engine.deleted_ranges(self.state.compacted);
        if kept + count <= self.bounds.ranges_max && kept_bytes + bytes <= self.bounds.range_bytes_max {
            return Ok(());
        }
        let text = format!(
            "{kept} deleted ranges are kept with the history: compact it (db.compact, or less of history.keep), \
             or delete fewer keys at once"
        );
        Err(Failure::refuse(Code::TooManyOperations, kept as u64, text))
    }

    /// Whether a deleteRange deletes its keys one by one, whatever else is in the entry.
    pub(super) fn is_small<E: Engine>(&self, engine: &E, range: KeyRange<'_>) -> Result<bool, StoreError> {
        let (mut left, mut is_all) = (Allowance::least_delete(&self.bounds), true);
        engine.scan(range, self.state.mark.revision, false, &mut |key, row| {
            is_all = take(&mut left, self.bounds.steps_of(key, row.value));
            if is_all {
                Visit::Next
            } else {
                Visit::Stop
            }
        })?;
        Ok(is_all)
    }

    /// Deletes a range by one change. How many keys it had is counted later; their digests stay where they are.
    fn delete_whole<E: Engine>(
        &mut self,
        engine: &E,
        range: KeyRange<'_>,
        place: Place,
        deleted: &mut Deleted,
        reply: &mut Option<Reply<'_>>,
    ) -> Result<(), StoreError> {
        if let Some(reply) = reply {
            self.append_previous(engine, range, place.revision, deleted, reply)?;
        }
        engine.delete_range(range, place.revision, deleted.next_sub)?;
        deleted.keys = UNCOUNTED;
        deleted.next_sub += 1;
        self.digest_is_off = true;
        self.allowance.is_uncounted = true;
        // Its keys are not known here: the watches are served from history.
        self.give_up_feed();
        Ok(())
    }

    /// Appends the pairs of a range that has some, as far as reply and entry have room for them.
    fn append_previous<E: Engine>(
        &mut self,
        engine: &E,
        range: KeyRange<'_>,
        at: u64,
        deleted: &mut Deleted,
        reply: &mut Reply<'_>,
    ) -> Result<(), StoreError> {
        let (bounds, left) = (&self.bounds, self.allowance.reads(false));
        deleted.left_out = *left == 0 || reply.out.len() >= reply.full_at;
        if deleted.left_out {
            return Ok(());
        }
        let mut read = Ok(());
        engine.scan(range, at, false, &mut |key, row| {
            deleted.left_out = !take(left, bounds.steps_of(key, row.value)) || reply.is_full();
            if deleted.left_out {
                return Visit::Stop;
            }
            read = engine.value(key, &row, &mut |value| pair_of(key, &row, value).encode(reply.out));
            deleted.pairs += 1;
            if read.is_ok() {
                Visit::Next
            } else {
                Visit::Stop
            }
        })?;
        read
    }

    /// Begins the digest anew after a range was deleted, once the operation that did so is complete.
    pub(super) fn settle_digest(&mut self) {
        if std::mem::take(&mut self.digest_is_off) {
            self.state.begin_digest();
        }
    }

    fn delete_key<E: Engine>(
        &mut self,
        engine: &E,
        key: &[u8],
        revision: u64,
        deleted: &mut Deleted,
        reply: &mut Option<Reply<'_>>,
    ) -> Result<(), StoreError> {
        let hashed = key_digest(key);
        let has_reply = reply.is_some();
        let mut before = Before::default();
        let mut read = Ok(());
        engine.latest_of_doomed(key, &mut |row| {
            before = Before::of(&row, hashed);
            if let Some(skips) = skips_after(&row, revision, 0, self.state.compacted) {
                before.skips = skips;
            }
            if row.is_tombstone() {
                return;
            }
            let mut room = reply.as_mut().filter(|reply| !reply.is_full());
            deleted.left_out |= has_reply && room.is_none();
            let records = self.records_previous(&row);
            if room.is_none() && !records {
                return;
            }
            read = engine.value(key, &row, &mut |value| {
                if let Some(reply) = &mut room {
                    reply.add(&pair_of(key, &row, value));
                    deleted.pairs += 1;
                }
                if records {
                    self.feed.add_previous(key, &row, value);
                }
            });
        })?;
        read?;
        if before.version == 0 {
            return Ok(());
        }
        let row = RowRef {
            create: 0,
            modified: revision,
            version: 0,
            lease: 0,
            previous: before.modified,
            skips: before.skips.as_bytes(),
            value: Value::none(),
        };
        engine.write(key, deleted.next_sub, row)?;
        self.state.digest = self.state.digest.wrapping_sub(before.digest);
        if self.is_recording {
            self.feed.add(deleted.next_sub, key, &row, &[]);
            self.bound_feed();
        }
        deleted.keys += 1;
        deleted.next_sub += 1;
        Ok(())
    }

    /// Gives the feed up once it is too large: the watches are then served from history.
    fn bound_feed(&mut self) {
        if self.feed.bytes_used() > FEED_BYTES_MAX {
            self.give_up_feed();
        }
    }

    fn give_up_feed(&mut self) {
        self.feed.clear();
        self.is_recording = false;
    }
}

impl Before {
    #[inline]
    fn of(row: &RowRef<'_>, hashed: u64) -> Self {
        let digest = if row.is_tombstone() {
            0
        } else {
            pair_digest(hashed, row)
        };
        Self {
            create: row.create,
            modified: row.modified,
            version: row.version,
            lease: row.lease,
            digest,
            skips: Skips::default(),
        }
    }
}

/// Bytes of the ends of a range.
pub(super) fn span_bytes(range: KeyRange<'_>) -> usize {
    range.start.len() + range.end.map_or(0, <[u8]>::len)
}

/// Keys one behind the other, and where each ends: in memory only, where room for the next ones is at hand.
#[derive(Debug, Default)]
struct Doomed {
    keys: Vec<u8>,
    ends: Vec<usize>,
}

impl Doomed {
    fn clear(&mut self) {
        self.keys.clear();
        self.ends.clear();
    }

    fn push(&mut self, key: &[u8]) {
        self.keys.extend_from_slice(key);
        self.ends.push(self.keys.len());
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let begins = std::iter::once(&0).chain(&self.ends);
        begins.zip(&self.ends).map(|(begin, end)| &self.keys[*begin..*end])
    }
}

/// Fills `doomed` with the first live keys of the range, as long as there are steps left for them. Returns whether those are all.
fn gather<E: Engine>(
    engine: &E,
    range: KeyRange<'_>,
    at: u64,
    (bounds, left): (&Bounds, &mut u64),
    doomed: &mut Doomed,
) -> Result<bool, StoreError> {
    doomed.clear();
    let mut is_all = true;
    engine.scan(range, at, false, &mut |key, row| {
        is_all = take(left, bounds.steps_of(key, row.value));
        if !is_all {
            return Visit::Stop;
        }
        doomed.push(key);
        Visit::Next
    })?;
    Ok(is_all)
}
