//! The machine's state that a flush makes persistent. It may be tens of megabytes, so it is made by who flushes, not by who applies entries.
//! Knows nothing of what is in it.

/// Makes a state, which is that of the moment at which this was made.
pub type MakeState = Box<dyn FnOnce() -> Vec<u8> + Send>;

/// A state, or how it is made.
pub(super) struct LateState {
    made: Vec<u8>,
    make: Option<MakeState>,
}

impl From<Vec<u8>> for LateState {
    fn from(made: Vec<u8>) -> Self {
        Self { made, make: None }
    }
}

impl From<MakeState> for LateState {
    fn from(make: MakeState) -> Self {
        Self {
            made: Vec::new(),
            make: Some(make),
        }
    }
}

impl LateState {
    /// The state, which is made the first time.
    pub(super) fn get(&mut self) -> &[u8] {
        if let Some(make) = self.make.take() {
            self.made = make();
        }
        &self.made
    }
}
