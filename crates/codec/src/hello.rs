//! The hello that each side of a connection sends first, as the body of a frame. Knows no rules about who may speak.
//!
//! ```text
//! hello   [u32 magic][u16 protocol][u8 kind][u8 0][u64 cluster id][u64 member id][u64 to][u32 nameLen][name]
//! ```

use crate::reader::{length_u32, u16_at, u32_at, u64_at, Malformed, Parsed, Reader};

/// First bytes of a hello.
pub const HELLO_MAGIC: u32 = u32::from_le_bytes(*b"RAFT");
/// The protocol that this version speaks.
pub const PROTOCOL_VERSION: u16 = 1;
/// Kind of hello: a client.
pub const HELLO_CLIENT: u8 = 0;
/// Kind of hello: a member, for heartbeats and appends.
pub const HELLO_PEER_FAST: u8 = 1;
/// Kind of hello: a member, for snapshots.
pub const HELLO_PEER_BULK: u8 = 2;
/// Bytes of a member's name at most.
pub const HELLO_NAME_BYTES_MAX: usize = 256;

/// Who speaks, and to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello<'a> {
    /// The reader refuses another than [`PROTOCOL_VERSION`], with code PROTOCOL_VERSION.
    pub protocol: u16,
    /// `HELLO_*`; unknown kinds are malformed.
    pub kind: u8,
    /// 0 for a client: any.
    pub cluster: u64,
    /// The speaker; 0 for a client.
    pub member: u64,
    /// Member that the dialer expects; 0 for any.
    pub to: u64,
    /// The speaker's name.
    pub name: &'a str,
}

impl<'a> Hello<'a> {
    /// Parses the body of a first frame.
    pub fn parse(body: &'a [u8]) -> Parsed<Self> {
        let mut reader = Reader::new(body);
        let header = reader.array::<36>()?;
        if u32_at(header, 0) != HELLO_MAGIC {
            return Err(Malformed("the other side does not speak rafterdb's protocol"));
        }
        if header[6] > HELLO_PEER_BULK {
            return Err(Malformed("a hello of unknown kind"));
        }
        let length = u32_at(header, 32) as usize;
        if length > HELLO_NAME_BYTES_MAX {
            return Err(Malformed("a hello's name is longer than 256 bytes"));
        }
        let name = std::str::from_utf8(reader.bytes(length)?).map_err(|_| Malformed("a hello's name is not UTF-8"))?;
        Ok(Self {
            protocol: u16_at(header, 4),
            kind: header[6],
            cluster: u64_at(header, 8),
            member: u64_at(header, 16),
            to: u64_at(header, 24),
            name,
        })
    }

    /// Appends the body of a first frame.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&HELLO_MAGIC.to_le_bytes());
        out.extend_from_slice(&self.protocol.to_le_bytes());
        out.extend_from_slice(&[self.kind, 0]);
        for number in [self.cluster, self.member, self.to] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&length_u32(self.name.len()).to_le_bytes());
        out.extend_from_slice(self.name.as_bytes());
    }
}
