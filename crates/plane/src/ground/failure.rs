//! Why a member stopped, if it did: nothing that follows could be trusted. Knows nothing of what ends then.

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::OnceLock;

use rafterdb_codec::Code;

use crate::ground::error::PlaneError;

/// Called once, when the member fails: tells whoever opened it, and has every queue end.
pub type OnFail = Box<dyn Fn(&PlaneError) + Send + Sync>;

/// Whether the member has failed.
pub struct Failure {
    why: OnceLock<PlaneError>,
    on_fail: OnFail,
}

impl Failure {
    /// None so far.
    #[must_use]
    pub const fn new(on_fail: OnFail) -> Self {
        Self {
            why: OnceLock::new(),
            on_fail,
        }
    }

    /// The member stops: every waiting and later call fails.
    pub fn fail(&self, error: PlaneError) {
        if self.why.set(error.clone()).is_ok() {
            (self.on_fail)(&error);
        }
    }

    /// Why the member stopped, if it did.
    #[must_use]
    pub fn why(&self) -> Option<&PlaneError> {
        self.why.get()
    }

    /// Runs a thread's body; a broken invariant in it stops the member instead of leaving it without that thread.
    pub fn guard(&self, body: impl FnOnce()) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(body)) {
            let text = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied());
            self.fail(PlaneError::new(
                Code::Internal,
                format!("a bug in rafterdb: {}", text.unwrap_or("a thread panicked")),
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn a_body_that_panics_fails_the_member_once_and_with_its_message() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let to = told.clone();
        let failure = Failure::new(Box::new(move |error| to.lock().unwrap().push(error.text.clone())));
        failure.guard(|| {});
        assert!(failure.why().is_none());
        failure.guard(|| panic!("log order: {}", 7));
        failure.guard(|| panic!("another"));
        assert_eq!(*told.lock().unwrap(), ["a bug in rafterdb: log order: 7"]);
        assert_eq!(failure.why().map(|error| error.code), Some(Code::Internal));
    }
}
