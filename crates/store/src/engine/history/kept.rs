//! Which files history consists of: the complete ones and the one being written, behind one lock, so that whoever needs
//! both sees them as they were at one moment. Generic over the lock, so that a model can try every order of events
//! (`kept_model.rs`). Knows the files' numbers and spans; no bytes, no records.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use rafterdb_codec::store::history_file::Chain;

use super::segment::Sealed;

/// Survivors files of up to this size together are always merged: small steps of compaction leave one small file.
const MERGED_BYTES_MIN: u64 = 128 << 10;

/// A lock that one looks under: the real one, or that of a model.
pub(super) trait Look<T> {
    fn look<R>(&self, see: impl FnOnce(&T) -> R) -> R;
}

impl<T> Look<T> for parking_lot::RwLock<T> {
    fn look<R>(&self, see: impl FnOnce(&T) -> R) -> R {
        see(&self.read())
    }
}

/// The complete files, and up to where history was compacted.
#[derive(Clone, Default)]
pub(super) struct Kept {
    /// Records up to this revision may be gone; what reads above it need of them is in the survivors.
    pub(super) floor: u64,
    /// Oldest first, each of the revisions above the floor of the one before it, up to its own.
    pub(super) survivors: Vec<Arc<Sealed>>,
    /// Complete segments, oldest first, numbered without gaps.
    pub(super) segments: Vec<Arc<Sealed>>,
    /// Of flushes, oldest first: what changes replaced that are above the floor, or of it.
    pub(super) images: Vec<Arc<Sealed>>,
}

/// All files of one moment.
pub(super) struct Files<T> {
    pub(super) kept: Arc<Kept>,
    /// Number of the segment being written: the next after the complete ones.
    pub(super) number: u64,
    /// That segment.
    pub(super) tail: T,
}

/// What to compact.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine) struct Compaction {
    /// The new compacted revision.
    pub(in crate::engine) to: u64,
    /// Changes above this revision carry their before-images, so they need no survivors.
    pub(in crate::engine) until: u64,
    /// Segments from this one on are kept: the last flush says that history ends in it.
    pub(in crate::engine) keep_segment: u64,
}

/// What a compaction drops, and what its survivors file says is kept.
pub(super) struct Plan {
    /// The files as they were when it was made.
    pub(super) old: Arc<Kept>,
    /// So many of the complete segments go.
    pub(super) dropped: usize,
    /// Those of the survivors files that stay. Nobody needs the ones before; what is needed of the ones behind goes into the new one.
    pub(super) kept_survivors: Range<usize>,
    /// The first segment that stays: the one after the last that goes, whatever is completed meanwhile.
    pub(super) first_kept: u64,
    /// So many of the images go.
    pub(super) dropped_images: usize,
}

impl Plan {
    /// The files that nobody needs once the survivors are in place.
    pub(super) fn dropped(&self) -> impl Iterator<Item = &Arc<Sealed>> {
        let useless = &self.old.survivors[..self.kept_survivors.start];
        let survivors = useless.iter().chain(self.merged());
        survivors.chain(&self.old.segments[..self.dropped])
    }

    /// The images that nobody needs then.
    pub(super) fn dropped_images(&self) -> impl Iterator<Item = &Arc<Sealed>> {
        self.old.images[..self.dropped_images].iter()
    }

    /// The survivors files that the new one takes the place of.
    pub(super) fn merged(&self) -> &[Arc<Sealed>] {
        &self.old.survivors[self.kept_survivors.end..]
    }

    /// What the new survivors file says of the others.
    pub(super) fn chain(&self, compaction: &Compaction) -> Chain {
        let stay = &self.old.survivors[self.kept_survivors.clone()];
        Chain {
            oldest: stay.first().map_or(compaction.to, |file| file.floor),
            previous: stay.last().map_or(0, |file| file.floor),
            until: compaction.until,
        }
    }
}

impl Kept {
    /// What a compaction does when these files are complete and segment `number` is being written: both of one moment.
    pub(super) fn plan(self: &Arc<Self>, number: u64, compaction: &Compaction) -> Option<Plan> {
        if compaction.to <= self.floor {
            return None;
        }
        let droppable = |segment: &Sealed| segment.last <= compaction.to && segment.number < compaction.keep_segment;
        let dropped = self.segments.iter().take_while(|segment| droppable(segment)).count();
        let first_kept = self.segments.get(dropped).map_or(number, |segment| segment.number);
        Some(Plan {
            old: Arc::clone(self),
            dropped,
            kept_survivors: self.survivors_kept(dropped, compaction.to),
            first_kept,
            dropped_images: self.images.partition_point(|file| file.last < compaction.to),
        })
    }

    /// The survivors files that stay when so many segments go. Of the others the newest are merged, each with twice as much as it
    /// has, counted by what goes: so the files are as many as the logarithm of their bytes, and nothing is read again more often.
    fn survivors_kept(&self, dropped: usize, to: u64) -> Range<usize> {
        let files = &self.survivors;
        let first = files.iter().take_while(|file| file.is_needed_until() <= to).count();
        let mut merged: u64 = self.segments[..dropped].iter().map(|segment| segment.bytes).sum();
        merged = merged.max(MERGED_BYTES_MIN / 2);
        let mut end = files.len();
        while end > first && files[end - 1].chain.is_some() && files[end - 1].bytes <= merged * 2 {
            end -= 1;
            merged += files[end].bytes;
        }
        first..end
    }
}

impl<T> Files<T> {
    /// The segment being written is complete, and `next` is written instead. Returns the one before.
    pub(super) fn seal(&mut self, sealed: Sealed, next: T) -> T {
        assert!(
            sealed.number == self.number,
            "history: segment {} is completed while {} is written",
            sealed.number,
            self.number
        );
        let mut kept = Kept::clone(&self.kept);
        kept.segments.push(Arc::new(sealed));
        self.kept = Arc::new(kept);
        self.number += 1;
        std::mem::replace(&mut self.tail, next)
    }

    /// Puts a compaction's survivors in place of what it drops.
    pub(super) fn carry_out(&mut self, plan: &Plan, floor: u64, survivors: Sealed) {
        let segments = self.kept.segments[plan.dropped..].to_vec();
        let number = survivors.number;
        let mut all = self.kept.survivors[plan.kept_survivors.clone()].to_vec();
        all.push(Arc::new(survivors));
        let first = segments.first().map_or(self.number, |segment| segment.number);
        assert!(
            number == plan.first_kept && first == plan.first_kept,
            "history: a compaction says that segment {number} is the first kept, but {first} is"
        );
        self.kept = Arc::new(Kept {
            floor,
            survivors: all,
            segments,
            images: self.kept.images[plan.dropped_images..].to_vec(),
        });
    }

    /// Whether the file in `path` is one of the complete ones.
    pub(super) fn holds(&self, path: &Path) -> bool {
        let files = self.kept.segments.iter().chain(&self.kept.survivors);
        files.chain(&self.kept.images).any(|file| file.path == path)
    }
}

/// What the compaction does, if there is anything: for one thread at a time.
pub(super) fn plan<T>(files: &impl Look<Files<T>>, compaction: &Compaction) -> Option<Plan> {
    // One look: a segment that is completed between two would be counted neither as complete nor as being written.
    files.look(|files| files.kept.plan(files.number, compaction))
}

/// Whether an open removes a segment: the newest survivors file says which is the first kept, the last flush which the last.
pub(super) fn is_left_over(number: u64, first_kept: u64, last: u64) -> bool {
    number < first_kept || number > last
}
