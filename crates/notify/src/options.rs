//! What a channel is: plain structures, their limits ([`crate::limits`]) and what is wrong with them. Reading a file into
//! them is the caller's work.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use crate::limits;
use crate::rule::Rule;
use crate::secret::Secret;
use crate::transport::{url, valid_address, valid_host};

/// One channel.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelOptions {
    /// What it is called, in pages, metrics and payloads.
    pub name: String,
    /// Where it leads.
    pub kind: ChannelKind,
    /// What it is told.
    pub rule: Rule,
    /// How often it is told.
    pub damper: DamperOptions,
    /// What happens if telling fails.
    pub retry: RetryOptions,
    /// Milliseconds for one attempt from connecting to the answer; looking up a name comes on top.
    pub timeout_milliseconds: u32,
    /// Notices that wait for its thread.
    pub queue: u32,
    /// Failures in a row after which it is dead.
    pub dead_failures: u32,
    /// Seconds without success, while something waits, after which it is dead.
    pub dead_seconds: u32,
}

impl ChannelOptions {
    /// A channel with the defaults: everything is told.
    pub fn new(name: impl Into<String>, kind: ChannelKind) -> Self {
        Self {
            name: name.into(),
            kind,
            rule: Rule::default(),
            damper: DamperOptions::default(),
            retry: RetryOptions::default(),
            timeout_milliseconds: 10_000,
            queue: 1_024,
            dead_failures: 3,
            dead_seconds: 600,
        }
    }
}

/// Where a channel leads.
#[derive(Clone, Debug, PartialEq)]
pub enum ChannelKind {
    /// JSON with a signature, to a program.
    Webhook(WebhookOptions),
    /// An incoming webhook of Mattermost, Slack or what has the same shape.
    Chat(ChatOptions),
    /// Mail.
    Mail(MailOptions),
    /// A syslog server.
    Syslog(SyslogOptions),
}

impl ChannelKind {
    /// The word for it, as in a configuration.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Webhook(_) => "webhook",
            Self::Chat(_) => "chat",
            Self::Mail(_) => "mail",
            Self::Syslog(_) => "syslog",
        }
    }
}

/// A signed webhook.
#[derive(Clone, Debug, PartialEq)]
pub struct WebhookOptions {
    /// `https://host/path`. A secret, since many receivers keep a token in the path; only its host is shown.
    pub url: Secret,
    /// Key of the signature, [`limits::KEY_BYTES`] long.
    pub key: Secret,
    /// Certificates of authorities that are believed, in PEM, instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// Whether `http://` may lead to another machine, in the clear.
    pub allow_plain: bool,
}

/// A chat.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatOptions {
    /// The address that the chat gave for the incoming webhook. Whoever has it can write there.
    pub url: Secret,
    /// Certificates of authorities that are believed, in PEM, instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// Whether `http://` may lead to another machine, in the clear.
    pub allow_plain: bool,
}

/// How the connection to a mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailSecurity {
    /// TLS from the first byte (RFC 8314, port 465).
    Tls,
    /// TLS after `STARTTLS` (RFC 3207, port 587); nothing is sent to a server that does not offer it.
    StartTls,
    /// None, for a relay on this machine.
    Plain,
}

/// Mail through a relay.
#[derive(Clone, Debug, PartialEq)]
pub struct MailOptions {
    /// The relay, by name or address.
    pub host: String,
    /// Its port: 465 for TLS, 587 for STARTTLS, 25 for a local relay.
    pub port: u16,
    /// How the connection is protected.
    pub security: MailSecurity,
    /// Certificates of authorities that are believed, in PEM, instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// User and password, if the relay asks for them.
    pub login: Option<Login>,
    /// Address of the sender.
    pub from: String,
    /// Addresses of the recipients, [`limits::MAX_RECIPIENTS`] at most. Each sees the others.
    pub to: Vec<String>,
    /// The name by which this machine greets the relay.
    pub hello: String,
    /// Whether [`MailSecurity::Plain`] may lead to another machine.
    pub allow_plain: bool,
}

/// An account.
#[derive(Clone, Debug, PartialEq)]
pub struct Login {
    /// Its name.
    pub user: String,
    /// Its password.
    pub password: Secret,
}

/// How syslog travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyslogTransport {
    /// Datagrams (RFC 5426): nobody says whether they arrive.
    Udp,
    /// A stream with counted octets (RFC 6587 section 3.4.1).
    Tcp,
    /// The same within TLS (RFC 5425).
    Tls,
}

/// A syslog server.
#[derive(Clone, Debug, PartialEq)]
pub struct SyslogOptions {
    /// The server, by name or address.
    pub host: String,
    /// Its port: 514 for UDP, 601 for TCP, 6514 for TLS.
    pub port: u16,
    /// How messages travel.
    pub transport: SyslogTransport,
    /// Certificates of authorities that are believed, in PEM, instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// Facility, 0 to 23 (RFC 5424 section 6.2.1); 16 is local0.
    pub facility: u8,
    /// Name of this machine in messages, printable ASCII without spaces.
    pub host_name: String,
    /// Name of the structured data (RFC 5424 section 6.3.2): `name@number`. The default has the number that is kept for
    /// documentation; a site with a number of its own says so here.
    pub data_id: String,
    /// Bytes of one message; longer ones are cut.
    pub max_bytes: u32,
}

impl SyslogOptions {
    /// A server with the defaults.
    pub fn new(host: impl Into<String>, port: u16, transport: SyslogTransport) -> Self {
        Self {
            host: host.into(),
            port,
            transport,
            ca_file: None,
            facility: 16,
            host_name: "hemicycle".into(),
            data_id: "hemicycle@32473".into(),
            max_bytes: if transport == SyslogTransport::Udp { 2_048 } else { 8_192 },
        }
    }
}

/// How often a channel is told. See [`crate::Damper`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DamperOptions {
    /// Least seconds between two updates of one subject, and between two words about one that flaps.
    pub repeat_seconds: u32,
    /// Messages in any 60 seconds, digests included.
    pub burst: u32,
    /// Seconds for which notices are gathered once they are put together.
    pub digest_seconds: u32,
    /// Starts of one topic within [`Self::flap_seconds`] from which on it flaps.
    pub flap_starts: u32,
    /// See [`Self::flap_starts`]; after as many seconds without a start it is steady again.
    pub flap_seconds: u32,
}

impl Default for DamperOptions {
    fn default() -> Self {
        Self { repeat_seconds: 300, burst: 10, digest_seconds: 10, flap_starts: 3, flap_seconds: 900 }
    }
}

/// What happens after a failure. The wait doubles from the first one on, and a random half of it is left out, so that
/// many senders do not come back at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryOptions {
    /// Milliseconds after the first failure.
    pub first_milliseconds: u32,
    /// Longest wait in seconds.
    pub longest_seconds: u32,
    /// Attempts for one message.
    pub attempts: u32,
    /// Seconds after which a message is given up.
    pub age_seconds: u32,
}

impl Default for RetryOptions {
    fn default() -> Self {
        Self { first_milliseconds: 2_000, longest_seconds: 300, attempts: 30, age_seconds: 6 * 3_600 }
    }
}

/// One thing that is wrong with the options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionProblem {
    /// Name of the field.
    pub option: &'static str,
    /// What is wrong with it.
    pub why: String,
}

struct Problems(Vec<OptionProblem>);

impl Problems {
    fn unless(&mut self, is_fit: bool, option: &'static str, why: impl Into<String>) {
        if !is_fit {
            self.0.push(OptionProblem { option, why: why.into() });
        }
    }

    fn within(&mut self, option: &'static str, value: u32, range: &RangeInclusive<u32>) {
        let why = format!("{value} is not in {}..={}", range.start(), range.end());
        self.unless(range.contains(&value), option, why);
    }

    fn host(&mut self, host: &str) {
        self.unless(valid_host(host), "host", "it is no name or address of a machine");
    }
}

impl ChannelOptions {
    /// Everything that is wrong with them. Files are not looked at; [`crate::Notifier::open`] does that.
    pub fn validate(&self) -> Vec<OptionProblem> {
        let mut problems = Problems(Vec::new());
        let length = self.name.chars().count();
        let is_fit =
            (1..=limits::MAX_NAME_CHARACTERS).contains(&length) && !self.name.chars().any(char::is_control);
        problems.unless(
            is_fit,
            "name",
            format!("it needs 1 to {} characters of one line", limits::MAX_NAME_CHARACTERS),
        );
        problems.within("timeout_milliseconds", self.timeout_milliseconds, &limits::TIMEOUT_MILLISECONDS);
        problems.within("queue", self.queue, &limits::QUEUE);
        problems.within("dead_failures", self.dead_failures, &limits::DEAD_FAILURES);
        problems.within("dead_seconds", self.dead_seconds, &limits::DEAD_SECONDS);
        self.damper.check(&mut problems);
        self.retry.check(&mut problems);
        if let Some(why) = self.rule.problem() {
            problems.unless(false, "rule", why);
        }
        match &self.kind {
            ChannelKind::Webhook(options) => options.check(&mut problems),
            ChannelKind::Chat(options) => web(&options.url, options.allow_plain, &mut problems),
            ChannelKind::Mail(options) => options.check(&mut problems),
            ChannelKind::Syslog(options) => options.check(&mut problems),
        }
        problems.0
    }
}

impl DamperOptions {
    fn check(&self, problems: &mut Problems) {
        problems.within("repeat_seconds", self.repeat_seconds, &limits::REPEAT_SECONDS);
        problems.within("burst", self.burst, &limits::BURST);
        problems.within("digest_seconds", self.digest_seconds, &limits::DIGEST_SECONDS);
        problems.within("flap_starts", self.flap_starts, &limits::FLAP_STARTS);
        problems.within("flap_seconds", self.flap_seconds, &limits::FLAP_SECONDS);
    }
}

impl RetryOptions {
    fn check(&self, problems: &mut Problems) {
        problems.within("first_milliseconds", self.first_milliseconds, &limits::FIRST_MILLISECONDS);
        problems.within("longest_seconds", self.longest_seconds, &limits::LONGEST_SECONDS);
        problems.within("attempts", self.attempts, &limits::ATTEMPTS);
        problems.within("age_seconds", self.age_seconds, &limits::AGE_SECONDS);
    }
}

impl WebhookOptions {
    fn check(&self, problems: &mut Problems) {
        web(&self.url, self.allow_plain, problems);
        if let Secret::Value(key) = &self.key {
            problems.unless(limits::KEY_BYTES.contains(&key.len()), "key", key_length());
        }
    }
}

/// What is said of a key of the wrong length.
pub(crate) fn key_length() -> String {
    format!("it must be {} to {} bytes long", limits::KEY_BYTES.start(), limits::KEY_BYTES.end())
}

fn web(address: &Secret, allow_plain: bool, problems: &mut Problems) {
    if let Secret::Value(address) = address
        && let Err(why) = url::parse(address, allow_plain)
    {
        problems.unless(false, "url", why);
    }
}

impl MailOptions {
    fn check(&self, problems: &mut Problems) {
        problems.host(&self.host);
        problems.unless(self.port != 0, "port", "it must not be 0");
        problems.unless(valid_host(&self.hello), "hello", "it is no name of a machine");
        problems.unless(valid_address(&self.from), "from", "it is no mail address");
        let count = (1..=limits::MAX_RECIPIENTS).contains(&self.to.len());
        problems.unless(count, "to", format!("1 to {} addresses are possible", limits::MAX_RECIPIENTS));
        for address in self.to.iter().filter(|address| !valid_address(address)) {
            problems.unless(false, "to", format!("{address:?} is no mail address"));
        }
        let stays_here = self.allow_plain || url::is_loopback(&self.host);
        let is_protected = self.security != MailSecurity::Plain || stays_here;
        problems.unless(
            is_protected,
            "security",
            "mail leaves this machine in the clear; say allow_plain if it may",
        );
        if let Some(login) = &self.login {
            let is_fit = !login.user.is_empty() && login.user.len() <= 256 && !login.user.contains('\0');
            problems.unless(is_fit, "user", "it needs 1 to 256 bytes");
        }
    }
}

impl SyslogOptions {
    fn check(&self, problems: &mut Problems) {
        problems.host(&self.host);
        problems.unless(self.port != 0, "port", "it must not be 0");
        problems.within("facility", self.facility.into(), &(0..=23));
        problems.within("max_bytes", self.max_bytes, &limits::SYSLOG_BYTES);
        let printable = |text: &str, most: usize| {
            (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
        };
        // RFC 5424 section 6: lengths and characters of the fields.
        problems.unless(
            printable(&self.host_name, 255),
            "host_name",
            "it needs 1 to 255 printable characters",
        );
        let is_fit = printable(&self.data_id, 32)
            && !self.data_id.contains(['=', ']', '"'])
            && self.data_id.contains('@');
        problems.unless(is_fit, "data_id", "it must be name@number, at most 32 characters");
    }
}
