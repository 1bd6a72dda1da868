//! The first frame each way: who speaks, from which cluster, to whom; the refusal that takes its place, and what is exchanged
//! between them where both have a token. Knows layouts, not whom to believe.
//!
//! ```text
//! hello      ["RAFT"][u16 protocol][u8 kind][u8 flags 1 token][u64 roster][u64 cluster][u64 member id][u64 to, 0 any][32 proof]
//!            [u32 nameLen][name]
//!            A peer's proof is its nonce, of which the last 8 bytes are the life of its process: the same on all its connections.
//! challenge  ["CHAL"][32 nonce]
//! proof      ["PROV"][32 proof]
//! refusal    a response of type 0: [u32 length of the rest][u8 0][u8 0][u16 code][u64 0][u64 detail][text]
//! ```

use crate::kinds::HelloKind;
use crate::messages::{encode_error_response, MESSAGE_HEADER_BYTES};
use crate::reader::{length_u32, u16_at, u64_at, Reader};
use crate::Code;

/// The protocol this build speaks.
pub const PROTOCOL: u16 = 3;
/// Bytes of a hello or refusal, at most.
pub const HELLO_BYTES_MAX: usize = 1024;
/// Bytes of a nonce and of a proof.
pub const PROOF_BYTES: usize = 32;

/// A nonce or a proof.
pub type Proof = [u8; PROOF_BYTES];

/// Bytes of a name in a hello, at most; a longer one is cut.
const NAME_BYTES_MAX: usize = 256;

const MAGIC: &[u8; 4] = b"RAFT";
const CHALLENGE: &[u8; 4] = b"CHAL";
const PROOF: &[u8; 4] = b"PROV";
/// Bytes between the protocol and the proof.
const FIELDS_BYTES: usize = 34;
const FIXED_BYTES: usize = 6 + FIELDS_BYTES + PROOF_BYTES + 4;
const TOKEN: u8 = 1;
/// Where the life of a dialing peer stands in its nonce: what is left of it is still more than can be guessed or met twice.
const LIFE_AT: usize = PROOF_BYTES - 8;
/// A refusal's type: that of no request.
const REFUSAL: u8 = 0;

impl HelloKind {
    /// Whether the connection is a member's.
    #[must_use]
    pub const fn is_peer(self) -> bool {
        match self {
            Self::Client => false,
            Self::PeerFast | Self::PeerBulk => true,
        }
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
    /// With a token: the dialer's nonce, the accepter's proof. Else zeros, but for the life of a dialing peer.
    pub proof: Proof,
    /// The sender's name, for people.
    pub name: String,
}

/// Why a frame is not a hello that this build takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotHello {
    /// It is none.
    Stranger,
    /// It is of this protocol, of which nothing beyond the version is read.
    OtherProtocol(u16),
    /// It is of this protocol and does not hold together.
    Malformed,
}

impl NotHello {
    /// The code that programs match.
    #[must_use]
    pub const fn code(self) -> Code {
        match self {
            Self::Stranger | Self::Malformed => Code::ProtocolError,
            Self::OtherProtocol(_) => Code::ProtocolVersion,
        }
    }
}

impl std::fmt::Display for NotHello {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stranger => formatter.write_str("what arrived is not a hello of rafterdb"),
            Self::OtherProtocol(version) => write!(
                formatter,
                "the other side speaks protocol {version}, this one {PROTOCOL}; run the same version on both"
            ),
            Self::Malformed => formatter.write_str("a malformed hello"),
        }
    }
}

impl std::error::Error for NotHello {}

impl Hello {
    /// The frame's body.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let name = cut(&self.name, NAME_BYTES_MAX).as_bytes();
        let mut body = Vec::with_capacity(FIXED_BYTES + name.len());
        body.extend_from_slice(MAGIC);
        body.extend_from_slice(&PROTOCOL.to_le_bytes());
        body.extend_from_slice(&[self.kind as u8, if self.has_token { TOKEN } else { 0 }]);
        for field in [self.roster, self.cluster, self.member_id, self.to] {
            body.extend_from_slice(&field.to_le_bytes());
        }
        body.extend_from_slice(&self.proof);
        body.extend_from_slice(&length_u32(name.len()).to_le_bytes());
        body.extend_from_slice(name);
        body
    }

    /// Reads a hello.
    pub fn decode(body: &[u8]) -> Result<Self, NotHello> {
        let mut reader = Reader::new(body);
        let start = reader.array::<6>().map_err(|_| NotHello::Stranger)?;
        if !start.starts_with(MAGIC) {
            return Err(NotHello::Stranger);
        }
        let version = u16_at(start, 4);
        if version != PROTOCOL {
            return Err(NotHello::OtherProtocol(version));
        }
        Self::decode_fields(&mut reader).ok_or(NotHello::Malformed)
    }

    fn decode_fields(reader: &mut Reader<'_>) -> Option<Self> {
        let fields = reader.array::<FIELDS_BYTES>().ok()?;
        let proof = *reader.array::<PROOF_BYTES>().ok()?;
        let length = reader.u32().ok()? as usize;
        let name = reader.rest();
        (name.len() == length).then_some(())?;
        Some(Self {
            kind: HelloKind::try_from(fields[0]).ok()?,
            has_token: fields[1] & TOKEN != 0,
            roster: u64_at(fields, 2),
            cluster: u64_at(fields, 10),
            member_id: u64_at(fields, 18),
            to: u64_at(fields, 26),
            proof,
            name: String::from_utf8_lossy(name).into_owned(),
        })
    }

    /// The life of the process that dials as a peer, drawn anew by each; 0: it tells none.
    #[must_use]
    pub const fn life(&self) -> u64 {
        u64_at(&self.proof, LIFE_AT)
    }

    /// Tells the life of this process.
    pub fn set_life(&mut self, life: u64) {
        self.proof[LIFE_AT..].copy_from_slice(&life.to_le_bytes());
    }
}

/// What of a text fits into so many bytes.
fn cut(text: &str, bytes_max: usize) -> &str {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn encode_tagged(tag: &[u8; 4], bytes: &Proof) -> Vec<u8> {
    [&tag[..], bytes].concat()
}

fn decode_tagged(tag: &[u8; 4], body: &[u8]) -> Option<Proof> {
    body.strip_prefix(tag)?.try_into().ok()
}

/// The body of a challenge: the accepter's answer to the hello of a member that has a token.
#[must_use]
pub fn encode_challenge(nonce: &Proof) -> Vec<u8> {
    encode_tagged(CHALLENGE, nonce)
}

/// The nonce of a challenge, if a body is one.
#[must_use]
pub fn decode_challenge(body: &[u8]) -> Option<Proof> {
    decode_tagged(CHALLENGE, body)
}

/// The body of the dialer's proof.
#[must_use]
pub fn encode_proof(proof: &Proof) -> Vec<u8> {
    encode_tagged(PROOF, proof)
}

/// The proof in a body, if it is one.
#[must_use]
pub fn decode_proof(body: &[u8]) -> Option<Proof> {
    decode_tagged(PROOF, body)
}

/// An error as the body that takes the place of a hello, or of a delivery before the connection is closed. Cut to what a hello
/// may have. The detail of MEMBER_REMOVED is the index of the configuration that lacks who is refused; of others it is 0.
#[must_use]
pub fn encode_refusal(code: Code, detail: u64, text: &str) -> Vec<u8> {
    let mut body = Vec::new();
    let text = cut(text, HELLO_BYTES_MAX - MESSAGE_HEADER_BYTES - 8);
    encode_error_response(&mut body, REFUSAL, 0, code, detail, text);
    body
}

/// Code, detail and text of a refusal, if a body is one. Responses to requests have another type, so a delivery never looks like
/// one. A code of a newer version is `PROTOCOL_ERROR`.
#[must_use]
pub fn decode_refusal(body: &[u8]) -> Option<(Code, u64, String)> {
    let mut reader = Reader::new(body);
    let header = reader.array::<MESSAGE_HEADER_BYTES>().ok()?;
    let [a, b, c, d, REFUSAL, ..] = *header else {
        return None;
    };
    let is_whole = reader.rest().len() == u32::from_le_bytes([a, b, c, d]) as usize;
    let detail = reader.u64().ok().filter(|_| is_whole)?;
    let code = Code::from_number(u16_at(header, 6)).unwrap_or(Code::ProtocolError);
    Some((code, detail, String::from_utf8_lossy(reader.rest()).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello() -> Hello {
        let mut hello = Hello {
            kind: HelloKind::PeerBulk,
            roster: 0x11,
            cluster: 0x22,
            member_id: 3,
            to: 4,
            has_token: true,
            proof: [0xaa; PROOF_BYTES],
            name: "é1".to_owned(),
        };
        hello.set_life(0x0807_0605_0403_0201);
        hello
    }

    #[test]
    fn the_bytes_of_a_hello_are_those_of_formats_md() {
        let mut golden = b"RAFT\x03\x00\x02\x01".to_vec();
        for field in [0x11_u8, 0x22, 3, 4] {
            golden.extend_from_slice(&[field, 0, 0, 0, 0, 0, 0, 0]);
        }
        golden.extend_from_slice(&[0xaa; 24]);
        golden.extend_from_slice(&[1, 2, 3, 4, 5, 6, 7, 8]);
        golden.extend_from_slice(b"\x03\x00\x00\x00\xc3\xa91");
        assert_eq!(hello().encode(), golden);
        assert_eq!(Hello::decode(&golden), Ok(hello()));
        assert_eq!(hello().life(), 0x0807_0605_0403_0201);
    }

    #[test]
    fn a_part_of_a_hello_and_more_than_one_are_refused() {
        let whole = hello().encode();
        for end in 0..whole.len() {
            let expected = if end < 6 {
                NotHello::Stranger
            } else {
                NotHello::Malformed
            };
            assert_eq!(Hello::decode(&whole[..end]), Err(expected), "{end} bytes");
        }
        assert_eq!(Hello::decode(&[&whole[..], &[0]].concat()), Err(NotHello::Malformed));
    }

    #[test]
    fn strangers_other_versions_and_unknown_kinds_are_told_apart() {
        let with = |at: usize, byte: u8| {
            let mut body = hello().encode();
            body[at] = byte;
            Hello::decode(&body).map_err(|not| (not, not.code()))
        };
        assert_eq!(with(0, b'r'), Err((NotHello::Stranger, Code::ProtocolError)));
        assert_eq!(with(4, 9), Err((NotHello::OtherProtocol(9), Code::ProtocolVersion)));
        assert_eq!(with(6, 3), Err((NotHello::Malformed, Code::ProtocolError)));
        assert!(with(6, 0).is_ok_and(|hello| !hello.kind.is_peer()));
    }

    #[test]
    fn a_long_name_is_cut_between_characters() {
        let name = "é".repeat(200);
        let decoded = Hello::decode(&Hello { name, ..hello() }.encode()).unwrap();
        assert_eq!(decoded.name, "é".repeat(128));
    }

    #[test]
    fn a_challenge_and_a_proof_are_not_taken_for_each_other() {
        let (challenge, proof) = (encode_challenge(&[1; 32]), encode_proof(&[2; 32]));
        assert_eq!(challenge[..5], *b"CHAL\x01");
        assert_eq!(proof[..5], *b"PROV\x02");
        assert_eq!(
            (decode_challenge(&challenge), decode_proof(&challenge)),
            (Some([1; 32]), None)
        );
        assert_eq!((decode_challenge(&proof), decode_proof(&proof)), (None, Some([2; 32])));
        assert!((0..36).all(|end| decode_proof(&proof[..end]).is_none()));
        assert_eq!(decode_proof(&[&proof[..], &[0]].concat()), None);
    }

    #[test]
    fn the_bytes_of_a_refusal_are_those_of_formats_md() {
        let refusal = encode_refusal(Code::ClusterMismatch, 0x0201, "no");
        let mut golden = vec![10, 0, 0, 0, 0, 0, 40, 0];
        golden.extend_from_slice(&[0; 8]);
        golden.extend_from_slice(&[1, 2, 0, 0, 0, 0, 0, 0]);
        golden.extend_from_slice(b"no");
        assert_eq!(refusal, golden);
        assert_eq!(
            decode_refusal(&golden),
            Some((Code::ClusterMismatch, 0x0201, "no".to_owned()))
        );
        assert!((0..golden.len()).all(|end| decode_refusal(&golden[..end]).is_none()));
        golden[6] = 0xff;
        assert_eq!(
            decode_refusal(&golden).map(|(code, ..)| code),
            Some(Code::ProtocolError)
        );
        golden[4] = 1;
        assert_eq!(decode_refusal(&golden), None, "a response to a request");
        assert_eq!(encode_refusal(Code::Busy, 0, &"é".repeat(2000)).len(), HELLO_BYTES_MAX);
    }
}
