//! The machine's own state: what the rows do not hold. It is flushed together with them and travels in snapshots. Its bytes are the
//! codec's (`rafterdb_codec::store::machine_state`).

use std::collections::VecDeque;
use std::sync::Arc;

use rafterdb_codec::limits::SESSIONS_MAX;
use rafterdb_codec::store::digest::{configuration_digest, past_digest};
use rafterdb_codec::store::machine_state::{
    FormerCluster, StateFault, StateNumbers, StateReader, StateWriter, StoredBatch, StoredSession,
    KEPT_FIXED_BYTES_MAX, SESSION_BYTES, STATE_CONFIGURATION_BYTES_MAX, STATE_FIXED_BYTES, STATE_FORMER_BYTES_MAX,
    STATE_VERSION,
};
use rafterdb_codec::{parse_identity, Code, Configuration, ConfigurationEntry, Parsed};

use super::sessions::{Kept, Session, Sessions, SESSION_BATCHES_MAX, SESSION_RESULTS_BYTES_MAX};
use crate::engine::STATE_BYTES_MAX;
use crate::{Mark, StoreError};

/// Largest identity: JavaScript sees it as a number.
const CLUSTER_MAX: u64 = (1 << 53) - 1;

// A state of any number of sessions fits a snapshot.
const _: () = assert!(
    (STATE_FIXED_BYTES
        + STATE_CONFIGURATION_BYTES_MAX
        + STATE_FORMER_BYTES_MAX
        + SESSIONS_MAX * SESSION_BYTES
        + SESSION_BATCHES_MAX * KEPT_FIXED_BYTES_MAX
        + SESSION_RESULTS_BYTES_MAX) as u64
        <= STATE_BYTES_MAX
);

/// Everything that is deterministic and not in the rows.
#[derive(Debug)]
pub(super) struct State {
    pub(super) mark: Mark,
    pub(super) compacted: u64,
    /// Sum of the digests of all live pairs; less the sum of those that were live at `digest_from`, unless that is 0.
    pub(super) digest: u64,
    /// What the digests were when they were begun anew; 0 if they never were.
    pub(super) past: u64,
    /// The revision at which the digest was begun anew; 0: it never was. Never below the compacted revision, so that both
    /// sums can be taken again.
    pub(super) digest_from: u64,
    /// The cluster's identity; 0: no entry has told one yet. Never changes again, unless the cluster begins anew with one member.
    pub(super) cluster: u64,
    /// The last configuration that was applied; `None`: the members never changed.
    pub(super) configuration: Option<Arc<ConfigurationEntry>>,
    /// Its digest; 0: none was applied.
    pub(super) configuration_digest: u64,
    /// Identities that the cluster had before, oldest first.
    pub(super) former: Arc<[FormerCluster]>,
    pub(super) sessions: Sessions,
}

impl State {
    /// Of a store that nothing has been written to. As in etcd its revision is 1, so that the first put takes 2.
    pub(super) fn empty() -> Self {
        let mark = Mark {
            index: 0,
            term: 0,
            revision: 1,
        };
        Self {
            mark,
            compacted: 0,
            digest: 0,
            past: 0,
            digest_from: 0,
            cluster: 0,
            configuration: None,
            configuration_digest: 0,
            former: Arc::default(),
            sessions: Sessions::default(),
        }
    }

    /// What is left of it without rows and sessions.
    pub(super) fn of_witness(&self) -> Self {
        Self {
            mark: self.mark,
            compacted: self.compacted,
            cluster: self.cluster,
            configuration: self.configuration.clone(),
            configuration_digest: self.configuration_digest,
            former: self.former.clone(),
            ..Self::empty()
        }
    }

    /// Takes the identity that a no-op tells if there is none yet; whether it did. An empty one tells none.
    pub(super) fn take_name(&mut self, body: &[u8]) -> bool {
        let told = parse_identity(body) & CLUSTER_MAX;
        let takes = self.cluster == 0 && told != 0;
        if takes {
            self.cluster = told;
        }
        takes
    }

    /// Takes the configuration that the entry at (index, term) tells. Malformed: it tells none.
    pub(super) fn take_configuration(&mut self, index: u64, term: u64, body: &[u8]) -> Parsed<()> {
        self.configuration = Some(Arc::new(ConfigurationEntry {
            index,
            term,
            configuration: Configuration::parse(body)?,
        }));
        self.configuration_digest = configuration_digest(index, term, body);
        Ok(())
    }

    /// Begins the digest anew at the revision of now, from which it counts from then on. A sum cannot be freed of pairs that
    /// nobody has looked at; this way it still depends on all that was ever applied.
    pub(super) fn begin_digest(&mut self) {
        self.past = past_digest(self.past, self.digest, self.mark.revision);
        self.digest = 0;
        self.digest_from = self.mark.revision;
    }

    /// What it is now, to be encoded by whoever has the time: with many sessions that takes tens of milliseconds, and this less than one.
    pub(super) fn image(&self) -> StateImage {
        let numbers = StateNumbers {
            index: self.mark.index,
            term: self.mark.term,
            revision: self.mark.revision,
            compacted: self.compacted,
            digest: self.digest,
            cluster: self.cluster,
            past: self.past,
            digest_from: self.digest_from,
        };
        let mut sessions = Vec::with_capacity(self.sessions.len());
        sessions.extend(self.sessions.in_order().map(|session| SessionImage {
            id: session.id,
            floor: session.floor,
            acked: session.acked,
            kept: Arc::clone(&session.kept),
        }));
        StateImage {
            numbers,
            configuration: self.configuration.clone(),
            former: Arc::clone(&self.former),
            sessions,
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        self.image().encode()
    }

    /// `STORE_CORRUPT` or `FORMAT_NEWER` if the bytes are not what `encode` wrote.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        read(bytes).map_err(|fault| match fault {
            StateFault::Damaged(what) => StoreError::new(
                Code::StoreCorrupt,
                format!("{what}: restore this member from a backup or another member"),
            ),
            StateFault::Newer(version) => StoreError::new(
                Code::FormatNewer,
                format!("the state has format {version}, this version reads {STATE_VERSION}: upgrade"),
            ),
        })
    }
}

/// A state at one moment.
pub(super) struct StateImage {
    numbers: StateNumbers,
    configuration: Option<Arc<ConfigurationEntry>>,
    former: Arc<[FormerCluster]>,
    /// Least recently used first.
    sessions: Vec<SessionImage>,
}

struct SessionImage {
    id: u64,
    floor: u64,
    acked: u64,
    kept: Arc<VecDeque<Kept>>,
}

impl StateImage {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut writer = StateWriter::new(
            &self.numbers,
            self.configuration.as_deref(),
            &self.former,
            self.sessions.len(),
        );
        for session in &self.sessions {
            writer.session(&StoredSession {
                id: session.id,
                floor: session.floor,
                acked: session.acked,
                kept: session.kept.len() as u32,
            });
            session.kept.iter().for_each(|kept| writer.batch(kept.stored()));
        }
        writer.finish()
    }
}

fn read(bytes: &[u8]) -> Result<State, StateFault> {
    let mut reader = StateReader::new(bytes)?;
    let numbers = reader.numbers;
    let mut sessions = Sessions::default();
    for _ in 0..reader.sessions {
        let stored = reader.session()?;
        let mut session = Session::new(stored.id, stored.floor, stored.acked);
        let kept = Arc::make_mut(&mut session.kept);
        for _ in 0..stored.kept {
            kept.push_back(reader.batch()?.into());
        }
        sessions.restore(session);
    }
    let configuration = reader.configuration.take().map(Arc::new);
    let former = std::mem::take(&mut reader.former).into();
    reader.finish()?;
    let digest_of = |entry: &Arc<ConfigurationEntry>| configuration_digest(entry.index, entry.term, &entry.body());
    Ok(State {
        mark: Mark {
            index: numbers.index,
            term: numbers.term,
            revision: numbers.revision,
        },
        compacted: numbers.compacted,
        digest: numbers.digest,
        past: numbers.past,
        digest_from: numbers.digest_from,
        cluster: numbers.cluster,
        configuration_digest: configuration.as_ref().map_or(0, digest_of),
        configuration,
        former,
        sessions,
    })
}

impl Kept {
    fn stored(&self) -> StoredBatch<'_> {
        match *self {
            Self::Absent => StoredBatch::Absent,
            Self::Plain { first, count } => StoredBatch::Plain { first, count },
            Self::Results(ref results) => StoredBatch::Results(results),
            Self::Forgotten => StoredBatch::Forgotten,
        }
    }
}

impl From<StoredBatch<'_>> for Kept {
    fn from(stored: StoredBatch<'_>) -> Self {
        match stored {
            StoredBatch::Absent => Self::Absent,
            StoredBatch::Plain { first, count } => Self::Plain { first, count },
            StoredBatch::Results(results) => Self::Results(results.into()),
            StoredBatch::Forgotten => Self::Forgotten,
        }
    }
}
