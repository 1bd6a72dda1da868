//! Who is behind an asker, kept for as long as it asks. Knows no layout.

use std::sync::Arc;

use rafterdb_codec::Principal;

/// A principal that is kept, and shared between the requests of its asker. Nobody in particular takes no memory.
#[derive(Clone, Debug, Default)]
pub struct KeptPrincipal(Option<Arc<[u8]>>);

impl KeptPrincipal {
    /// Who it is.
    ///
    /// # Panics
    /// Invariant `a kept name was one before`.
    #[must_use]
    pub fn get(&self) -> Principal<'_> {
        self.0.as_deref().map_or(Principal::ANONYMOUS, |name| {
            Principal::new(name).expect("invariant: a kept name was one before")
        })
    }
}

impl From<Principal<'_>> for KeptPrincipal {
    fn from(principal: Principal<'_>) -> Self {
        Self((!principal.is_anonymous()).then(|| principal.name().into()))
    }
}
