//! Where notices lead: to the page of a flood, and to what to do about a fault, both on the console.

use std::sync::Arc;

/// Addresses of the console, if it is known where people reach it.
#[derive(Clone, Debug, Default)]
pub(super) struct Links(Option<Arc<str>>);

impl Links {
    /// Below this address, without a slash at its end.
    pub(super) fn new(url: Option<String>) -> Self {
        Self(url.map(Into::into))
    }

    /// The page of a flood. Ids are letters and digits.
    pub(super) fn flood(&self, id: &str) -> Option<String> {
        self.0.as_ref().map(|url| format!("{url}/floods/{id}"))
    }

    /// What to do.
    pub(super) fn runbook(&self, name: &str) -> Option<String> {
        self.0.as_ref().map(|url| format!("{url}/runbooks/{name}"))
    }
}
