//! The cluster token: both sides of a connection between members prove that they know it, and never send it.
//! Knows no sockets and no layouts.
//!
//! ```text
//! proof = HMAC-SHA256(token, "rafterdb" [u8 side] [the dialer's hello] [the challenge])
//! ```
//!
//! The accepter answers the hello of a member that has a token with a challenge, the dialer that with its proof, of side 1; the
//! accepter's, of side 2, stands in its hello.
//!
//! The dialer's hello has a nonce of its own, the ids of both and the kind of connection in it, so that a proof is of use
//! for one connection only. The dialer proves first: who just dials learns nothing to try tokens on. What is sent after the
//! hellos is not protected: that takes an encrypted connection.

use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use rafterdb_codec::{Code, Proof, PROOF_BYTES};
use sha2::Sha256;

use crate::error::NetError;

/// Which side proves; the two must never look alike.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(crate) enum Prover {
    Dialer = 1,
    Accepter = 2,
}

/// A secret that all members of a cluster know.
#[derive(Clone)]
pub struct Token(Arc<[u8]>);

impl Token {
    /// A token of these bytes; 16 random ones or more keep it from being guessed.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    fn mac(&self, prover: Prover, hello: &[u8], challenge: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0)
            .unwrap_or_else(|_| panic!("invariant token: HMAC takes a key of any length"));
        for part in [b"rafterdb", &[prover as u8][..], hello, challenge] {
            mac.update(part);
        }
        mac
    }

    /// The proof of a side that knows the token.
    pub(crate) fn prove(&self, prover: Prover, hello: &[u8], challenge: &[u8]) -> Proof {
        self.mac(prover, hello, challenge).finalize().into_bytes().into()
    }

    /// Whether a proof is of this token; takes as long whatever the proof is.
    pub(crate) fn verify(&self, prover: Prover, hello: &[u8], challenge: &[u8], proof: &Proof) -> bool {
        self.mac(prover, hello, challenge).verify_slice(proof).is_ok()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Bytes that nobody has seen before. Errors: `IO` if the system has no random numbers.
pub(crate) fn nonce() -> Result<Proof, NetError> {
    let mut nonce = [0; PROOF_BYTES];
    getrandom::fill(&mut nonce)
        .map_err(|error| NetError::new(Code::Io, format!("the system gives no random numbers: {error}")))?;
    Ok(nonce)
}

/// `TOKEN_MISMATCH`, with what is wrong.
pub(crate) fn mismatch(text: String) -> NetError {
    NetError::new(
        Code::TokenMismatch,
        format!("{text}: give every member the same cluster token"),
    )
}
