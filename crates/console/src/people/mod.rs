//! People: who may sign in, with what, for how long, and what they may see.
//!
//! Everything stands in one SQLite file of its own, `people.sqlite3`, and not in the ledger: a ledger is kept for years
//! and shown to others, the means to sign in are neither. Passwords are kept as argon2id, and links, sessions, devices,
//! recovery codes and API tokens as digests, so that a copy of the file signs nobody in. Secrets of authenticator
//! apps have to be kept as they are; the file is therefore readable by its owner only.
//!
//! Nothing here opens a socket, and the clock is passed in. Limits: the constants below and in [`Policy`].

mod accounts;
mod external;
mod links;
mod password;
mod roles;
mod schema;
pub(crate) mod secret;
mod sessions;
mod signin;
mod throttle;
mod tokens;
mod totp;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use rusqlite::Connection;

pub use accounts::Account;
pub use links::{Link, Purpose};
pub use password::{Cost, LONGEST_PASSWORD_BYTES, SHORTEST_PASSWORD_CHARACTERS};
pub use roles::{Role, Roles};
pub use sessions::{Session, Started};
pub use signin::{Attempt, Refusal, SignedIn};
pub(crate) use throttle::Throttle;
pub use tokens::{Scope, Token};
pub use totp::code_at;
pub(crate) use totp::uri;

/// Most accounts of one house.
pub const MAXIMUM_ACCOUNTS: i64 = 1_000;
/// Most sessions of one account; the longest unused one goes first.
pub const MAXIMUM_SESSIONS: i64 = 20;
/// Most known devices of one account; the oldest goes first.
pub const MAXIMUM_DEVICES: i64 = 20;
/// Most API tokens that are not withdrawn.
pub const MAXIMUM_TOKENS: i64 = 200;
/// Most links that are not used yet.
pub const MAXIMUM_LINKS: i64 = 200;

/// Where the time comes from: the binary passes the machine's clock, a test its own.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Why something about people could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file could not be read or written.
    #[error("people.sqlite3: {0}")]
    Store(#[from] rusqlite::Error),
    /// The file was written by a newer version.
    #[error("people.sqlite3 has form {0}, and this version knows only up to {known}", known = schema::FORM)]
    Newer(i64),
    /// The file's rights could not be set.
    #[error("people.sqlite3: {0}")]
    Rights(#[from] std::io::Error),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    Random,
    /// What was asked for cannot be; the text is for the person who asked.
    #[error("{0}")]
    Refused(&'static str),
}

/// A result of this module.
pub type Result<T> = std::result::Result<T, Error>;

/// How long things last, and how dear a password is to try.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// A session that was not used for so long ends.
    pub idle_seconds: i64,
    /// A session ends after so long however much it is used.
    pub session_seconds: i64,
    /// A one-time link is good for so long.
    pub link_seconds: i64,
    /// A device counts as known for so long after its last sign-in.
    pub device_seconds: i64,
    /// An API token of whom the provider vouches for is good for so long after the last sign-in by it.
    pub vouched_seconds: i64,
    /// What one password costs to try.
    pub cost: Cost,
}

impl Default for Policy {
    /// A shift, a week, an hour, a season, a month, and what OWASP asks of argon2id.
    fn default() -> Self {
        Self {
            idle_seconds: 12 * 3_600,
            session_seconds: 7 * 86_400,
            link_seconds: 3_600,
            device_seconds: 90 * 86_400,
            vouched_seconds: 30 * 86_400,
            cost: Cost::default(),
        }
    }
}

/// The accounts of one house and everything that belongs to them.
pub struct People {
    connection: Mutex<Connection>,
    throttle: Mutex<Throttle>,
    clock: Clock,
    policy: Policy,
}

impl People {
    /// Opens the file or makes it, readable by its owner only, and brings it to today's form.
    pub fn open(path: &Path, clock: Clock, policy: Policy) -> Result<Self> {
        let connection = Connection::open(path)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        }
        Self::over(connection, clock, policy)
    }

    /// People in memory only: for tests and demonstrations.
    pub fn in_memory(clock: Clock, policy: Policy) -> Result<Self> {
        Self::over(Connection::open_in_memory()?, clock, policy)
    }

    fn over(mut connection: Connection, clock: Clock, policy: Policy) -> Result<Self> {
        schema::prepare(&mut connection)?;
        Ok(Self {
            connection: Mutex::new(connection),
            throttle: Mutex::new(Throttle::default()),
            clock,
            policy,
        })
    }

    /// The lock is never held over a password's hash, only over statements that take microseconds.
    fn store(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn throttle(&self) -> MutexGuard<'_, Throttle> {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> i64 {
        (self.clock)().as_second()
    }
}

#[cfg(test)]
pub(crate) mod fixtures {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    /// A clock that stands still until it is moved.
    #[derive(Clone)]
    pub(crate) struct Hand(Arc<AtomicI64>);

    impl Hand {
        pub(crate) fn on(self, seconds: i64) {
            self.0.fetch_add(seconds, Ordering::Relaxed);
        }

        pub(crate) fn now(&self) -> i64 {
            self.0.load(Ordering::Relaxed)
        }
    }

    pub(crate) fn clock() -> (Hand, Clock) {
        let hand = Hand(Arc::new(AtomicI64::new(1_790_000_000)));
        let shown = hand.clone();
        (hand, Arc::new(move || Timestamp::from_second(shown.now()).unwrap()))
    }

    pub(crate) fn people() -> (Hand, People) {
        let (hand, clock) = clock();
        let policy = Policy { cost: Cost::LIGHT, ..Policy::default() };
        (hand, People::in_memory(clock, policy).unwrap())
    }

    /// An account with its secret, made the way people make it: by a link.
    pub(crate) fn member(
        hand: &Hand,
        people: &People,
        name: &str,
        role: Role,
        organisation: Option<&str>,
    ) -> (Account, Vec<u8>) {
        let token = people.invite(name, role, organisation, "test").unwrap();
        let secret = people.link(&token).unwrap().unwrap().secret;
        let code = code_at(&secret, hand.now());
        let (account, _) = people.follow_link(&token, name, "correct horse battery", &code).unwrap();
        hand.clone().on(60);
        (account, secret)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::fixtures::{clock, member};
    use super::*;

    #[test]
    fn people_are_for_their_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("people.sqlite3");
        let (hand, clock) = clock();
        let policy = Policy { cost: Cost::LIGHT, ..Policy::default() };
        let people = People::open(&path, clock.clone(), policy).unwrap();
        member(&hand, &people, "ada", Role::Administrator, None);
        drop(people);
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let path = file.unwrap().path();
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{}", path.display());
            let bytes = std::fs::read(&path).unwrap();
            assert!(!bytes.windows(7).any(|part| part == b"correct"), "no password in {}", path.display());
        }
        let again = People::open(&path, clock, policy).unwrap();
        assert_eq!(again.accounts().unwrap().len(), 1);
        assert!(again.first_link().unwrap().is_none());
    }
}
