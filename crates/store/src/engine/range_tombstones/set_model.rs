//! Sets of range tombstones against a naive list of all writes and deletes: random ones, with readers at every kept revision, and
//! with some forgotten in any order once what they killed is gone.

use std::sync::Arc;

use super::{after, KeyRange, LiveRanges, RangeTombstone};

const KEYS: u8 = 40;

struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }

    fn key(&mut self) -> u8 {
        self.below(u64::from(KEYS)) as u8
    }
}

#[derive(Default)]
struct Model {
    revision: u64,
    /// Nobody reads below it.
    floor: u64,
    live: LiveRanges,
    /// Key and revision; what is gone from everywhere is taken out.
    writes: Vec<(u8, u64)>,
    /// Revision, first key, first key after; those that are forgotten too.
    deletes: Vec<(u64, u8, u8)>,
}

impl Model {
    fn write(&mut self, key: u8, is_noted: bool) {
        self.revision += 1;
        self.write_now(key, is_noted);
    }

    fn write_now(&mut self, key: u8, is_noted: bool) {
        let previous = self.writes.iter().rev().find(|(written, _)| *written == key);
        if is_noted {
            if let Some(ranges) = self.live.load() {
                ranges.note(&[key], previous.map_or(0, |(_, revision)| *revision), self.revision);
            }
        }
        self.writes.push((key, self.revision));
    }

    /// `alone`: a key that the same transaction has deleted before, by itself.
    fn delete(&mut self, start: u8, end: u8, alone: Option<u8>) {
        self.revision += 1;
        if let Some(key) = alone {
            self.write_now(key, true);
        }
        let range = KeyRange {
            start: &[start],
            end: (end < KEYS).then_some(std::slice::from_ref(&end)),
        };
        self.live.add(&Arc::new(RangeTombstone::new((self.revision, 0), range)));
        self.deletes.push((self.revision, start, end));
    }

    fn is_dead(&self, (key, modified): (u8, u64), at: u64) -> bool {
        let kills = |(revision, start, end): &(u64, u8, u8)| {
            (modified + 1..=at).contains(revision) && (*start..*end).contains(&key)
        };
        self.deletes.iter().any(kills)
    }

    /// Whether it deleted one key, in the transaction of a range tombstone over it.
    fn is_deletion(&self, (key, modified): (u8, u64)) -> bool {
        let covers = |(revision, start, end): &(u64, u8, u8)| *revision == modified && (*start..*end).contains(&key);
        self.deletes.iter().any(covers)
    }

    /// Everything is compacted, and some of the range tombstones are forgotten with the rows that they killed.
    fn forget(&mut self, random: &mut Random) {
        self.floor = self.revision;
        let odds = 1 + random.below(4);
        let seed = random.below(1 << 40) | 1;
        let is_due = |revision: u64| Random(seed ^ (revision << 20)).below(5) < odds;
        let gone: Vec<_> = self.deletes.iter().filter(|one| is_due(one.0)).copied().collect();
        let is_gone = |key: u8, modified: u64| {
            let kills = |(revision, start, end): &(u64, u8, u8)| modified < *revision && (*start..*end).contains(&key);
            gone.iter().any(kills)
        };
        self.writes.retain(|(key, modified)| !is_gone(*key, *modified));
        self.live.forget(|one| is_due(one.revision()));
    }

    fn check(&self) -> Result<(), String> {
        let Some(ranges) = self.live.load() else { return Ok(()) };
        for at in self.floor..=self.revision {
            let is_alive = |key: u8| {
                let newest = self
                    .writes
                    .iter()
                    .rev()
                    .find(|(written, revision)| *written == key && *revision <= at);
                newest.is_some_and(|newest| !self.is_dead(*newest, at) && !self.is_deletion(*newest))
            };
            for write in self.writes.iter().filter(|write| write.1 <= at) {
                if ranges.hides(&[write.0], write.1, after(at)) != self.is_dead(*write, at) {
                    return Err(format!("{write:?} at {at}"));
                }
            }
            for key in (0..KEYS).filter(|key| !is_alive(*key)) {
                let up = ranges.pass(&[key], after(at), false);
                if let Some(missed) = up.and_then(|to| (key..KEYS).find(|next| is_alive(*next) && [*next][..] < to[..]))
                {
                    return Err(format!("{missed} is passed from {key} up at {at}"));
                }
                let down = ranges.pass(&[key], after(at), true);
                if let Some(missed) = down.and_then(|to| (0..key).find(|next| is_alive(*next) && [*next][..] >= to[..]))
                {
                    return Err(format!("{missed} is passed from {key} down at {at}"));
                }
            }
        }
        for one in ranges.all() {
            for (start, end) in ranges.dead_stretches(one) {
                let is_in = |key: u8| [key][..] >= start[..] && end.as_ref().is_none_or(|end| [key][..] < end[..]);
                if let Some(later) = self
                    .writes
                    .iter()
                    .find(|(key, revision)| *revision > one.revision() && is_in(*key))
                {
                    return Err(format!("{later:?} is in a dead stretch of {}", one.revision()));
                }
            }
        }
        Ok(())
    }
}

fn run(seed: u64, is_noted: bool) -> Result<usize, String> {
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let (mut model, mut most) = (Model::default(), 0);
    for step in 0..500 {
        match random.below(100) {
            0..55 => model.write(random.key(), is_noted),
            55..98 => {
                let (one, other) = (random.key(), random.key());
                let alone = (random.below(3) == 0).then_some(one);
                model.delete(one.min(other), one.max(other) + 1, alone);
            }
            _ if step > 250 => model.forget(&mut random),
            _ => {}
        }
        if step % 40 == 0 {
            model
                .check()
                .map_err(|wrong| format!("seed {seed}, step {step}: {wrong}"))?;
        }
        most = most.max(model.live.load_full().count());
    }
    Ok(most)
}

#[test]
fn random_sets_hide_and_pass_what_a_naive_list_does() -> Result<(), String> {
    let most = (1..40).map(|seed| run(seed, true)).collect::<Result<Vec<_>, _>>()?;
    assert!(most.iter().all(|most| *most > 64), "more than two chunks: {most:?}");
    Ok(())
}

#[test]
fn canary_a_write_that_is_not_noted_is_missed() {
    assert!((1..10).all(|seed| run(seed, false).is_err()));
}
