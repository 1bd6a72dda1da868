//! The machine's own state as bytes: what the rows do not hold. It is flushed together with them and travels in snapshots.
//!
//! ```text
//! [u32 version][u64 index][u64 term][u64 revision][u64 compacted][u64 digest][u64 cluster][u64 past][u64 digest from][u32 sessions][session …][u64 xxh3 of all before]
//! session  [u64 id][u64 floor][u64 acked][u32 kept][kept …]          least recently used first
//!          version 1 has no cluster, version 2 no past and no digest from
//! kept     [u8 0] absent · [u8 1][u64 first][u32 count] plain · [u8 2][u32 length][results] · [u8 3] forgotten
//! ```

use rafterdb_codec::limits::SESSIONS_MAX;
use rafterdb_codec::{parse_identity, Code, Malformed, Parsed, Reader};
use rafterdb_hash::xxh3_64;

use super::sessions::{Kept, Session, Sessions, SESSION_BATCHES_MAX, SESSION_RESULTS_BYTES_MAX};
use crate::engine::STATE_BYTES_MAX;
use crate::{Mark, StoreError};

const STATE_VERSION: u32 = 3;

/// Largest identity: JavaScript sees it as a number.
const CLUSTER_MAX: u64 = (1 << 53) - 1;

const SESSION_BYTES: usize = 28;
const KEPT_BYTES_MAX: usize = 13;

// A state of any number of sessions fits a snapshot.
const _: () = assert!(
    (80 + SESSIONS_MAX * SESSION_BYTES + SESSION_BATCHES_MAX * KEPT_BYTES_MAX + SESSION_RESULTS_BYTES_MAX) as u64
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
    /// The cluster's identity; 0: no entry has told one yet. Never changes again.
    pub(super) cluster: u64,
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
            sessions: Sessions::default(),
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

    /// Begins the digest anew at the revision of now, from which it counts from then on. A sum cannot be freed of pairs that
    /// nobody has looked at; this way it still depends on all that was ever applied.
    pub(super) fn begin_digest(&mut self) {
        let mut bytes = [0; 24];
        for (place, part) in bytes
            .chunks_exact_mut(8)
            .zip([self.past, self.digest, self.mark.revision])
        {
            place.copy_from_slice(&part.to_le_bytes());
        }
        self.past = xxh3_64(&bytes, 0);
        self.digest = 0;
        self.digest_from = self.mark.revision;
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + self.sessions.len() * 64);
        out.extend_from_slice(&STATE_VERSION.to_le_bytes());
        for number in [
            self.mark.index,
            self.mark.term,
            self.mark.revision,
            self.compacted,
            self.digest,
            self.cluster,
            self.past,
            self.digest_from,
        ] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&(self.sessions.len() as u32).to_le_bytes());
        for session in self.sessions.in_order() {
            encode_session(session, &mut out);
        }
        let checksum = xxh3_64(&out, 0);
        out.extend_from_slice(&checksum.to_le_bytes());
        out
    }

    /// `STORE_CORRUPT` or `FORMAT_NEWER` if the bytes are not what `encode` wrote.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let corrupt = |text: &str| {
            StoreError::new(
                Code::StoreCorrupt,
                format!("{text}: restore this member from a backup or another member"),
            )
        };
        let (body, checksum) = bytes
            .split_last_chunk::<8>()
            .ok_or_else(|| corrupt("the state is cut short"))?;
        if xxh3_64(body, 0) != u64::from_le_bytes(*checksum) {
            return Err(corrupt("the checksum of the state is wrong"));
        }
        let mut reader = Reader::new(body);
        match reader.u32() {
            Ok(version @ 1..=STATE_VERSION) => decode_body(version, reader).map_err(|malformed| corrupt(malformed.0)),
            Ok(version) if version > STATE_VERSION => {
                let text = format!("the state has format {version}, this version reads {STATE_VERSION}: upgrade");
                Err(StoreError::new(Code::FormatNewer, text))
            }
            _ => Err(corrupt("the state has no format version")),
        }
    }
}

fn encode_session(session: &Session, out: &mut Vec<u8>) {
    for number in [session.id, session.floor, session.acked] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out.extend_from_slice(&(session.kept.len() as u32).to_le_bytes());
    for kept in &session.kept {
        match kept {
            Kept::Absent => out.push(0),
            Kept::Plain { first, count } => {
                out.push(1);
                out.extend_from_slice(&first.to_le_bytes());
                out.extend_from_slice(&count.to_le_bytes());
            }
            Kept::Results(results) => {
                out.push(2);
                out.extend_from_slice(&(results.len() as u32).to_le_bytes());
                out.extend_from_slice(results);
            }
            Kept::Forgotten => out.push(3),
        }
    }
}

fn decode_body(version: u32, mut reader: Reader<'_>) -> Parsed<State> {
    let mark = Mark {
        index: reader.u64()?,
        term: reader.u64()?,
        revision: reader.u64()?,
    };
    let (compacted, digest) = (reader.u64()?, reader.u64()?);
    let cluster = if version == 1 { 0 } else { reader.u64()? };
    let (past, digest_from) = if version < 3 {
        (0, 0)
    } else {
        (reader.u64()?, reader.u64()?)
    };
    let mut sessions = Sessions::default();
    for _ in 0..reader.u32()? {
        let mut session = Session::new(reader.u64()?, reader.u64()?, reader.u64()?);
        for _ in 0..reader.u32()? {
            session.kept.push_back(decode_kept(&mut reader)?);
        }
        sessions.restore(session);
    }
    reader.finish()?;
    Ok(State {
        mark,
        compacted,
        digest,
        past,
        digest_from,
        cluster,
        sessions,
    })
}

fn decode_kept(reader: &mut Reader<'_>) -> Parsed<Kept> {
    Ok(match reader.u8()? {
        0 => Kept::Absent,
        1 => Kept::Plain {
            first: reader.u64()?,
            count: reader.u32()?,
        },
        2 => {
            let length = reader.u32()?;
            Kept::Results(reader.bytes(length as usize)?.into())
        }
        3 => Kept::Forgotten,
        _ => return Err(Malformed("the state has a result of unknown kind")),
    })
}
