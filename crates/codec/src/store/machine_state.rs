//! The state machine's own state: what the rows do not hold. It is flushed together with them and travels in snapshots. Owns its
//! bytes and their checksum, in all versions; knows nothing of what a session remembers, nor for how long.
//!
//! ```text
//! state    [u32 version][u64 index][u64 term][u64 revision][u64 compacted][u64 digest][u64 cluster][u64 past][u64 digest from]
//!          [configuration][former][u32 sessions][session …][u64 xxh3 of all before]
//!          version 1 has no cluster, version 2 no past and no digest from, version 3 no configuration, version 4 no former
//! configuration  [u64 index][u64 term][u32 length][the entry's body]      a state without one is written as version 3
//! former   [u32 count][(u64 cluster, u64 index) …]      oldest first; a state without any is written as version 4
//! session  [u64 id][u64 floor][u64 acked][u32 kept][kept …]          least recently used first
//! kept     [u8 0] absent · [u8 1][u64 first][u32 count] plain · [u8 2][u32 length][results] · [u8 3] forgotten
//! ```

use rafterdb_hash::xxh3_64;

use crate::configuration::{Configuration, ConfigurationEntry, CONFIGURATION_BYTES_MAX};
use crate::reader::{length_u32, Malformed, Parsed, Reader};

/// The newest version that is read.
pub const STATE_VERSION: u32 = 5;

/// Bytes of a state without sessions and configuration.
pub const STATE_FIXED_BYTES: usize = 80;
/// Largest configuration, with where it stands.
pub const STATE_CONFIGURATION_BYTES_MAX: usize = 20 + CONFIGURATION_BYTES_MAX;
/// How many identities that the cluster had before are kept: the newest.
pub const FORMER_CLUSTERS_MAX: usize = 16;
/// Largest list of them.
pub const STATE_FORMER_BYTES_MAX: usize = 4 + 16 * FORMER_CLUSTERS_MAX;
/// Bytes of a session without what it keeps.
pub const SESSION_BYTES: usize = 28;
/// Largest kept batch without results.
pub const KEPT_FIXED_BYTES_MAX: usize = 13;

/// The version of a state without configuration: older releases read it.
const VERSION_WITHOUT_CONFIGURATION: u32 = 3;
/// The version of a state of a cluster that never began anew.
const VERSION_WITHOUT_FORMER: u32 = 4;
const CHECKSUM_BYTES: usize = 8;
const ABSENT: u8 = 0;
const PLAIN: u8 = 1;
const RESULTS: u8 = 2;
const FORGOTTEN: u8 = 3;

/// The numbers of a state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateNumbers {
    /// Index of the last entry applied.
    pub index: u64,
    /// Its term.
    pub term: u64,
    /// The store's revision after it.
    pub revision: u64,
    /// The compacted revision.
    pub compacted: u64,
    /// The sum of the pairs' digests.
    pub digest: u64,
    /// The cluster's identity; 0: none.
    pub cluster: u64,
    /// What the digests were when they were begun anew; 0: they never were.
    pub past: u64,
    /// The revision of that; 0: it never was.
    pub digest_from: u64,
}

/// An identity that the cluster had before it began anew with one member, as its majority was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FormerCluster {
    /// The identity.
    pub cluster: u64,
    /// Index of the configuration with which it began anew.
    pub index: u64,
}

/// A session without what it keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredSession {
    /// Chosen by the client.
    pub id: u64,
    /// Sequence that created it.
    pub floor: u64,
    /// Every batch below has been answered.
    pub acked: u64,
    /// How many batches it keeps, from `acked` on.
    pub kept: u32,
}

/// What is kept of one batch, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoredBatch<'a> {
    /// Not applied yet.
    Absent,
    /// All plain puts.
    Plain {
        /// Their first revision.
        first: u64,
        /// How many.
        count: u32,
    },
    /// Its results.
    Results(&'a [u8]),
    /// Applied, with results that are not kept.
    Forgotten,
}

/// Writes a state: its numbers, then each session with what it keeps.
#[derive(Debug)]
pub struct StateWriter {
    out: Vec<u8>,
}

impl StateWriter {
    /// Of a state with so many sessions, with the last configuration that was applied, if one was, and with the cluster's former
    /// identities, of which there are none without a configuration.
    ///
    /// # Panics
    /// A configuration that cannot have been parsed; former identities without one, or too many.
    #[must_use]
    pub fn new(
        numbers: &StateNumbers,
        configuration: Option<&ConfigurationEntry>,
        former: &[FormerCluster],
        sessions: usize,
    ) -> Self {
        let mut out = Vec::with_capacity(STATE_FIXED_BYTES + sessions * 64);
        let version = match (configuration, former) {
            (None, []) => VERSION_WITHOUT_CONFIGURATION,
            (Some(_), []) => VERSION_WITHOUT_FORMER,
            _ => STATE_VERSION,
        };
        let can_be = former.is_empty() || (configuration.is_some() && former.len() <= FORMER_CLUSTERS_MAX);
        assert!(
            can_be,
            "a cluster begins anew with a configuration, and few former ones are kept"
        );
        out.extend_from_slice(&version.to_le_bytes());
        for number in [
            numbers.index,
            numbers.term,
            numbers.revision,
            numbers.compacted,
            numbers.digest,
            numbers.cluster,
            numbers.past,
            numbers.digest_from,
        ] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        if let Some(entry) = configuration {
            let body = entry.body();
            out.extend_from_slice(&entry.index.to_le_bytes());
            out.extend_from_slice(&entry.term.to_le_bytes());
            out.extend_from_slice(&length_u32(body.len()).to_le_bytes());
            out.extend_from_slice(&body);
        }
        if !former.is_empty() {
            out.extend_from_slice(&length_u32(former.len()).to_le_bytes());
            for one in former {
                out.extend_from_slice(&one.cluster.to_le_bytes());
                out.extend_from_slice(&one.index.to_le_bytes());
            }
        }
        out.extend_from_slice(&length_u32(sessions).to_le_bytes());
        Self { out }
    }

    /// The next session; its batches follow.
    pub fn session(&mut self, session: &StoredSession) {
        for number in [session.id, session.floor, session.acked] {
            self.out.extend_from_slice(&number.to_le_bytes());
        }
        self.out.extend_from_slice(&session.kept.to_le_bytes());
    }

    /// The next batch of the last session.
    pub fn batch(&mut self, kept: StoredBatch<'_>) {
        match kept {
            StoredBatch::Absent => self.out.push(ABSENT),
            StoredBatch::Plain { first, count } => {
                self.out.push(PLAIN);
                self.out.extend_from_slice(&first.to_le_bytes());
                self.out.extend_from_slice(&count.to_le_bytes());
            }
            StoredBatch::Results(results) => {
                self.out.push(RESULTS);
                self.out.extend_from_slice(&length_u32(results.len()).to_le_bytes());
                self.out.extend_from_slice(results);
            }
            StoredBatch::Forgotten => self.out.push(FORGOTTEN),
        }
    }

    /// The bytes, with their checksum.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        let mut out = self.out;
        let checksum = xxh3_64(&out, 0);
        out.extend_from_slice(&checksum.to_le_bytes());
        out
    }
}

/// Why a state cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateFault {
    /// It is not what was written.
    Damaged(&'static str),
    /// It is of this version, which is newer.
    Newer(u32),
}

impl From<Malformed> for StateFault {
    fn from(malformed: Malformed) -> Self {
        Self::Damaged(malformed.0)
    }
}

/// Reads a state in the order in which it is written.
#[derive(Clone, Debug)]
pub struct StateReader<'a> {
    /// Its numbers; those that its version has not are 0.
    pub numbers: StateNumbers,
    /// The last configuration that was applied; `None`: none was.
    pub configuration: Option<ConfigurationEntry>,
    /// Identities that the cluster had before, oldest first.
    pub former: Vec<FormerCluster>,
    /// How many sessions follow.
    pub sessions: u32,
    rest: Reader<'a>,
}

impl<'a> StateReader<'a> {
    /// Checks the checksum and reads up to the first session.
    pub fn new(bytes: &'a [u8]) -> Result<Self, StateFault> {
        let (body, checksum) = bytes
            .split_last_chunk::<CHECKSUM_BYTES>()
            .ok_or(StateFault::Damaged("the state is cut short"))?;
        if xxh3_64(body, 0) != u64::from_le_bytes(*checksum) {
            return Err(StateFault::Damaged("the checksum of the state is wrong"));
        }
        let mut rest = Reader::new(body);
        match rest.u32() {
            Ok(version @ 1..=STATE_VERSION) => Ok(Self {
                numbers: numbers(version, &mut rest)?,
                configuration: (version >= 4).then(|| configuration(&mut rest)).transpose()?,
                former: if version >= 5 { former(&mut rest)? } else { Vec::new() },
                sessions: rest.u32()?,
                rest,
            }),
            Ok(version) if version > STATE_VERSION => Err(StateFault::Newer(version)),
            _ => Err(StateFault::Damaged("the state has no format version")),
        }
    }

    /// The next session.
    pub fn session(&mut self) -> Parsed<StoredSession> {
        Ok(StoredSession {
            id: self.rest.u64()?,
            floor: self.rest.u64()?,
            acked: self.rest.u64()?,
            kept: self.rest.u32()?,
        })
    }

    /// The next batch of the last session.
    pub fn batch(&mut self) -> Parsed<StoredBatch<'a>> {
        Ok(match self.rest.u8()? {
            ABSENT => StoredBatch::Absent,
            PLAIN => StoredBatch::Plain {
                first: self.rest.u64()?,
                count: self.rest.u32()?,
            },
            RESULTS => {
                let length = self.rest.u32()?;
                StoredBatch::Results(self.rest.bytes(length as usize)?)
            }
            FORGOTTEN => StoredBatch::Forgotten,
            _ => return Err(Malformed("the state has a result of unknown kind")),
        })
    }

    /// Nothing may follow.
    pub fn finish(self) -> Parsed<()> {
        self.rest.finish()
    }
}

fn numbers(version: u32, rest: &mut Reader<'_>) -> Parsed<StateNumbers> {
    let mut numbers = StateNumbers {
        index: rest.u64()?,
        term: rest.u64()?,
        revision: rest.u64()?,
        compacted: rest.u64()?,
        digest: rest.u64()?,
        ..StateNumbers::default()
    };
    if version >= 2 {
        numbers.cluster = rest.u64()?;
    }
    if version >= 3 {
        (numbers.past, numbers.digest_from) = (rest.u64()?, rest.u64()?);
    }
    Ok(numbers)
}

fn configuration(rest: &mut Reader<'_>) -> Parsed<ConfigurationEntry> {
    let (index, term, length) = (rest.u64()?, rest.u64()?, rest.u32()?);
    let configuration = Configuration::parse(rest.bytes(length as usize)?)?;
    Ok(ConfigurationEntry {
        index,
        term,
        configuration,
    })
}

fn former(rest: &mut Reader<'_>) -> Parsed<Vec<FormerCluster>> {
    let count = rest.u32()? as usize;
    if count == 0 || count > FORMER_CLUSTERS_MAX {
        return Err(Malformed("the state has no former clusters, or too many"));
    }
    let one = |_| {
        Ok(FormerCluster {
            cluster: rest.u64()?,
            index: rest.u64()?,
        })
    };
    (0..count).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::ConfiguredMember;

    const NUMBERS: StateNumbers = StateNumbers {
        index: 1,
        term: 2,
        revision: 3,
        compacted: 4,
        digest: 5,
        cluster: 6,
        past: 7,
        digest_from: 8,
    };
    const SESSION: StoredSession = StoredSession {
        id: 9,
        floor: 10,
        acked: 11,
        kept: 4,
    };
    const BATCHES: [StoredBatch<'static>; 4] = [
        StoredBatch::Absent,
        StoredBatch::Plain { first: 300, count: 2 },
        StoredBatch::Results(b"results"),
        StoredBatch::Forgotten,
    ];

    fn configuration() -> ConfigurationEntry {
        let member = ConfiguredMember {
            id: 12,
            part: 1,
            priority: 0,
            name: "a".into(),
            endpoint: "b:1".into(),
        };
        ConfigurationEntry {
            index: 13,
            term: 14,
            configuration: Configuration { members: vec![member] },
        }
    }

    const FORMER: [FormerCluster; 2] = [
        FormerCluster { cluster: 15, index: 16 },
        FormerCluster { cluster: 17, index: 18 },
    ];

    fn encoded(configuration: Option<&ConfigurationEntry>, former: &[FormerCluster]) -> Vec<u8> {
        let mut writer = StateWriter::new(&NUMBERS, configuration, former, 1);
        writer.session(&SESSION);
        BATCHES.iter().for_each(|batch| writer.batch(*batch));
        writer.finish()
    }

    fn with_checksum(body: &[u8]) -> Vec<u8> {
        [body, &xxh3_64(body, 0).to_le_bytes()].concat()
    }

    /// The numbers of a state of `version`, in the order of the table.
    fn body(version: u8, numbers: impl Iterator<Item = u64>) -> Vec<u8> {
        let numbers = numbers.flat_map(u64::to_le_bytes);
        [version, 0, 0, 0].into_iter().chain(numbers).collect()
    }

    /// Reads a state to its end.
    fn read(bytes: &[u8]) -> Result<(StateNumbers, usize), StateFault> {
        let mut reader = StateReader::new(bytes)?;
        let mut batches = 0;
        for _ in 0..reader.sessions {
            for _ in 0..reader.session()?.kept {
                reader.batch()?;
                batches += 1;
            }
        }
        let numbers = reader.numbers;
        reader.finish()?;
        Ok((numbers, batches))
    }

    #[test]
    fn the_bytes_are_those_of_the_table() {
        let sessions = b"\x01\0\0\0\x09\0\0\0\0\0\0\0\x0a\0\0\0\0\0\0\0\x0b\0\0\0\0\0\0\0\x04\0\0\0";
        let kept = b"\0\x01\x2c\x01\0\0\0\0\0\0\x02\0\0\0\x02\x07\0\0\0results\x03";
        let all = [&body(3, 1..=8)[..], sessions, kept].concat();
        assert_eq!(encoded(None, &[]), with_checksum(&all), "as older releases read it");
        let empty = StateWriter::new(&NUMBERS, None, &[], 0).finish();
        assert_eq!(empty.len(), STATE_FIXED_BYTES);

        let at = b"\x0d\0\0\0\0\0\0\0\x0e\0\0\0\0\0\0\0\x18\0\0\0";
        let member = b"\x01\0\0\0\x0c\0\0\0\0\0\0\0\x01\0\x01\0\x03\0\0\0ab:1";
        let all = [&body(4, 1..=8)[..], at, member, sessions, kept].concat();
        assert_eq!(encoded(Some(&configuration()), &[]), with_checksum(&all));
        let numbers: Vec<u8> = (15u64..=18).flat_map(u64::to_le_bytes).collect();
        let all = [&body(5, 1..=8)[..], at, member, b"\x02\0\0\0", &numbers, sessions, kept].concat();
        assert_eq!(encoded(Some(&configuration()), &FORMER), with_checksum(&all));
    }

    #[test]
    fn a_state_comes_back_as_it_was_given() {
        for (configuration, former) in [
            (None, &[][..]),
            (Some(configuration()), &[]),
            (Some(configuration()), &FORMER),
        ] {
            let bytes = encoded(configuration.as_ref(), former);
            let mut reader = StateReader::new(&bytes).unwrap();
            assert_eq!(reader.former, former);
            assert_eq!((reader.numbers, reader.sessions), (NUMBERS, 1));
            assert_eq!(reader.configuration, configuration);
            assert_eq!(reader.session(), Ok(SESSION));
            for batch in BATCHES {
                assert_eq!(reader.batch(), Ok(batch));
            }
            assert_eq!(reader.finish(), Ok(()));
        }
    }

    #[test]
    fn older_versions_are_read_and_a_newer_one_is_told() {
        let none = |version: u8, last: u64| with_checksum(&[&body(version, 1..=last)[..], &[0; 4]].concat());
        let first = StateNumbers {
            cluster: 0,
            past: 0,
            digest_from: 0,
            ..NUMBERS
        };
        assert_eq!(read(&none(1, 5)), Ok((first, 0)));
        assert_eq!(read(&none(2, 6)), Ok((StateNumbers { cluster: 6, ..first }, 0)));
        assert_eq!(read(&none(3, 8)), Ok((NUMBERS, 0)));
        assert_eq!(read(&none(6, 8)), Err(StateFault::Newer(6)));
        assert!(matches!(read(&none(0, 8)), Err(StateFault::Damaged(_))));
    }

    #[test]
    fn a_state_that_is_cut_short_or_damaged_is_refused() {
        let bytes = encoded(Some(&configuration()), &FORMER);
        assert_eq!(read(&bytes), Ok((NUMBERS, 4)));
        let body = &bytes[..bytes.len() - CHECKSUM_BYTES];
        for end in 0..bytes.len() {
            assert!(read(&bytes[..end]).is_err(), "{end} bytes");
            let mut damaged = bytes.clone();
            damaged[end] ^= 1;
            assert!(read(&damaged).is_err(), "byte {end}");
        }
        for end in 0..body.len() {
            assert!(
                read(&with_checksum(&body[..end])).is_err(),
                "{end} bytes and a sound checksum"
            );
        }
        assert!(read(&with_checksum(&[body, &[0]].concat())).is_err());
        let unknown = [&body[..body.len() - 1], &[4]].concat();
        assert!(read(&with_checksum(&unknown)).is_err());
    }
}
