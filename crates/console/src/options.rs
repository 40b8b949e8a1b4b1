//! What the console needs to be told, and what can go wrong at its start.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::http::ExternalFlood;
use crate::oidc::Provider;
use crate::people::{self, Clock, Policy};

/// Most connections at once.
pub const MAXIMUM_CONNECTIONS: usize = 1_200;
/// Most connections of one address; loopback, where a proxy may stand, has no limit of its own.
pub const MAXIMUM_CONNECTIONS_OF_ADDRESS: usize = 128;
/// Most readers of the stream of events at once.
pub const MAXIMUM_EVENT_READERS: usize = 50;

/// How connections are protected.
#[derive(Debug, Clone)]
pub enum Tls {
    /// With an own certificate, made at the first start and kept in the folder.
    Own {
        /// Names and addresses that people call this server by, beside `localhost`.
        names: Vec<String>,
    },
    /// With the site's certificate.
    Files {
        /// The chain, PEM.
        certificate: PathBuf,
        /// The key, PEM.
        key: PathBuf,
    },
    /// Not at all: refused for anything but loopback.
    Off,
}

/// A program that may send signed webhooks.
#[derive(Clone)]
pub struct Signer {
    /// Its name, for the ledger.
    pub name: String,
    /// The secret that both know; at least 16 bytes.
    pub secret: Vec<u8>,
}

/// Figures for Prometheus, made when somebody asks.
pub type Figures = Arc<dyn Fn() -> String + Send + Sync>;
/// Takes a line for the log of the service, whose business it is how often the same is said.
pub type Complain = Arc<dyn Fn(&str) + Send + Sync>;
/// Takes up a flood that others saw; says whether there was room.
pub type Outside = Arc<dyn Fn(ExternalFlood) -> bool + Send + Sync>;

/// Whether an address belongs to an organisation, by the institution file of now: a service of its stands on it, or the zone is its.
pub type Belongs = Arc<dyn Fn(IpAddr, &str) -> bool + Send + Sync>;
/// What an analyst thinks of the next days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// That our house is listed within three days, in hundredths.
    pub percent: u8,
    /// Who says so.
    pub by: String,
    /// When.
    pub time: jiff::Timestamp,
}

/// Takes up a judgement, to be graded.
pub type Judge = Arc<dyn Fn(Judgement) + Send + Sync>;

/// How long others are waited for.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For a TLS handshake, from its first byte to its last.
    pub handshake: Duration,
    /// For the head of a request, and for the next request on a connection.
    pub head: Duration,
    /// For the body of a request, however it drips.
    pub body: Duration,
    /// For a client to take something, if there is something to take.
    pub write: Duration,
    /// For anything to go one way or the other.
    pub idle: Duration,
    /// Between two signs of life of the stream of events, at which the reader's session is looked at again.
    pub heartbeat: Duration,
    /// For connections to end when the console stops.
    pub stop: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            handshake: seconds(10),
            head: seconds(10),
            body: seconds(10),
            write: seconds(20),
            idle: seconds(75),
            heartbeat: seconds(15),
            stop: seconds(3),
        }
    }
}

/// Everything that can be set.
#[derive(Clone)]
pub struct Options {
    /// Where to listen.
    pub listen: Vec<SocketAddr>,
    /// The folder of `people.sqlite3` and the own certificate.
    pub folder: PathBuf,
    /// How connections are protected.
    pub tls: Tls,
    /// Where the time comes from.
    pub clock: Clock,
    /// How long sessions last and what a password costs to try.
    pub policy: Policy,
    /// By whose word people may sign in, beside local accounts.
    pub provider: Option<Provider>,
    /// The file that says which network is of which country; MMDB.
    pub countries: Option<PathBuf>,
    /// Who may send signed webhooks.
    pub signers: Vec<Signer>,
    /// Figures for `/metrics`; the console's own follow.
    pub figures: Figures,
    /// Where floods go that others saw.
    pub outside: Outside,
    /// Which addresses are whose; by default nobody's, and accounts of one organisation see none.
    pub belongs: Belongs,
    /// Where judgements of analysts go, beside the ledger.
    pub judge: Judge,
    /// Where it is said what did not work; whoever asked is told only that something did not.
    pub complain: Complain,
    /// How long others are waited for.
    pub patience: Patience,
    /// Retention in words, for the page of data protection: what, and for how long.
    pub retention: Vec<(String, String)>,
}

impl Options {
    /// Loopback with an own certificate, and nothing connected.
    #[must_use]
    pub fn new(folder: PathBuf, listen: Vec<SocketAddr>, clock: Clock) -> Self {
        Self {
            listen,
            folder,
            tls: Tls::Own { names: Vec::new() },
            clock,
            policy: Policy::default(),
            provider: None,
            countries: None,
            signers: Vec::new(),
            figures: Arc::new(String::new),
            outside: Arc::new(|_| false),
            belongs: Arc::new(|_, _| false),
            judge: Arc::new(|_| {}),
            complain: Arc::new(|_| {}),
            patience: Patience::default(),
            retention: Vec::new(),
        }
    }
}

/// Why the console does not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The accounts cannot be opened.
    #[error(transparent)]
    People(#[from] people::Error),
    /// An address cannot be listened on.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, std::io::Error),
    /// No TLS beyond this machine.
    #[error("{0} is not loopback, and without TLS passwords would go over the network")]
    Plain(SocketAddr),
    /// No address to listen on.
    #[error("no address to listen on")]
    Nowhere,
    /// A certificate or key cannot be used.
    #[error("{0}: {1}")]
    Certificate(PathBuf, String),
    /// The provider of sign-ins cannot be used.
    #[error("sign-in by a provider: {0}")]
    Provider(String),
    /// The file of countries cannot be used.
    #[error("countries: {0}")]
    Countries(String),
    /// A secret for webhooks is too short.
    #[error("the secret of the webhook {0:?} has fewer than 16 bytes")]
    ShortSecret(String),
    /// The system gives no threads.
    #[error("cannot start threads: {0}")]
    Threads(std::io::Error),
}
