//! Who the members are: the body of a CONFIGURATION entry, and of the request that asks for others. Knows no rule of who may change.
//!
//! ```text
//! configuration   [u32 members][member …]
//! member          [u64 id][u8 part][u8 priority][u16 nameLen][u16 endpointLen][u16 0][name][endpoint]        UTF-8
//! change          [u64 index of the configuration in force][u8 1 FORCED][7 × 0][configuration: part 1 it shall vote, 0 learn; 4 more: a witness]
//! ```
//! Releases before witnesses and priorities refuse both: the part is unknown to them, and what is the priority must be 0.

use std::collections::HashSet;

use crate::limits::{ENDPOINT_BYTES_MAX, MEMBERS_MAX, MEMBER_NAME_BYTES_MAX};
use crate::reader::{u16_at, u32_at, u64_at, Malformed, Parsed, Reader};
use crate::safe_number::SAFE_NUMBER_MAX;
use crate::unencodable::{body_length, Unencodable};

/// A member's part: it votes.
pub const PART_INCOMING: u8 = 1;
/// A member's part: it votes until the change of voters is over.
pub const PART_OUTGOING: u8 = 2;
/// A member's part: it is a witness, which has the log's terms and no data, for as long as it is a member.
pub const PART_WITNESS: u8 = 4;

/// What the exchange with the core adds to a part for each of the priority.
const PRIORITY_UNIT: u64 = 256;

/// Largest body that is parsed.
pub const CONFIGURATION_BYTES_MAX: usize =
    4 + MEMBERS_MAX * (MEMBER_HEAD_BYTES + MEMBER_NAME_BYTES_MAX + ENDPOINT_BYTES_MAX);

const CHANGE_FORCED: u8 = 1;
const CHANGE_HEAD_BYTES: usize = 16;
const MEMBER_HEAD_BYTES: usize = 16;

/// One member, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfiguredMember {
    /// Its number, never 0: drawn when it joined, or of its name if it founded the cluster.
    pub id: u64,
    /// A sum of [`PART_INCOMING`], [`PART_OUTGOING`] and [`PART_WITNESS`]; without the first two it learns.
    pub part: u8,
    /// Of those that can lead the one with the highest should; 0 unless somebody said otherwise.
    pub priority: u8,
    /// Its name, unique in the cluster.
    pub name: String,
    /// Where the others reach it.
    pub endpoint: String,
}

impl ConfiguredMember {
    /// Whether it votes, in either set.
    #[must_use]
    pub const fn votes(&self) -> bool {
        self.part & (PART_INCOMING | PART_OUTGOING) != 0
    }

    /// Whether it has no data.
    #[must_use]
    pub const fn is_witness(&self) -> bool {
        self.part & PART_WITNESS != 0
    }

    /// What it is, as the exchange with the core says it: the part, and the priority times 256.
    #[must_use]
    pub fn standing(&self) -> u64 {
        u64::from(self.part) + u64::from(self.priority) * PRIORITY_UNIT
    }

    /// The same member as the core says that it is; `None`: the core cannot have said that.
    #[must_use]
    pub fn with_standing(&self, standing: u64) -> Option<Self> {
        Some(Self {
            part: u8::try_from(standing % PRIORITY_UNIT).ok()?,
            priority: u8::try_from(standing / PRIORITY_UNIT).ok()?,
            ..self.clone()
        })
    }
}

/// All members, owned: there are few, and they seldom change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Configuration {
    /// In the order in which they were written.
    pub members: Vec<ConfiguredMember>,
}

impl Configuration {
    /// Appends the body of an entry. Errors: [`Unencodable::TooLong`], and what was appended by then is to be thrown away.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Unencodable> {
        let length = |text: &str| {
            let bytes = text.len();
            u16::try_from(bytes).map_err(|_| Unencodable::TooLong { bytes })
        };
        out.extend_from_slice(&body_length(self.members.len())?.to_le_bytes());
        for member in &self.members {
            out.extend_from_slice(&member.id.to_le_bytes());
            out.extend_from_slice(&[member.part, member.priority]);
            out.extend_from_slice(&length(&member.name)?.to_le_bytes());
            out.extend_from_slice(&length(&member.endpoint)?.to_le_bytes());
            out.extend_from_slice(&[0; 2]);
            out.extend_from_slice(member.name.as_bytes());
            out.extend_from_slice(member.endpoint.as_bytes());
        }
        Ok(())
    }

    /// Reads the body of an entry. Malformed unless these can be the members of a cluster: at most [`MEMBERS_MAX`] of them, each
    /// once by number and by name, one that votes, and in each majority one with data.
    pub fn parse(body: &[u8]) -> Parsed<Self> {
        let mut reader = Reader::new(body);
        let count = u32_at(reader.array::<4>()?, 0) as usize;
        if count > MEMBERS_MAX {
            return Err(Malformed("a configuration has too many members"));
        }
        let members: Parsed<Vec<_>> = (0..count).map(|_| member(&mut reader)).collect();
        let members = members?;
        if !reader.is_empty() {
            return Err(Malformed("a configuration is longer than its members"));
        }
        let ids: HashSet<_> = members.iter().map(|member| member.id).collect();
        let names: HashSet<_> = members.iter().map(|member| &member.name).collect();
        if ids.len() < count || names.len() < count {
            return Err(Malformed("a configuration has a member twice"));
        }
        if !members.iter().any(|member| member.part & PART_INCOMING != 0) {
            return Err(Malformed("a configuration has nobody who votes"));
        }
        let configuration = Self { members };
        if [PART_INCOMING, PART_OUTGOING]
            .iter()
            .all(|set| configuration.has_data_in_majorities(*set))
        {
            Ok(configuration)
        } else {
            Err(Malformed(
                "a configuration has so many witnesses that a majority could do without the data",
            ))
        }
    }

    /// Whether in every majority of a set of voters somebody is no witness.
    fn has_data_in_majorities(&self, set: u8) -> bool {
        let voters = || self.members.iter().filter(|member| member.part & set != 0);
        let witnesses = voters().filter(|member| member.is_witness()).count();
        voters().count() == 0 || witnesses < voters().count() / 2 + 1
    }

    /// (id, standing) of each, as the Raft core knows them.
    #[must_use]
    pub fn parts(&self) -> Vec<(u64, u64)> {
        self.members
            .iter()
            .map(|member| (member.id, member.standing()))
            .collect()
    }

    /// One of them.
    #[must_use]
    pub fn find(&self, id: u64) -> Option<&ConfiguredMember> {
        self.members.iter().find(|member| member.id == id)
    }
}

/// A configuration and the entry that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigurationEntry {
    /// The entry's index.
    pub index: u64,
    /// Its term.
    pub term: u64,
    /// Who the members are from it on.
    pub configuration: Configuration,
}

impl ConfigurationEntry {
    /// The entry's body.
    ///
    /// # Panics
    /// Invariant: what was parsed has names and endpoints that fit.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        let mut body = Vec::new();
        let encoded = self.configuration.encode(&mut body);
        encoded.expect("invariant: the names and endpoints of a configuration fit");
        body
    }
}

/// What a CHANGE request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigurationChange {
    /// Index of the configuration that it was made from: another one in force by then is not changed by it.
    pub from: u64,
    /// Also when a majority of the new voters does not answer now.
    pub is_forced: bool,
    /// Who the members shall be: part 1 it votes, 0 it learns, and 4 more for a witness.
    pub wanted: Configuration,
}

impl ConfigurationChange {
    /// Appends a request's body. Errors: as [`Configuration::encode`].
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Unencodable> {
        out.extend_from_slice(&self.from.to_le_bytes());
        out.extend_from_slice(&[u8::from(self.is_forced) * CHANGE_FORCED, 0, 0, 0, 0, 0, 0, 0]);
        self.wanted.encode(out)
    }

    /// Reads a request's body.
    pub fn parse(body: &[u8]) -> Parsed<Self> {
        let mut reader = Reader::new(body);
        let head = reader.array::<CHANGE_HEAD_BYTES>()?;
        let from = u64_at(head, 0);
        if from > SAFE_NUMBER_MAX || head[8] > CHANGE_FORCED || head[9..].iter().any(|byte| *byte != 0) {
            return Err(Malformed(
                "a change of members has unknown flags, or a number beyond 2^53",
            ));
        }
        let wanted = Configuration::parse(reader.rest())?;
        if wanted.members.iter().any(|member| member.part & PART_OUTGOING != 0) {
            return Err(Malformed(
                "a change of members says who leaves by other means than leaving it out",
            ));
        }
        let is_forced = head[8] == CHANGE_FORCED;
        Ok(Self {
            from,
            is_forced,
            wanted,
        })
    }
}

fn member(reader: &mut Reader<'_>) -> Parsed<ConfiguredMember> {
    let head = reader.array::<MEMBER_HEAD_BYTES>()?;
    let (id, part) = (u64_at(head, 0), head[8]);
    let (name_bytes, endpoint_bytes) = (usize::from(u16_at(head, 10)), usize::from(u16_at(head, 12)));
    if id == 0 || id > SAFE_NUMBER_MAX || part > PART_INCOMING | PART_OUTGOING | PART_WITNESS {
        return Err(Malformed("a member of a configuration has an unknown number or part"));
    }
    if head[14] != 0 || head[15] != 0 {
        return Err(Malformed(
            "a member of a configuration says what this version does not know",
        ));
    }
    if name_bytes == 0 || name_bytes > MEMBER_NAME_BYTES_MAX || endpoint_bytes > ENDPOINT_BYTES_MAX {
        return Err(Malformed(
            "a member of a configuration has no name, or one or an endpoint that is too long",
        ));
    }
    let (name, endpoint) = (text(reader.bytes(name_bytes)?)?, text(reader.bytes(endpoint_bytes)?)?);
    Ok(ConfiguredMember {
        id,
        part,
        priority: head[9],
        name,
        endpoint,
    })
}

fn text(bytes: &[u8]) -> Parsed<String> {
    let text = std::str::from_utf8(bytes).map_err(|_| Malformed("a member's name or endpoint is no UTF-8"))?;
    Ok(text.to_owned())
}
