//! A state that no entry made: that of a backup, and the changes after it, made again at the revisions that they had. Knows no files.

use rafterdb_codec::{Code, Put, Selection, WatchEvent};

use super::bounds::MACHINE_VERSION;
use super::refusal::Failure;
use super::reply::Reply;
use super::state::State;
use super::writer::Place;
use super::Machine;
use crate::engine::MarkedState;
use crate::{Engine, Mark, StoreError};

/// The term of what a restored store begins with.
const TERM: u64 = 1;

/// The state of a store that begins with the pairs of a revision. It has no cluster: it takes the identity that is offered next.
#[must_use]
pub fn restored_state(revision: u64) -> MarkedState {
    let mut state = State::empty();
    state.mark = Mark {
        index: revision,
        term: TERM,
        revision,
    };
    state.compacted = revision;
    // The pairs are not known here; what is hashed are the changes after them.
    state.begin_digest();
    (state.mark, state.encode())
}

impl<E: Engine> Machine<E> {
    /// Makes a change of a backup again, the `sub`-th of its revision. `STORE_CORRUPT`: it is not the one that comes next for its key.
    ///
    /// # Errors
    /// That, or what the engine reports; final.
    pub fn restore_change(&self, change: &WatchEvent<'_>, sub: u32) -> Result<(), StoreError> {
        let mut writer = self.writer.lock();
        writer.check_health()?;
        let pair = &change.pair;
        let (mut version, mut create) = (0, pair.modified);
        self.engine.latest(pair.key, &mut |row| {
            if !row.is_tombstone() {
                (version, create) = (row.version, row.create);
            }
        })?;
        let fits = if change.is_delete {
            version > 0
        } else {
            (version + 1, create) == (pair.version, pair.create)
        };
        if !fits || pair.modified < writer.state.mark.revision {
            return Err(StoreError::new(
                Code::StoreCorrupt,
                "a change is missing before this one",
            ));
        }
        let place = Place {
            revision: pair.modified,
            sub,
        };
        writer.state.mark.revision = pair.modified;
        writer.bounds = self.versions[usize::from(MACHINE_VERSION)];
        let outcome = if change.is_delete {
            let one = Selection::One(pair.key);
            writer.delete(&self.engine, &one, place, None).map(drop)
        } else {
            let put = Put {
                flags: 0,
                lease: pair.lease,
                key: pair.key,
                value: pair.value,
            };
            let mut out = Vec::new();
            let mut reply = Reply {
                out: &mut out,
                full_at: 0,
            };
            writer
                .put(&self.engine, &put, place, &mut reply)
                .map(drop)
                .map_err(Failure::from)
        };
        writer.is_poisoned = outcome.is_err();
        outcome.map_err(|failure| match failure {
            Failure::Fatal(error) => error,
            Failure::Refused(_) => StoreError::new(Code::Internal, "a single key cannot be too much"),
        })
    }

    /// The state that the store is closed with: nothing changes at the revisions up to `raised`, and the log begins after an entry whose
    /// number is the last change's revision, so that members that were restored to different ones are told apart.
    pub fn restored_to(&self, revision: u64, raised: u64) -> MarkedState {
        let mut writer = self.writer.lock();
        writer.state.mark.index = revision;
        writer.state.mark.revision = writer.state.mark.revision.max(raised);
        (writer.state.mark, writer.state.encode())
    }
}
