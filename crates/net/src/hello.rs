//! The first frame each way: who speaks, from which cluster, to whom; and the refusal that takes its place.
//! Knows layouts and rules, no sockets.
//!
//! ```text
//! hello    ["RAFT"][u16 protocol][u8 kind][u8 flags 1 token][u64 roster][u64 cluster][u64 member id][u64 to, 0 any][32 proof]
//!          [u32 nameLen][name]
//!          A peer's proof is its nonce, of which the last 8 bytes are the life of its process: the same on all its connections.
//! refusal  a response of type 0: [u32 length of the rest][u8 0][u8 0][u16 code][u64 0][u64 detail][text]
//! ```

use rafterdb_codec::Code;

use crate::config::NetError;
use crate::token::PROOF_BYTES;

/// The protocol this build speaks.
pub const PROTOCOL: u16 = 3;

/// Bytes of a hello or refusal, at most.
pub const HELLO_BYTES_MAX: usize = 1024;

/// Bytes of a name in a hello, at most; a longer one is cut.
const NAME_BYTES_MAX: usize = 256;

const MAGIC: &[u8; 4] = b"RAFT";
const FIXED_BYTES: usize = 44 + PROOF_BYTES;
const TOKEN: u8 = 1;
/// Where the life of a dialing peer stands in its nonce: what is left of it is still more than can be guessed or met twice.
const LIFE_AT: usize = PROOF_BYTES - 8;
const RESPONSE_HEADER_BYTES: usize = 16;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum HelloKind {
    /// Submissions one way, deliveries the other.
    Client = 0,
    /// A peer's heartbeats, appends and replies.
    PeerFast = 1,
    /// A peer's snapshots.
    PeerBulk = 2,
}

impl HelloKind {
    /// Whether it is a member's.
    #[must_use]
    pub const fn is_peer(self) -> bool {
        !matches!(self, Self::Client)
    }
}

/// The first frame of either side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// What the connection is for; the answer repeats it.
    pub kind: HelloKind,
    /// A hash over the names of the members that the sender is configured with; 0: a client.
    pub roster: u64,
    /// Identity of the sender's cluster; 0: not known yet, or, of a client, any.
    pub cluster: u64,
    /// The sender; 0: not a member (a client).
    pub member_id: u64,
    /// The member the sender means to speak to; 0: any.
    pub to: u64,
    /// Whether the sender is a member that has a cluster token.
    pub has_token: bool,
    /// With a token: the dialer's nonce, the accepter's proof (token.rs). Else zeros, but for the life of a dialing peer.
    pub proof: [u8; PROOF_BYTES],
    /// The sender's name, for people.
    pub name: String,
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(std::array::from_fn(|i| bytes[at + i]))
}

fn u32_at(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(std::array::from_fn(|i| bytes[at + i])) as usize
}

impl Hello {
    /// The frame's body.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut end = self.name.len().min(NAME_BYTES_MAX);
        while !self.name.is_char_boundary(end) {
            end -= 1;
        }
        let mut body = Vec::with_capacity(FIXED_BYTES + end);
        body.extend_from_slice(MAGIC);
        body.extend_from_slice(&PROTOCOL.to_le_bytes());
        body.extend_from_slice(&[self.kind as u8, if self.has_token { TOKEN } else { 0 }]);
        for field in [self.roster, self.cluster, self.member_id, self.to] {
            body.extend_from_slice(&field.to_le_bytes());
        }
        body.extend_from_slice(&self.proof);
        body.extend_from_slice(&u32::try_from(end).unwrap_or(0).to_le_bytes());
        body.extend_from_slice(&self.name.as_bytes()[..end]);
        body
    }

    /// Reads a hello. Errors: `PROTOCOL_ERROR` if it is none, `PROTOCOL_VERSION` if it is of another version, of which
    /// nothing beyond the version is read.
    pub fn decode(body: &[u8]) -> Result<Self, NetError> {
        if body.len() < 6 || &body[..4] != MAGIC {
            return Err(NetError::new(
                Code::ProtocolError,
                "what arrived is not a hello of rafterdb",
            ));
        }
        let version = u16::from_le_bytes([body[4], body[5]]);
        if version != PROTOCOL {
            let text =
                format!("the other side speaks protocol {version}, this one {PROTOCOL}; run the same version on both");
            return Err(NetError::new(Code::ProtocolVersion, text));
        }
        let malformed = || NetError::new(Code::ProtocolError, "a malformed hello");
        if body.len() < FIXED_BYTES || body.len() != FIXED_BYTES + u32_at(body, FIXED_BYTES - 4) {
            return Err(malformed());
        }
        let kind = match body[6] {
            0 => HelloKind::Client,
            1 => HelloKind::PeerFast,
            2 => HelloKind::PeerBulk,
            _ => return Err(malformed()),
        };
        let name = String::from_utf8_lossy(&body[FIXED_BYTES..]).into_owned();
        Ok(Self {
            kind,
            roster: u64_at(body, 8),
            cluster: u64_at(body, 16),
            member_id: u64_at(body, 24),
            to: u64_at(body, 32),
            has_token: body[7] & TOKEN != 0,
            proof: std::array::from_fn(|i| body[40 + i]),
            name,
        })
    }
}

impl Hello {
    /// The life of the process that dials as a peer, drawn anew by each; 0: it tells none.
    #[must_use]
    pub fn life(&self) -> u64 {
        u64_at(&self.proof, LIFE_AT)
    }

    /// Tells the life of this process.
    pub(crate) fn set_life(&mut self, life: u64) {
        self.proof[LIFE_AT..].copy_from_slice(&life.to_le_bytes());
    }
}

/// Whether two identities may be of one cluster: one that is not known yet contradicts nothing.
#[must_use]
pub const fn may_be_one_cluster(one: u64, other: u64) -> bool {
    one == 0 || other == 0 || one == other
}

/// An error as the frame that takes the place of a hello, or of a delivery before the connection is closed.
#[must_use]
pub fn encode_refusal(error: &NetError) -> Vec<u8> {
    let text = &error.text.as_bytes()[..error.text.len().min(HELLO_BYTES_MAX - RESPONSE_HEADER_BYTES - 8)];
    let mut body = Vec::with_capacity(RESPONSE_HEADER_BYTES + 8 + text.len());
    body.extend_from_slice(&u32::try_from(8 + text.len()).unwrap_or(0).to_le_bytes());
    body.extend_from_slice(&[0, 0]);
    body.extend_from_slice(&(error.code as u16).to_le_bytes());
    body.extend_from_slice(&[0; 16]);
    body.extend_from_slice(text);
    body
}

/// The error a frame tells, if it is a refusal. Responses to requests have another type, so a delivery never looks like one.
#[must_use]
pub fn decode_refusal(body: &[u8]) -> Option<NetError> {
    if body.len() < RESPONSE_HEADER_BYTES + 8 || body[4] != 0 || body.len() != RESPONSE_HEADER_BYTES + u32_at(body, 0) {
        return None;
    }
    let code = Code::from_number(u16::from_le_bytes([body[6], body[7]])).unwrap_or(Code::ProtocolError);
    Some(NetError::new(
        code,
        String::from_utf8_lossy(&body[RESPONSE_HEADER_BYTES + 8..]),
    ))
}
