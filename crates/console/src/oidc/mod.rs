//! Signing in by the house's own provider: OpenID Connect, the authorisation code flow with PKCE (OpenID Connect Core 1.0
//! section 3.1, RFC 7636, RFC 9700).
//!
//! The way there and back:
//!
//! 1. `/signin/oidc` sends the browser to the provider, with a state, a nonce and a challenge that all follow from one random
//!    ticket; the ticket stays in a cookie of this browser. Nothing is kept here, so nobody can fill a table.
//! 2. The provider sends it back with a code. Ticket and state have to fit, and a ticket is good once and for ten minutes.
//! 3. The code is exchanged at the provider for an ID token, of which signature, issuer, audience, times and nonce are
//!    checked ([`token`]).
//! 4. Groups in the token give role and reach, by the first rule that fits. Without one there is no way in.
//!
//! Local accounts stay: they are the way in when the provider is down, and no token ever becomes one of them.
//!
//! Limits: [`MAXIMUM_EXCHANGES`] exchanges at once, ten seconds and 256 KiB for each answer ([`fetch`]); keys of the provider
//! are kept for ten minutes and asked for again at most every 30 seconds, a provider that did not answer after ten. The
//! provider's word counts at sign-in: who is removed there keeps a session here until it ends, and API tokens until the last
//! sign-in is [`crate::people::Policy::vouched_seconds`] ago, or until the account is closed. Whom the provider names without a
//! role loses both at once. Of refusals at most one in [`SAID_EVERY_SECONDS`] is a line of the log, and none that anybody can
//! cause without a ticket.

mod encode;
mod fetch;
mod keys;
mod ticket;
pub(crate) mod token;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::people::{Clock, Role};
pub(crate) use encode::{percent_query, plain};
use fetch::{Ask, Client};
use keys::Keys;
pub(crate) use ticket::TICKET_SECONDS;
use token::{Claims, Expected};

/// Exchanges at once.
const MAXIMUM_EXCHANGES: usize = 4;
/// What the provider says of itself is believed for so long.
const DISCOVERY_SECONDS: i64 = 3_600;
/// Its keys.
const KEYS_SECONDS: i64 = 600;
/// A token with an unknown key makes us ask again, but no more often than this.
const KEYS_AGAIN_SECONDS: i64 = 30;
/// A provider that could not be asked is not asked again sooner.
const DISCOVERY_AGAIN_SECONDS: i64 = 10;
/// Between two refusals that are said in the log; the rest is counted and said with the next.
pub(crate) const SAID_EVERY_SECONDS: i64 = 10;
/// Tickets that were used lately.
const MAXIMUM_USED: usize = 4_096;
/// Groups of one token that are looked at.
const MAXIMUM_GROUPS: usize = 1_024;

/// Which role a group gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The group, as the provider writes it.
    pub group: String,
    /// What it may do.
    pub role: Role,
    /// The organisation whose services it sees; without one, the whole house.
    pub organisation: Option<String>,
}

/// The provider and what its word gives.
#[derive(Clone)]
pub struct Provider {
    /// The issuer, as in its tokens: `https`, or `http` on this machine.
    pub issuer: String,
    /// Who we are there.
    pub client_id: String,
    /// The secret that both know; none for a client without.
    pub client_secret: Option<String>,
    /// Where browsers come back to: the address of this console with `/signin/oidc/callback`.
    pub redirect: String,
    /// What is asked for; `openid` always is.
    pub scopes: Vec<String>,
    /// The claim with the name.
    pub name_claim: String,
    /// The claim with the groups: a list of texts, or one.
    pub groups_claim: String,
    /// The first one that fits counts.
    pub rules: Vec<Rule>,
    /// Authorities that are believed instead of the system's; PEM.
    pub ca: Option<PathBuf>,
    /// What the button says.
    pub title: String,
}

/// Never shows the secret.
impl std::fmt::Debug for Provider {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Provider").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// Somebody whom the provider vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Vouched {
    /// Never given to two people: issuer and subject.
    pub(crate) subject: String,
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) organisation: Option<String>,
}

/// Why somebody does not come in this way. The words are for the log and for whoever asked, and name no secret.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub(crate) enum Refused {
    #[error("this sign-in was begun in another browser, is too old, or was used already")]
    Ticket,
    #[error("the provider refused: {0}")]
    Provider(String),
    #[error("the provider cannot be asked: {0}")]
    Unreachable(String),
    #[error("what the provider says is not believed: {0}")]
    Token(#[from] token::Fault),
    /// The provider's word was good, and gives nothing.
    #[error("no group of this account has a role here")]
    NoRole {
        /// As of [`Vouched`].
        subject: String,
        name: String,
    },
    #[error("too many sign-ins at once; try again")]
    Busy,
}

/// What a provider says of itself.
#[derive(Debug, Clone, Default)]
struct Discovery {
    authorization: String,
    token: String,
    jwks: String,
    /// Whether the secret goes into the body and not into a header.
    secret_in_body: bool,
}

#[derive(Default)]
struct Memory {
    discovery: Option<(i64, Discovery)>,
    /// When it last could not be asked, and why.
    unreachable: Option<(i64, String)>,
    /// When a refusal was last said, and how many were not since.
    said: Option<(i64, u64)>,
    keys: Option<(i64, Arc<Keys>)>,
    /// Tickets that were used, the oldest first.
    used: VecDeque<(i64, String)>,
}

/// The way in by a provider.
pub(crate) struct Oidc {
    pub(crate) provider: Provider,
    client: Client,
    clock: Clock,
    /// Of this run: a ticket from before a restart is worth nothing.
    secret: hmac::Key,
    memory: Mutex<Memory>,
    exchanges: Semaphore,
}

impl Oidc {
    /// Nobody is asked yet.
    ///
    /// # Errors
    /// When the issuer is no address that may be asked, authorities cannot be read, or there are no random numbers.
    pub(crate) fn new(provider: Provider, clock: Clock) -> Result<Self, String> {
        for address in [&provider.issuer, &provider.redirect] {
            fetch::check(address)?;
        }
        let mut secret = [0; 32];
        SystemRandom::new().fill(&mut secret).map_err(|_| "the system gives no random numbers")?;
        Ok(Self {
            client: Client::new(provider.ca.as_deref(), &provider.issuer)?,
            provider,
            clock,
            secret: hmac::Key::new(hmac::HMAC_SHA256, &secret),
            memory: Mutex::default(),
            exchanges: Semaphore::new(MAXIMUM_EXCHANGES),
        })
    }

    fn now(&self) -> i64 {
        (self.clock)().as_second()
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A ticket for this browser, and where to send it.
    ///
    /// # Errors
    /// When the provider cannot be asked.
    pub(crate) async fn begin(&self) -> Result<(String, String), Refused> {
        self.lately_unreachable()?;
        let _turn = self.exchanges.try_acquire().map_err(|_| Refused::Busy)?;
        let discovery = self.discovery().await?;
        let ticket = ticket::new(self.now()).map_err(|()| Refused::Busy)?;
        let mut scopes = vec!["openid"];
        scopes.extend(self.provider.scopes.iter().map(String::as_str).filter(|scope| *scope != "openid"));
        let scopes = scopes.join(" ");
        let of = |purpose| ticket::derive(&self.secret, purpose, &ticket);
        let (state, nonce, challenge) = (of("state"), of("nonce"), ticket::challenge(&of("verifier")));
        let parameters = [
            ("response_type", "code"),
            ("client_id", &self.provider.client_id),
            ("redirect_uri", &self.provider.redirect),
            ("scope", &scopes),
            ("state", &state),
            ("nonce", &nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let sign = if discovery.authorization.contains('?') { '&' } else { '?' };
        let place = format!("{}{sign}{}", discovery.authorization, encode::form(&parameters));
        Ok((ticket, place))
    }

    /// Whom the provider vouches for, by what the browser brought back.
    ///
    /// # Errors
    /// Every reason not to let somebody in.
    pub(crate) async fn finish(&self, ticket: &str, state: &str, code: &str) -> Result<Vouched, Refused> {
        self.check(ticket, state)?;
        self.lately_unreachable()?;
        let _turn = self.exchanges.try_acquire().map_err(|_| Refused::Busy)?;
        let discovery = self.discovery().await?;
        let text = self.exchange(&discovery, ticket, code).await?;
        let claims = self.believe(&discovery, &text, ticket).await?;
        // Only now: what is not worth a place takes none.
        if !self.use_up(ticket) {
            return Err(Refused::Ticket);
        }
        self.vouched(&claims)
    }

    /// What the provider says in place of a code. Said of a sign-in that was begun here, in this browser, or it is nobody's word.
    ///
    /// # Errors
    /// Always: the reason not to let somebody in.
    pub(crate) fn declined(&self, ticket: &str, state: &str, error: &str) -> Result<Vouched, Refused> {
        self.check(ticket, state)?;
        if !self.use_up(ticket) {
            return Err(Refused::Ticket);
        }
        Err(Refused::Provider(plain(error)))
    }

    /// Whether ticket and state are of one sign-in that is young and was not used.
    fn check(&self, ticket: &str, state: &str) -> Result<(), Refused> {
        let expected = ticket::derive(&self.secret, "state", ticket);
        let fits = crate::people::secret::equal(expected.as_bytes(), state.as_bytes());
        let is_good = fits && ticket::is_fresh(ticket, self.now()) && !self.is_used(ticket);
        if is_good { Ok(()) } else { Err(Refused::Ticket) }
    }

    /// Whether a refusal may be said now, and how many were not said before it. Strangers cause refusals, and the log is not theirs.
    pub(crate) fn may_say(&self) -> Option<u64> {
        let now = self.now();
        let mut memory = self.memory();
        match &mut memory.said {
            Some((at, unsaid)) if now - *at < SAID_EVERY_SECONDS => {
                *unsaid += 1;
                None
            }
            said => Some(said.replace((now, 0)).map_or(0, |(_, unsaid)| unsaid)),
        }
    }

    /// No place is taken, and nobody asked, while the provider did not answer just before.
    fn lately_unreachable(&self) -> Result<(), Refused> {
        let now = self.now();
        match &self.memory().unreachable {
            Some((at, why)) if now - at < DISCOVERY_AGAIN_SECONDS => Err(Refused::Unreachable(why.clone())),
            _ => Ok(()),
        }
    }

    fn is_used(&self, ticket: &str) -> bool {
        self.memory().used.iter().any(|(_, used)| used == ticket)
    }

    /// Whether it was good until now.
    fn use_up(&self, ticket: &str) -> bool {
        let now = self.now();
        let mut memory = self.memory();
        memory.used.retain(|(at, _)| now - at <= TICKET_SECONDS);
        if memory.used.len() >= MAXIMUM_USED || memory.used.iter().any(|(_, used)| used == ticket) {
            return false;
        }
        memory.used.push_back((now, ticket.to_owned()));
        true
    }

    async fn discovery(&self) -> Result<Discovery, Refused> {
        let known = self.memory().discovery.clone();
        if let Some((at, discovery)) = known
            && self.now() - at < DISCOVERY_SECONDS
        {
            return Ok(discovery);
        }
        let said = self.discover().await;
        let now = self.now();
        let mut memory = self.memory();
        match &said {
            Ok(discovery) => {
                memory.discovery = Some((now, discovery.clone()));
                memory.unreachable = None;
            }
            Err(Refused::Unreachable(why)) => memory.unreachable = Some((now, why.clone())),
            Err(why) => memory.unreachable = Some((now, why.to_string())),
        }
        drop(memory);
        said
    }

    async fn discover(&self) -> Result<Discovery, Refused> {
        let place =
            format!("{}/.well-known/openid-configuration", self.provider.issuer.trim_end_matches('/'));
        let said = self.json(Ask::get(&place)).await?;
        let text = |name: &str| said[name].as_str().unwrap_or_default().to_owned();
        if text("issuer") != self.provider.issuer {
            return Err(Refused::Unreachable("it says that it is another issuer".to_owned()));
        }
        let discovery = Discovery {
            authorization: text("authorization_endpoint"),
            token: text("token_endpoint"),
            jwks: text("jwks_uri"),
            secret_in_body: !supports_basic(&said["token_endpoint_auth_methods_supported"]),
        };
        for place in [&discovery.authorization, &discovery.token, &discovery.jwks] {
            fetch::check(place).map_err(Refused::Unreachable)?;
        }
        Ok(discovery)
    }

    /// The ID token for a code.
    async fn exchange(&self, discovery: &Discovery, ticket: &str, code: &str) -> Result<String, Refused> {
        let verifier = ticket::derive(&self.secret, "verifier", ticket);
        let mut parameters = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.provider.redirect),
            ("client_id", &self.provider.client_id),
            ("code_verifier", &verifier),
        ];
        let mut ask = Ask::get(&discovery.token);
        if let Some(secret) = &self.provider.client_secret {
            if discovery.secret_in_body {
                parameters.push(("client_secret", secret));
            } else {
                // RFC 6749 section 2.3.1: both are encoded as in a form first.
                let pair =
                    format!("{}:{}", encode::percent(&self.provider.client_id), encode::percent(secret));
                ask.authorization = Some(format!("Basic {}", encode::base64(pair.as_bytes())));
            }
        }
        ask.form = Some(encode::form(&parameters));
        let said = self.json(ask).await?;
        match said["id_token"].as_str() {
            Some(text) => Ok(text.to_owned()),
            None => Err(Refused::Provider(encode::plain(said["error"].as_str().unwrap_or("no ID token")))),
        }
    }

    async fn believe(&self, discovery: &Discovery, text: &str, ticket: &str) -> Result<Claims, Refused> {
        let nonce = ticket::derive(&self.secret, "nonce", ticket);
        let expected = Expected {
            issuer: &self.provider.issuer,
            client_id: &self.provider.client_id,
            nonce: &nonce,
            now_seconds: self.now(),
        };
        let keys = self.keys(discovery, KEYS_SECONDS).await?;
        match token::verify(text, &keys, &expected) {
            // Keys are changed now and then.
            Err(token::Fault::UnknownKey) => {
                let keys = self.keys(discovery, KEYS_AGAIN_SECONDS).await?;
                Ok(token::verify(text, &keys, &expected)?)
            }
            result => Ok(result?),
        }
    }

    async fn keys(&self, discovery: &Discovery, believed_seconds: i64) -> Result<Arc<Keys>, Refused> {
        let known = self.memory().keys.clone();
        if let Some((at, keys)) = known
            && self.now() - at < believed_seconds
        {
            return Ok(keys);
        }
        let keys = Arc::new(Keys::of(&self.json(Ask::get(&discovery.jwks)).await?));
        self.memory().keys = Some((self.now(), Arc::clone(&keys)));
        Ok(keys)
    }

    async fn json(&self, ask: Ask) -> Result<Value, Refused> {
        let (status, bytes) = self.client.ask(&ask).await.map_err(Refused::Unreachable)?;
        let value: Value = serde_json::from_slice(&bytes)
            .map_err(|_| Refused::Unreachable("its answer is no JSON".to_owned()))?;
        match (status, value["error"].as_str()) {
            (200, _) => Ok(value),
            (_, Some(error)) => Err(Refused::Provider(encode::plain(error))),
            (status, None) => Err(Refused::Unreachable(format!("it answers with status {status}"))),
        }
    }

    fn vouched(&self, claims: &Claims) -> Result<Vouched, Refused> {
        let groups: Vec<&str> = match &claims.all[self.provider.groups_claim.as_str()] {
            Value::String(one) => vec![one],
            Value::Array(all) => all.iter().take(MAXIMUM_GROUPS).filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let rule = self.provider.rules.iter().find(|rule| groups.contains(&rule.group.as_str()));
        let subject = format!("{} {}", self.provider.issuer, claims.subject);
        let name = claims.all[self.provider.name_claim.as_str()].as_str().unwrap_or(&claims.subject);
        let Some(rule) = rule else { return Err(Refused::NoRole { subject, name: plain(name) }) };
        Ok(Vouched {
            subject,
            name: name.to_owned(),
            role: rule.role,
            organisation: rule.organisation.clone(),
        })
    }
}

/// OpenID Connect Discovery 1.0 section 3: what a provider that says nothing takes.
fn supports_basic(methods: &Value) -> bool {
    methods.as_array().is_none_or(|methods| methods.iter().any(|method| method == "client_secret_basic"))
}
