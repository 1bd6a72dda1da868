//! The parts of a range in which something was written after it was deleted, bounded in number and bytes. What lies
//! outside of them is dead; what lies inside may be. Knows keys alone.

/// Parts kept apart; above it neighbours become one.
const ISLANDS_MAX: usize = 512;
/// Bytes of their keys.
const BYTES_MAX: usize = 64 << 10;

/// First and last key.
pub(super) type Part = (Box<[u8]>, Box<[u8]>);

/// The parts in order, none touching another.
#[derive(Clone, Debug, Default)]
pub(super) struct Islands {
    parts: Vec<Part>,
    bytes: usize,
}

impl Islands {
    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Of parts in order; `None` if they are not.
    pub(super) fn of(parts: Vec<Part>) -> Option<Self> {
        let in_order =
            parts.iter().all(|(first, last)| first <= last) && parts.windows(2).all(|two| two[0].1 < two[1].0);
        let bytes = parts.iter().map(|(first, last)| first.len() + last.len()).sum();
        in_order.then_some(Self { parts, bytes })
    }

    /// Number of parts that begin at or below `key`.
    fn begun(&self, key: &[u8]) -> usize {
        self.parts.partition_point(|(first, _)| **first <= *key)
    }

    fn holds(&self, begun: usize, key: &[u8]) -> bool {
        begun > 0 && *self.parts[begun - 1].1 >= *key
    }

    pub(super) fn add(&mut self, key: &[u8]) {
        let at = self.begun(key);
        if self.holds(at, key) {
            return;
        }
        self.parts.insert(at, (key.into(), key.into()));
        self.bytes += 2 * key.len();
        self.shrink();
    }

    fn shrink(&mut self) {
        while self.parts.len() > 1 && (self.parts.len() > ISLANDS_MAX || self.bytes > BYTES_MAX) {
            self.halve();
        }
    }

    /// Adds all from `first` to `last`.
    pub(super) fn add_part(&mut self, first: &[u8], last: &[u8]) {
        let from = self.parts.partition_point(|(_, end)| **end < *first);
        let to = self.begun(last).max(from);
        let touched = &self.parts[from..to];
        let first = touched.first().map_or(first, |(begin, _)| first.min(&**begin)).into();
        let last = touched.last().map_or(last, |(_, end)| last.max(&**end)).into();
        self.parts.splice(from..to, [(first, last)]);
        self.bytes = self.parts.iter().map(|(first, last)| first.len() + last.len()).sum();
        self.shrink();
    }

    /// Makes one part of each two neighbours.
    fn halve(&mut self) {
        let mut parts = std::mem::take(&mut self.parts).into_iter();
        self.bytes = 0;
        while let Some((first, last)) = parts.next() {
            let last = parts.next().map_or(last, |(_, last)| last);
            self.bytes += first.len() + last.len();
            self.parts.push((first, last));
        }
    }

    /// Where to go on upwards from `key`, if nothing up to there is inside a part: at the next part, or at the range's end.
    /// Without either there is nothing to go on at, which the caller learns by going on.
    pub(super) fn above(&self, key: &[u8], end: Option<&[u8]>) -> Option<Vec<u8>> {
        let begun = self.begun(key);
        if self.holds(begun, key) {
            return None;
        }
        match self.parts.get(begun) {
            Some((first, _)) => Some(first.to_vec()),
            None => Some(end.map_or_else(|| vec![0xff; rafterdb_codec::limits::KEY_BYTES_MAX + 1], <[u8]>::to_vec)),
        }
    }

    /// The same downwards: the first key above all that is left to look at.
    pub(super) fn below(&self, key: &[u8], start: &[u8]) -> Option<Vec<u8>> {
        let begun = self.begun(key);
        if self.holds(begun, key) {
            return None;
        }
        Some(
            begun
                .checked_sub(1)
                .map_or_else(|| start.to_vec(), |at| [&self.parts[at].1, &[0][..]].concat()),
        )
    }

    /// What lies between the parts: start, and first key after.
    pub(super) fn gaps(&self, start: &[u8], end: Option<&[u8]>) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
        let mut gaps = Vec::new();
        let mut from = start.to_vec();
        for (first, last) in &self.parts {
            if *from < **first {
                gaps.push((from, Some(first.to_vec())));
            }
            from = [last, &[0][..]].concat();
        }
        if end.is_none_or(|end| *from < *end) {
            gaps.push((from, end.map(<[u8]>::to_vec)));
        }
        gaps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_keys_become_few_parts_that_hold_them_all() {
        let mut islands = Islands::default();
        let key = |n: u32| n.wrapping_mul(2_654_435_761).to_be_bytes();
        for n in 0..5_000 {
            islands.add(&key(n));
        }
        assert!(islands.parts.len() <= ISLANDS_MAX && islands.bytes <= BYTES_MAX);
        assert!((0..5_000).all(|n| islands.holds(islands.begun(&key(n)), &key(n))));
        let copy = Islands::of(islands.parts.clone()).unwrap();
        assert_eq!(copy.bytes, islands.bytes);
        assert!(Islands::of(islands.parts.into_iter().rev().collect()).is_none());
    }

    #[test]
    fn long_keys_are_bounded_in_bytes() {
        let mut islands = Islands::default();
        for n in 0..100_u8 {
            islands.add(&vec![n; 60_000]);
        }
        assert!(islands.parts.len() == 1, "{}", islands.parts.len());
    }

    #[test]
    fn gaps_and_parts_make_up_the_range() {
        let mut islands = Islands::default();
        assert_eq!(islands.gaps(b"a", None), [(b"a".to_vec(), None)]);
        islands.add(b"a");
        islands.add(b"m");
        let gaps = islands.gaps(b"a", Some(b"z"));
        assert_eq!(
            gaps,
            [
                (b"a\0".to_vec(), Some(b"m".to_vec())),
                (b"m\0".to_vec(), Some(b"z".to_vec()))
            ]
        );
    }
}
