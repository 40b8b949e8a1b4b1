//! Who asks, and what they see.

use record::Actor;

use crate::people::{Account, Scope, Session, Token};

/// By what somebody is known.
#[derive(Debug, Clone)]
pub(crate) enum By {
    /// A session, with the cookie's text and the word that forms have to repeat.
    Session { session: Session, cookie: String, csrf: String },
    /// An API token.
    Token(Token),
}

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) struct Principal {
    pub(crate) account: Account,
    pub(crate) by: By,
}

impl Principal {
    /// The organisation whose things are seen; none for the whole house.
    pub(crate) fn organisation(&self) -> Option<&str> {
        // A token is never wider than its account, also when the account became narrower after it was made.
        match (&self.account.organisation, &self.by) {
            (None, By::Token(token)) => token.organisation.as_deref(),
            (own, _) => own.as_deref(),
        }
    }

    pub(crate) fn sees_house(&self) -> bool {
        self.organisation().is_none()
    }

    /// Whether something of these organisations is seen.
    pub(crate) fn sees<'a>(&self, organisations: impl IntoIterator<Item = &'a String>) -> bool {
        self.organisation().is_none_or(|own| organisations.into_iter().any(|other| other == own))
    }

    /// What a filter of the record needs.
    pub(crate) fn filter(&self) -> Option<Vec<String>> {
        self.organisation().map(|own| vec![own.to_owned()])
    }

    pub(crate) fn has(&self, scope: Scope) -> bool {
        match &self.by {
            By::Session { .. } => true,
            By::Token(token) => token.scopes.contains(&scope),
        }
    }

    pub(crate) fn actor(&self) -> Actor {
        match &self.by {
            By::Session { .. } => Actor::Person(self.account.name.clone()),
            By::Token(token) => Actor::Program(token.name.clone()),
        }
    }

    /// What forms have to repeat; empty for programs, which use none.
    pub(crate) fn csrf(&self) -> &str {
        match &self.by {
            By::Session { csrf, .. } => csrf,
            By::Token(_) => "",
        }
    }
}
