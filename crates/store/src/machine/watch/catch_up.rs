//! Serves the watches that are behind, from history, a bounded amount a call, until they are live again.
//! Never holds the hub's lock while it reads, so the apply thread does not wait for it.

use std::cmp::Ordering;
use std::sync::atomic;
use std::sync::Arc;

use rafterdb_codec::{Code, Selection, WATCH_PREV_KV};

use super::delivery::{send, Position, To};
use super::index::Index;
use super::{lost_body, WatchId};
use crate::machine::feed::{Feed, FEED_BYTES_MAX};
use crate::machine::Machine;
use crate::{Change, Engine, StoreError, Visit};

/// Watches served by one call.
const WATCHES_MAX: usize = 1024;
/// Bytes of events after which a call ends with the revision.
const CALL_BYTES: usize = 1 << 20;
/// Changes looked at after which a call ends with the revision.
const CALL_CHANGES: usize = 16 << 10;
/// Keys of one deleted range looked at after which a call ends within it.
const CALL_KEYS: usize = 256 << 10;

/// A watch as it stood when the call began.
struct Picked {
    id: WatchId,
    slot: u32,
    serial: u64,
    key: Arc<[u8]>,
    end: Arc<[u8]>,
    with_previous: bool,
    /// Credit that is left, of `granted`.
    credit: i64,
    granted: i64,
    next: Position,
}

/// What one call found in history.
#[derive(Default)]
struct Found {
    /// The changes that concern a picked watch.
    feed: Feed,
    /// (picked, change of the feed).
    hits: Vec<(u32, u32)>,
    /// Changes of the feed whose previous pair is wanted, with the revision that it is of.
    lookups: Vec<(usize, u64)>,
    looked_at: usize,
    /// Everything before has been found.
    reached: Position,
}

impl<E: Engine> Machine<E> {
    /// Serves watches that are behind and have credit, the ones furthest behind first. Returns whether to call again.
    /// By one thread, other than the one that applies; [`super::Deliver::behind`] says when.
    ///
    /// # Errors
    /// What the engine reports.
    pub fn catch_up(&self) -> Result<bool, StoreError> {
        let _one_at_a_time = self.watches.catching_up.lock();
        let (mut picked, published) = self.pick();
        let Some(first) = picked.first() else { return Ok(false) };
        let from = first.next.revision;
        let found = match self.find(&picked, &first.next, published) {
            Ok(found) => found,
            Err(error) if error.code == Code::Compacted => {
                let compacted = self.engine.compacted();
                return match from.cmp(&compacted) {
                    Ordering::Less => Ok(self.lose(&picked, compacted)),
                    // The compaction to just there was carried out meanwhile: its changes lie elsewhere now.
                    Ordering::Equal => Ok(true),
                    Ordering::Greater => Err(error),
                };
            }
            Err(error) => return Err(error),
        };
        self.deliver_found(&mut picked, found);
        Ok(self.put_back(&picked))
    }

    fn pick(&self) -> (Vec<Picked>, u64) {
        let mut inner = self.watches.inner.lock();
        let inner = &mut *inner;
        let mut picked = Vec::new();
        let mut held_up = Vec::new();
        for (next, slot) in &inner.ready {
            let Some(watch) = inner.slots[*slot as usize].as_mut() else {
                continue;
            };
            // Under the lock: who says later that there is room finds the watch held up.
            if !self.watches.deliver.takes_more(watch.id) {
                watch.is_held_up = true;
                held_up.push((watch.id.connection, *slot, next.clone()));
                continue;
            }
            picked.push(Picked {
                id: watch.id,
                slot: *slot,
                serial: watch.serial,
                key: watch.key.clone(),
                end: watch.end.clone(),
                with_previous: watch.flags & WATCH_PREV_KV != 0,
                credit: watch.credit,
                granted: watch.credit,
                next: watch.next.clone(),
            });
            if picked.len() == WATCHES_MAX {
                break;
            }
        }
        for (connection, slot, next) in held_up {
            inner.ready.remove(&(next, slot));
            inner.held_up.insert((connection, slot));
        }
        (picked, inner.published)
    }

    /// Reads history from `from` on. `COMPACTED` if a compaction overtook it.
    fn find(&self, picked: &[Picked], from: &Position, published: u64) -> Result<Found, StoreError> {
        let mut index = Index::default();
        for (place, watch) in picked.iter().enumerate() {
            index.insert(&Selection::new(&watch.key, &watch.end), place as u32);
        }
        let mut found = Found {
            reached: Position::before(published + 1),
            ..Found::default()
        };
        if from.revision <= published {
            let mut last = (0, 0);
            self.engine.changes_from(from.as_place(), published, &mut |change| {
                found.look_at(&change, picked, &index, &mut last)
            })?;
            self.find_previous(&mut found)?;
        }
        if self.engine.compacted() > from.revision {
            return Err(StoreError::new(
                Code::Compacted,
                "a compaction overtook the reading of history",
            ));
        }
        Ok(found)
    }

    fn find_previous(&self, found: &mut Found) -> Result<(), StoreError> {
        for (done, (index, previous)) in std::mem::take(&mut found.lookups).into_iter().enumerate() {
            // Never before the first, so that every call comes further.
            if done > 0 && found.feed.bytes_used() > FEED_BYTES_MAX {
                found.cut(index);
                break;
            }
            let (revision, key) = (found.feed.change(index).revision, found.feed.key(index).to_vec());
            // Each change names the one it replaced: a walk from the newest version would take longer with every later one.
            self.engine.replaced(&key, revision, previous, &mut |row| {
                found.feed.set_previous(index, &key, &row)
            })?;
        }
        Ok(())
    }

    fn deliver_found(&self, picked: &mut [Picked], mut found: Found) {
        let mut body = Vec::new();
        let mut stopped = vec![None; picked.len()];
        found.hits.sort_unstable();
        for run in found.hits.chunk_by(|left, right| left.0 == right.0) {
            let place = run[0].0 as usize;
            let watch = &mut picked[place];
            let changes = run.iter().map(|(_, change)| *change as usize);
            let reached = found.reached.revision - 1;
            stopped[place] = send(
                &found.feed,
                changes,
                watch.with_previous,
                &mut watch.credit,
                reached,
                &mut body,
                &To(&*self.watches.deliver, watch.id),
            );
        }
        for (watch, stopped) in picked.iter_mut().zip(stopped) {
            let reached = (&watch.next).max(&found.reached).clone();
            watch.next = stopped.unwrap_or(reached);
        }
    }

    /// Takes over how far the picked watches have come; those that nothing is missing from are live.
    fn put_back(&self, picked: &[Picked]) -> bool {
        let mut inner = self.watches.inner.lock();
        let inner = &mut *inner;
        for served in picked {
            let Some(watch) = inner.slots[served.slot as usize].as_mut() else {
                continue;
            };
            if watch.serial != served.serial {
                continue;
            }
            inner.ready.remove(&(watch.next.clone(), served.slot));
            watch.credit -= served.granted - served.credit;
            watch.next = served.next.clone();
            watch.is_live = watch.next.revision > inner.published;
            if watch.is_ready() {
                inner.ready.insert((watch.next.clone(), served.slot));
            }
        }
        !inner.ready.is_empty()
    }

    /// Ends the picked watches that a compaction has overtaken.
    fn lose(&self, picked: &[Picked], compacted: u64) -> bool {
        let mut inner = self.watches.inner.lock();
        for watch in picked.iter().filter(|watch| watch.next.revision < compacted) {
            let current = inner.slots[watch.slot as usize].as_ref();
            if current.is_some_and(|current| current.serial == watch.serial) {
                inner.remove(watch.slot);
                self.watches
                    .deliver
                    .deliver(watch.id, Code::WatchLost, &lost_body(compacted));
            }
        }
        self.watches.count.store(inner.by_id.len(), atomic::Ordering::Relaxed);
        !inner.ready.is_empty()
    }
}

impl Found {
    /// One change of history. Stops at the end of a revision when enough was found, within one only at the feed's bound.
    fn look_at(&mut self, change: &Change<'_>, picked: &[Picked], index: &Index, last: &mut (u64, u32)) -> Visit {
        let (revision, sub) = (change.row.modified, change.sub);
        let is_next_revision = revision != last.0 && last.0 != 0;
        let is_enough = self.feed.bytes_used() >= CALL_BYTES || self.looked_at >= CALL_CHANGES;
        // Changes of one place are keys of a deleted range.
        let is_much = (revision, sub) == *last && self.looked_at >= CALL_KEYS;
        if (is_next_revision && is_enough) || is_much || self.feed.bytes_used() >= FEED_BYTES_MAX {
            self.reached = Position {
                revision,
                sub,
                key: Some(change.key.into()),
            };
            return Visit::Stop;
        }
        *last = (revision, sub);
        self.looked_at += 1;
        let place = self.feed.len();
        let (hits, mut wants_previous) = (self.hits.len(), false);
        index.visit(change.key, |watch| {
            let picked = &picked[watch as usize];
            if picked.next.is_reached_by(revision, sub, change.key) {
                self.hits.push((watch, place as u32));
                wants_previous |= picked.with_previous;
            }
        });
        if self.hits.len() > hits {
            self.feed.add(change.sub, change.key, &change.row);
            match &change.replaced {
                Some(replaced) if wants_previous => self.feed.set_previous(place, change.key, replaced),
                None if wants_previous && change.row.version != 1 => {
                    self.lookups.push((place, change.row.previous));
                }
                _ => {}
            }
        }
        Visit::Next
    }

    /// Gives up what was found from a change on, the rest of its revision too unless the revision is all there is.
    fn cut(&mut self, index: usize) {
        let revision = self.feed.change(index).revision;
        let start = (0..index)
            .rev()
            .take_while(|at| self.feed.change(*at).revision == revision)
            .last()
            .unwrap_or(index);
        let cut = if start > 0 { start } else { index };
        self.reached = Position::at(&self.feed, cut);
        self.hits.retain(|(_, change)| (*change as usize) < cut);
    }
}
