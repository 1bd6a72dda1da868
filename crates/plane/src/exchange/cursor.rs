//! Reads the fields of commands, one after the other. Knows nothing of what they mean.

use rafterdb_codec::Code;

/// Reads the fields of commands.
pub struct Cursor<'a> {
    /// The commands.
    pub doubles: &'a [f64],
    /// Where the next field is.
    pub at: usize,
}

impl Cursor<'_> {
    /// The next field, a whole number.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the core sends whole numbers below 2^53"
    )]
    pub fn next(&mut self) -> u64 {
        self.float() as u64
    }

    /// The next field, as it is.
    pub fn float(&mut self) -> f64 {
        self.at += 1;
        self.doubles[self.at - 1]
    }

    /// The code that comes next; `unknown` for a number that is none.
    pub fn code(&mut self, unknown: Code) -> Code {
        u16::try_from(self.next())
            .ok()
            .and_then(Code::from_number)
            .unwrap_or(unknown)
    }
}
