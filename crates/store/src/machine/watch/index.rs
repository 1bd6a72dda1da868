//! Which watches a key concerns: one look-up for single keys, one for each length of prefix in use, and a walk over the
//! few ranges that are neither. Knows watches as slot numbers.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use rafterdb_codec::Selection;

/// Slots by what they watch.
#[derive(Debug, Default)]
pub(super) struct Index {
    keys: HashMap<Box<[u8]>, Vec<u32>>,
    prefixes: HashMap<Box<[u8]>, Vec<u32>>,
    /// How many distinct prefixes there are of each length.
    prefix_lengths: BTreeMap<usize, usize>,
    /// Ranges that are not prefixes, by start.
    spans: BTreeMap<Box<[u8]>, Vec<Span>>,
}

/// A range that is not a prefix; its start is the key it is kept under.
#[derive(Debug)]
struct Span {
    end: Option<Box<[u8]>>,
    slot: u32,
}

impl Index {
    pub(super) fn insert(&mut self, selection: &Selection<'_>, slot: u32) {
        if let Selection::One(key) = *selection {
            push(&mut self.keys, key, slot);
        } else if let Some(prefix) = selection.prefix() {
            if push(&mut self.prefixes, prefix, slot) {
                *self.prefix_lengths.entry(prefix.len()).or_default() += 1;
            }
        } else if let Selection::Span { start, end } = *selection {
            self.spans.entry(start.into()).or_default().push(Span {
                end: end.map(Into::into),
                slot,
            });
        }
    }

    /// The selection must be the one that the slot was inserted with.
    pub(super) fn remove(&mut self, selection: &Selection<'_>, slot: u32) {
        if let Selection::One(key) = *selection {
            pull(&mut self.keys, key, slot);
        } else if let Some(prefix) = selection.prefix() {
            if pull(&mut self.prefixes, prefix, slot) {
                self.forget_length(prefix.len());
            }
        } else if let Selection::Span { start, .. } = *selection {
            if let Some(spans) = self.spans.get_mut(start) {
                spans.retain(|span| span.slot != slot);
                if spans.is_empty() {
                    self.spans.remove(start);
                }
            }
        }
    }

    /// Calls `visit` with every slot whose selection has `key`, each once.
    pub(super) fn visit(&self, key: &[u8], mut visit: impl FnMut(u32)) {
        if let Some(slots) = self.keys.get(key) {
            slots.iter().copied().for_each(&mut visit);
        }
        for length in self.prefix_lengths.keys().take_while(|length| **length <= key.len()) {
            if let Some(slots) = self.prefixes.get(&key[..*length]) {
                slots.iter().copied().for_each(&mut visit);
            }
        }
        for (_, spans) in self.spans.range::<[u8], _>((Bound::Unbounded, Bound::Included(key))) {
            for span in spans {
                if span.end.as_ref().is_none_or(|end| key < &**end) {
                    visit(span.slot);
                }
            }
        }
    }

    fn forget_length(&mut self, length: usize) {
        if let Some(count) = self.prefix_lengths.get_mut(&length) {
            *count -= 1;
            if *count == 0 {
                self.prefix_lengths.remove(&length);
            }
        }
    }
}

/// Returns whether the key is new.
fn push(map: &mut HashMap<Box<[u8]>, Vec<u32>>, key: &[u8], slot: u32) -> bool {
    if let Some(slots) = map.get_mut(key) {
        slots.push(slot);
        return false;
    }
    map.insert(key.into(), vec![slot]);
    true
}

/// Returns whether the key is gone.
fn pull(map: &mut HashMap<Box<[u8]>, Vec<u32>>, key: &[u8], slot: u32) -> bool {
    let Some(slots) = map.get_mut(key) else { return false };
    slots.retain(|other| *other != slot);
    let is_gone = slots.is_empty();
    if is_gone {
        map.remove(key);
    }
    is_gone
}
