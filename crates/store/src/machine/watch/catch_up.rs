//! Serves the watches that are behind, from history, a bounded amount a call, until they are live again.
//! Never holds the hub's lock while it reads, so the apply thread does not wait for it.

use std::cmp::Ordering;
use std::sync::atomic;
use std::sync::Arc;

use rafterdb_codec::{Code, Selection, WATCH_PREV_KV};

use super::delivery::{send, Position, To};
use super::index::Index;
use super::{lost_body, WatchHub, WatchId};
use crate::machine::feed::{Feed, FEED_BYTES_MAX};
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

impl WatchHub {
    /// As `Machine::catch_up`, with the history of an engine.
    pub(in crate::machine) fn catch_up<E: Engine>(&self, engine: &E) -> Result<bool, StoreError> {
        let _one_at_a_time = self.catching_up.lock();
        let (mut picked, published) = self.pick();
        let Some(first) = picked.first() else { return Ok(false) };
        let from = first.next.revision;
        let found = match find(engine, &picked, &first.next, published) {
            Ok(found) => found,
            Err(error) if error.code == Code::Compacted => {
                let compacted = engine.compacted();
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
        let mut inner = self.inner.lock();
        let inner = &mut *inner;
        let mut picked = Vec::new();
        let mut held_up = Vec::new();
        for (next, slot) in &inner.ready {
            let Some(watch) = inner.slots[*slot as usize].as_mut() else {
                continue;
            };
            // Under the lock: who says later that there is room finds the watch held up.
            if !self.deliver.takes_more(watch.id) {
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
                &To(&*self.deliver, watch.id),
            );
        }
        for (watch, stopped) in picked.iter_mut().zip(stopped) {
            let reached = (&watch.next).max(&found.reached).clone();
            watch.next = stopped.unwrap_or(reached);
        }
    }

    /// Takes over how far the picked watches have come; those that nothing is missing from are live.
    fn put_back(&self, picked: &[Picked]) -> bool {
        let mut inner = self.inner.lock();
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
        let mut inner = self.inner.lock();
        for watch in picked.iter().filter(|watch| watch.next.revision < compacted) {
            let current = inner.slots[watch.slot as usize].as_ref();
            if current.is_some_and(|current| current.serial == watch.serial) {
                inner.remove(watch.slot);
                self.deliver.deliver(watch.id, Code::WatchLost, &lost_body(compacted));
            }
        }
        self.count.store(inner.by_id.len(), atomic::Ordering::Relaxed);
        !inner.ready.is_empty()
    }
}

/// Reads history from `from` on. `COMPACTED` if a compaction overtook it.
fn find<E: Engine>(engine: &E, picked: &[Picked], from: &Position, published: u64) -> Result<Found, StoreError> {
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
        let mut read = Ok(());
        engine.changes_from(from.as_place(), published, &mut |change| {
            let looked_at = found.look_at(engine, &change, picked, &index, &mut last);
            looked_at.unwrap_or_else(|error| {
                read = Err(error);
                Visit::Stop
            })
        })?;
        read?;
        found.look_up_previous(engine)?;
    }
    if engine.compacted() > from.revision {
        return Err(StoreError::new(
            Code::Compacted,
            "a compaction overtook the reading of history",
        ));
    }
    Ok(found)
}

impl Found {
    /// One change of history. Stops at the end of a revision when enough was found, within one only at the feed's bound.
    fn look_at<E: Engine>(
        &mut self,
        engine: &E,
        change: &Change<'_>,
        picked: &[Picked],
        index: &Index,
        last: &mut (u64, u32),
    ) -> Result<Visit, StoreError> {
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
            return Ok(Visit::Stop);
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
            let (key, feed) = (change.key, &mut self.feed);
            engine.value(key, &change.row, &mut |value| {
                feed.add(change.sub, key, &change.row, value)
            })?;
            match &change.replaced {
                Some(replaced) if wants_previous => {
                    engine.value(key, replaced, &mut |value| {
                        feed.set_previous(place, key, replaced, value)
                    })?;
                }
                None if wants_previous && change.row.version != 1 => {
                    self.lookups.push((place, change.row.previous));
                }
                _ => {}
            }
        }
        Ok(Visit::Next)
    }

    /// Adds the previous pairs that are wanted.
    fn look_up_previous<E: Engine>(&mut self, engine: &E) -> Result<(), StoreError> {
        for (done, (index, previous)) in std::mem::take(&mut self.lookups).into_iter().enumerate() {
            // Never before the first, so that every call comes further.
            if done > 0 && self.feed.bytes_used() > FEED_BYTES_MAX {
                self.cut(index);
                break;
            }
            let (revision, key) = (self.feed.change(index).revision, self.feed.key(index).to_vec());
            // Each change names the one it replaced: a walk from the newest version would take longer with every later one.
            let mut read = Ok(());
            engine.replaced(&key, revision, previous, &mut |row| {
                read = engine.value(&key, &row, &mut |value| {
                    self.feed.set_previous(index, &key, &row, value)
                });
            })?;
            read?;
        }
        Ok(())
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
