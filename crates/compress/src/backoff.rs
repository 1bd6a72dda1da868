//! When to try compression and when to let it be, from what became of the inputs before. Counts inputs and nothing
//! else: no clock, so that the same inputs are always stored in the same form.

/// Inputs in a row that did not compress, after which tries become rare.
const MISSES_BEFORE_SKIPPING: u32 = 4;
/// The longest run of skipped inputs is two to this power (64): a try costs one in 65 inputs then.
const SKIP_POWER_MAX: u32 = 6;

/// Skips 1, 2, 4 … 64 inputs between tries once several in a row did not compress; one that does ends it.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    /// Tries in a row that failed.
    misses: u32,
    /// Inputs that are still to be skipped.
    skips: u32,
}

impl Backoff {
    /// Whether the next input is to be left alone; counts it.
    pub fn skip(&mut self) -> bool {
        let skip = self.skips > 0;
        self.skips = self.skips.saturating_sub(1);
        skip
    }

    /// Takes note of what a try came to.
    pub fn tried(&mut self, compressed: bool) {
        if compressed {
            self.misses = 0;
            return;
        }
        self.misses = self.misses.saturating_add(1);
        if let Some(power) = self.misses.checked_sub(MISSES_BEFORE_SKIPPING) {
            self.skips = 1 << power.min(SKIP_POWER_MAX);
        }
    }
}
